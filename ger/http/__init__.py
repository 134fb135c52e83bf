"""Servers that speak OpenAI's interface, as clients see them: addresses, keys, requests that are tried again."""

from __future__ import annotations

__all__: list[str] = []
