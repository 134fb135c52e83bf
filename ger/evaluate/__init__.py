"""Error rates with counts, intervals and signatures."""

from __future__ import annotations

__all__: list[str] = []
