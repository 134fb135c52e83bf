"""Taking off what language models put around an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rapidfuzz.distance import Levenshtein

from ger.text.normalize import normalize

__all__ = ["cleaned"]

_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|\[/?INST\]|<(?:bos|eos|pad|end_of_turn)>")
_FENCE = re.compile(r"```\w*\n?(.*?)(?:```|\Z)", re.DOTALL)
_LABEL = re.compile(r"[^:：\n]{1,80}[:：]\s*(?=\S)")
_NUMBERED = re.compile(r"\s*(?:\d{1,2}[.)]|[-*•])\s+(?=\S)")
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’", "「": "」", "`": "`", "**": "**", "*": "*"}


def cleaned(answer: str, texts: Sequence[str]) -> str:
    """An answer without what models put around it: special tokens, fences, "Here is the text:", quotes, notes.

    Of all ways to cut, the one most like a hypothesis is taken, and the answer as it is where none is more alike.

    Args:
        answer: What a model wrote.
        texts: The hypotheses; without any only special tokens go.
    """
    answer = _SPECIAL.sub(" ", answer).strip()
    if not texts or any(answer == text for text in texts):
        return " ".join(answer.split())
    cuts = dict.fromkeys(" ".join(cut.split()) for cut in _cuts(answer))
    heard = [text.casefold() for text in dict.fromkeys(texts)]

    def alike(cut: str) -> float:
        return max(Levenshtein.normalized_similarity(cut.casefold(), text) for text in heard)

    return max(cuts, key=lambda cut: (round(alike(cut), 9), -len(cut)) if normalize(cut) else (-1.0, 0))


def _cuts(answer: str) -> Iterable[str]:
    """The answer, then parts of it."""
    pieces = [answer, *(match[1] for match in _FENCE.finditer(answer))]
    pieces += [line for piece in pieces for line in piece.splitlines() if line.strip()]
    for piece in dict.fromkeys(piece.strip() for piece in pieces):
        yield piece
        yield _unquoted(piece)
        for pattern in (_LABEL, _NUMBERED):
            if match := pattern.match(piece):
                yield piece[match.end() :]
                yield _unquoted(piece[match.end() :].strip())


def _unquoted(text: str) -> str:
    for first, last in _QUOTES.items():
        if len(text) > len(first + last) and text.startswith(first) and text.endswith(last):
            return _unquoted(text[len(first) : -len(last)].strip())
    return text
