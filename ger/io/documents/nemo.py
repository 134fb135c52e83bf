"""NeMo's manifests: JSON Lines with `audio_filepath`, `duration`, `text` and, where it was recognized, `pred_text`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from ger.errors import InputError
from ger.io.documents.core import Change, Document, Slots, Unit, decoded, lines_of
from ger.io.documents.echoes import Echo, ListPlace, words_of
from ger.io.documents.jsondoc import Entries, dumped, field_of, is_finite, parsed, seconds
from ger.types import Hypothesis, Word

__all__ = ["Nemo", "read"]

_PREDICTED = "pred_text"
_WORDS = Entries()


class Nemo(Document):
    """See the top of this file and `ger.io.documents.core.Document`.

    What is corrected is `pred_text` (or the one `pred_text_MODEL` that there is); `text` is the reference then. Where
    no line has one, it is `text`. Units are named like their audio, with the number of the line behind it where two
    have the same name. `beams` are the further hypotheses. The words of `timestamps_word` and the texts of
    `timestamps_segment` follow the text; `timestamps_char` and measures such as `wer` stay.

    Attributes:
        texts: What is corrected, as it is written.
        transcripts: The `text` of each line, where it has one.

    Raises:
        InputError: the file is not what it should be; names the line.
    """

    format = "nemo"

    def __init__(self, raw: bytes, name: str) -> None:
        text, self._encode = decoded(raw, name)
        self._lines = [line for _, _, line in lines_of(text)]
        self._at = [i for i, line in enumerate(self._lines) if line.strip()]
        values = [parsed(self._lines[i], name, i + 1) for i in self._at]
        places = [f"{name}, line {i + 1}" for i in self._at]
        audio = [_needed(value, "audio_filepath", where) for value, where in zip(values, places, strict=True)]
        self._key = _corrected(values, name)
        self.texts = [_needed(value, self._key, where) for value, where in zip(values, places, strict=True)]
        self.transcripts = [field_of(value, "text", str, where) for value, where in zip(values, places, strict=True)]
        self.units = tuple(
            _unit(*told, self._key) for told in zip(_ids(audio, self._at), values, places, audio, strict=True)
        )

    def _written(self, changes: Mapping[int, Sequence[Change]]) -> bytes:
        lines = list(self._lines)
        for unit, own in changes.items():
            at = self._at[unit]
            value = parsed(lines[at], "")
            _change(value, self._key, own, self.units[unit])
            lines[at] = dumped(value, lines[at])
        return self._encode("".join(lines))


def _corrected(values: Sequence[Any], name: str) -> str:
    """Under which key the texts are that are corrected."""
    keys = dict.fromkeys(key for value in values for key in value if key.startswith(_PREDICTED))
    if len(keys) > 1 and _PREDICTED not in keys:
        raise InputError(
            f"{name} holds texts of several models: {', '.join(keys)}.", f"Call the one to correct {_PREDICTED!r}."
        )
    return _PREDICTED if _PREDICTED in keys else next(iter(keys), "text")


def _ids(audio: Sequence[str], lines: Sequence[int]) -> list[str]:
    stems = [PurePath(path).stem or path for path in audio]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{stem}:{line + 1:04d}" for stem, line in zip(stems, lines, strict=True)]


def _unit(name: str, value: Any, where: str, audio: str, key: str) -> Unit:
    text = _needed(value, key, where)
    start, duration = seconds(value, "offset", where) or 0.0, seconds(value, "duration", where)
    timed = [_WORDS.word(entry, where) for entry in field_of(value, "timestamps_word", list, where, [])]
    words = tuple(_shifted(word, start) for word in words_of(text, timed))
    best, *others = _beams(value, text, where) or (None,)
    return Unit(
        name,
        words,
        start,
        None if duration is None else start + duration,
        str(field_of(value, "speaker", (str, int), where, "")),
        audio,
        field_of(value, "lang", str, where),
        tuple(others),
        best,
        closed=True,
        reference=None if key == "text" else field_of(value, "text", str, where),
    )


def _needed(value: Any, key: str, where: str) -> str:
    text = field_of(value, key, str, where)
    if text is None:
        raise InputError(f"{where}: {key!r} is missing.", "Every line of the manifest needs it.")
    return str(text)


def _shifted(word: Word, by: float) -> Word:
    """A word that is said later; in the manifest times are those in the utterance, not in the recording."""
    start, end = (None if time is None else time + by for time in (word.start, word.end))
    return replace(word, start=start, end=end)


def _told(words: Sequence[Word], unit: Unit) -> tuple[Word, ...]:
    """Words with the times that they have in the manifest."""
    return tuple(_shifted(word, -(unit.start or 0.0)) for word in words)


def _beams(value: Any, text: str, where: str) -> list[Hypothesis]:
    """The hypotheses with the one first that is the text, whether or not it is one of them."""
    beams: list[Hypothesis] = []
    for beam in field_of(value, "beams", list, where, []):
        if not isinstance(beam, list) or len(beam) != 2 or not isinstance(beam[0], str):
            raise InputError(f"{where}: 'beams' should hold texts with scores.", "Write [[text, score], …].")
        beams.append(Hypothesis(beam[0], float(beam[1]) if is_finite(beam[1]) else None))
    if beams and beams[0].text != text:
        beams.insert(0, Hypothesis(text))
    return beams


def _change(value: Any, key: str, changes: Sequence[Change], unit: Unit) -> None:
    """Change a text and what repeats it."""
    old = value[key]
    value[key] = new = Slots(old).changed(changes)
    if (beams := value.get("beams")) and beams[0][0] == old:
        beams[0][0] = new
    if entries := value.get("timestamps_word"):
        own = [replace(change, words=_told(change.words, unit)) for change in changes]
        Echo([0], [ListPlace(entries, _WORDS, "")]).follow([replace(unit, words=_told(unit.words, unit))], {0: own})
    segments = value.get("timestamps_segment")
    if isinstance(segments, list) and all(isinstance(s, dict) and isinstance(s.get("segment"), str) for s in segments):
        _change_segments(segments, changes, [word.text for word in unit.words])


def _change_segments(segments: Sequence[Any], changes: Sequence[Change], said: Sequence[str]) -> None:
    """Change the segments that a text was cut into; words that come go to the first segment that a change touches."""
    cut = [Slots(segment["segment"]) for segment in segments]
    if [text for slots in cut for text in slots.texts] != list(said):
        return
    begin, done = 0, set[int]()
    for segment, slots in zip(segments, cut, strict=True):
        end = begin + len(slots.texts)
        own = []
        for i, change in enumerate(changes):
            first, last = change.first, change.last
            if (last > begin and first < end) if first < last else (begin < first <= end or first == begin == 0):
                words = () if i in done else change.words
                own.append(Change(0, max(first, begin) - begin, min(last, end) - begin, words))
                done.add(i)
        segment["segment"] = slots.changed(own)
        begin = end


def read(raw: bytes, name: str) -> Nemo:
    """See `Nemo`."""
    return Nemo(raw, name)
