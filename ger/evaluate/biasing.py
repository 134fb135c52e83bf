"""Errors in hotwords and errors in everything else.

U-WER is the error rate of the words that are not in the utterance's own list of hotwords, B-WER that of those that
are; an insertion belongs to the one or the other by the inserted word (Le et al. 2021, "Contextualized streaming
end-to-end speech recognition with trie-based deep biasing and shallow fusion", section 4.1). A hotword of several words
counts where all of it stands in a row, which for lists of single words, such as theirs, is the same. Of several
alignments with as few errors theirs may choose another, which moves an error from one rate to the other now and then.

Where texts have punctuation (theirs have none), a hotword is one also with marks around it: `airport.` for `airport` is
a hotword that was recognized, and a word error where the normalizer keeps marks.
"""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

__all__ = ["COUNTS", "biasing"]

_BEFORE, _BEHIND = '"“„«‹([{¿¡「『《', '.,;:!?…"”“»›)]}。，、！？；：」』》'
#: What is counted of an utterance: words of the reference in hotwords, and errors there; hotwords that were said, and
#: those of them recognized whole; hotwords that were written, and those of them that were said there.
COUNTS = ("biased_words", "biased_errors", "said", "recognized", "written", "right")


def biasing(reference: Sequence[str], hypothesis: Sequence[str], hotwords: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Count one utterance, see `COUNTS`.

    Args:
        reference: Its words.
        hypothesis: The words that were recognized.
        hotwords: The words of each hotword, in the same written form.
    """
    phrases = {tuple(map(_bare, words)) for words in hotwords if words}
    heard, put_down = list(map(_bare, reference)), list(map(_bare, hypothesis))
    said, written = _places(heard, phrases), _places(put_down, phrases)
    spoken, put = _covered(said), _covered(written)
    equal: dict[int, int] = {}
    for code in Levenshtein.opcodes(reference, hypothesis):
        if code.tag == "equal":
            equal |= zip(range(code.src_start, code.src_end), range(code.dest_start, code.dest_end), strict=True)
    operations = Levenshtein.editops(reference, hypothesis)
    replaced = ((op.src_pos, op.dest_pos) for op in operations if op.tag == "replace")
    equal |= {src: dest for src, dest in replaced if heard[src] == put_down[dest]}
    matched = set(equal.values())
    errors = sum(op.dest_pos in put if op.tag == "insert" else op.src_pos in spoken for op in operations)
    return (
        len(spoken),
        errors,
        len(said),
        sum(all(i in equal for i in place) for place in said),
        len(written),
        sum(all(i in matched for i in place) for place in written),
    )


def _bare(word: str) -> str:
    """A word without the marks around it; apostrophes belong to it."""
    return word.lstrip(_BEFORE).rstrip(_BEHIND) or word


def _places(words: Sequence[str], phrases: set[tuple[str, ...]]) -> list[range]:
    """Where hotwords stand; where one is a part of another, the longer."""
    lengths = sorted({len(phrase) for phrase in phrases}, reverse=True)
    found: list[range] = []
    start = 0
    while start < len(words):
        length = next((n for n in lengths if tuple(words[start : start + n]) in phrases), 0)
        if length:
            found.append(range(start, start + length))
        start += length or 1
    return found


def _covered(places: Sequence[range]) -> set[int]:
    return {i for place in places for i in place}
