"""Language models at work on lists: token trees, features, weights and how they are tuned."""

from __future__ import annotations

__all__: list[str] = []
