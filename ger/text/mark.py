"""A change shown word by word, as `git diff --word-diff` shows it."""

from __future__ import annotations

from typing import Literal

from ger.text.align import diff
from ger.text.tokens import Token, join, tokenize

__all__ = ["Mark", "Piece", "mark", "plain_marks"]

Mark = Literal["same", "removed", "added"]
Piece = tuple[Mark, str]


def mark(before: str, after: str) -> list[Piece]:
    """The two texts in one, in pieces to be printed one after another as they are.

    White space belongs to `same` pieces. The `same` and `added` pieces make up the new text, the `same` and
    `removed` ones the old text, but for white space.
    """
    old, new = tokenize(before), tokenize(after)
    pieces: list[Piece] = []
    for op in diff([token.text for token in old], [token.text for token in new]):
        removed, added = old[slice(*op.before)], new[slice(*op.after)]
        if pieces and (_spaced(removed) or _spaced(added)):
            pieces.append(("same", " "))
        if op.tag == "equal":
            pieces.append(("same", join(added)))
        else:
            pieces += [("removed", join(removed))] if removed else []
            pieces += [("added", join(added))] if added else []
    return _merged(pieces)


def _spaced(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[0].spaced


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring pieces of the same kind joined."""
    result: list[Piece] = []
    for kind, text in pieces:
        if result and result[-1][0] == kind == "same":
            text = result.pop()[1] + text
        result.append((kind, text))
    return result


_PLAIN: dict[Mark, str] = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}


def plain_marks(before: str, after: str) -> str:
    """The change without colour: `the [-cat-]{+hat+} sat`."""
    return "".join(_PLAIN[kind].format(text) for kind, text in mark(before, after))
