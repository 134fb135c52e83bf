"""Training on N-best lists."""

from __future__ import annotations

__all__: list[str] = []
