"""The HTTP service: an interface that OpenAI's clients know, requests of all clients batched together.

door ──> app ──> engine: decoding (a thread a request) ──> recognizer ──> corrector (one thread each, in batches)

Needs the extra `serve`; nothing but the command `ger serve` imports it.
"""

from __future__ import annotations

__all__: list[str] = []
