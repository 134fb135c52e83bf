"""Lists and lattices of any recognizer with a CTC output: its log-posteriors are searched under a grammar.

The grammar is the plain topology of CTC, or words with an n-gram model. An engine (`asr_frontends.lattice_search`)
makes a lattice of Viterbi scores; its best different texts are found exactly (`ger.io.lattice.best`) and then scored
anew, in nats:

- `acoustic_score`: log p(text | audio) over all alignments (`asr_frontends.ctc.forward`) and spellings: those of the
  lexicon, or those in pieces of words that the lattice holds; with and without a delimiter before and after the text;
- `lm_score`: log p(text, end of sentence) by the n-gram model; nothing where there is none;
- `score`: `acoustic_scale * acoustic_score + lm_score`, or `acoustic_score` where there is no n-gram model.

Hotwords get a bonus in the search alone: texts with them are found, and their scores are those of the recognizer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asr_frontends.ctc import align, forward
from asr_frontends.hotwords import signature
from asr_frontends.lattice_grammar import Hotwords, NGrams, Spelling, Tokens, letters
from asr_frontends.lattice_search import Beams, Search, build, searcher
from asr_frontends.lattice_settings import Settings, read_settings
from asr_frontends.posteriors import Posteriors
from ger.errors import UsageError
from ger.io.lattice import Lattice, best
from ger.lm.ngram import NGramModel
from ger.protocols import FrontendOptions
from ger.text.normalize import normalize
from ger.types import AudioSegment, Hypothesis, NBest, Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.floating]

__all__ = ["LatticeASR"]

#: Tokens that no frame gives this probability are left out of the plain topology.
_LIKELY = 1e-4
#: Texts of a lattice that are scored for each that is wanted, and spellings of a text.
_MORE, _SPELLINGS = 8, 64


@dataclass(frozen=True, slots=True)
class _Way:
    """Tokens, and the words that they spell: each with its first token and the one after its last."""

    tokens: Spelling
    words: tuple[tuple[str, int, int], ...]

    @property
    def text(self) -> str:
        return " ".join(word for word, _, _ in self.words)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text in its most probable spelling, and its scores (nats)."""

    way: _Way
    acoustic: float
    lm: float | None


class LatticeASR:
    """Lists from log-posteriors by way of lattices; see `ger.protocols.AsrFrontend`.

    `options.model` is a folder with `lattice.toml` (`asr_frontends.lattice_settings`), one with `tokens.txt` and saved
    log-posteriors, or a CTC model of transformers.

    Args:
        options: See there.
        posteriors: Where log-posteriors come from, in the place of what the folder names.

    Raises:
        DependencyError: no engine is installed.
        ModelError: something that the folder names cannot be loaded.
        UsageError: something was asked for that is not to be had here.
    """

    def __init__(self, options: FrontendOptions, posteriors: Posteriors | None = None) -> None:
        if options.task == "translate":
            raise UsageError("A lattice cannot translate.", "Use a multilingual Whisper model.")
        self._settings: Settings = read_settings(options.model, given=posteriors is not None)
        self._engine, self._prepare = searcher(self._settings.engine, options.device)
        self._source = posteriors or self._settings.posteriors()
        self._symbols, self._options = self._source.symbols, options
        self._lm = NGramModel.read(self._settings.lm) if self._settings.lm else None
        self._lexicon = self._settings.spellings(self._lm, self._symbols) if self._lm else {}
        self._beams = Beams(self._settings.acoustic_scale, self._settings.beam, self._settings.lattice_beam)
        self._searches: dict[tuple[str, ...], Search] = {}

    @property
    def signature(self) -> str:
        """See `ger.protocols.AsrFrontend`."""
        return (
            f"lattice:{self._source.signature},{self._engine},{self._settings.signature},"
            f"nbest={self._options.nbest}{signature(self._options.hotwords)}"
        )

    def recognize(self, segments: Sequence[AudioSegment]) -> list[NBest]:
        """See `ger.protocols.AsrFrontend`.

        Raises:
            ModelError: the recognizer broke.
        """
        heard = [segment for segment in segments if len(segment.samples)]
        found = dict(zip(map(id, heard), self._source.posteriors(heard), strict=True))
        return [self._nbest(segment, found.get(id(segment))) for segment in segments]

    def lattice(self, logp: Frames, hotwords: tuple[str, ...] = ()) -> Lattice:
        """The lattice of some log-posteriors, shape (frames, symbols).

        Its words are those of the n-gram model, or numbers of tokens where there is none; acoustic scores are those of
        the best alignment, and language model scores include the bonus of hotwords.
        """
        if self._lm:
            if hotwords not in self._searches:
                phrases = Hotwords([tuple(phrase.split()) for phrase in hotwords], self._settings.boost)
                words = NGrams(self._lm, self._lexicon, phrases, self._settings.delimiter(self._symbols))
                self._searches = {hotwords: self._prepare(build(words, self._symbols.blank), self._beams)}
            return self._searches[hotwords](logp)
        likely = {token for token in self._symbols.written if logp[:, token].max() > math.log(_LIKELY)}
        units = [spelling for phrase in hotwords if (spelling := letters(phrase, self._symbols))]
        tokens = Tokens(sorted(likely.union(*units)), Hotwords(units, self._settings.boost))
        return self._prepare(build(tokens, self._symbols.blank), self._beams)(logp)

    def _nbest(self, segment: AudioSegment, found: tuple[Frames, float] | None) -> NBest:
        hotwords = tuple(dict.fromkeys((*segment.context.hotwords, *self._options.hotwords)))
        texts = self._texts(found[0], hotwords) if found and len(found[0]) else []
        hypotheses = [Hypothesis(t.way.text, self._score(t), t.acoustic, t.lm) for t in texts]
        if found and texts:
            hypotheses[0] = replace(hypotheses[0], words=_times(texts[0].way, *found, self._symbols.blank, segment))
        return NBest(
            id=segment.id,
            hypotheses=tuple(hypotheses),
            audio=segment.span,
            language=segment.language or self._options.language,
            context=segment.context,
            meta={"frontend": "lattice"},
        )

    def _score(self, text: _Text) -> float:
        return text.acoustic if text.lm is None else self._settings.acoustic_scale * text.acoustic + text.lm

    def _texts(self, logp: Frames, hotwords: tuple[str, ...]) -> list[_Text]:
        """The best different texts, best first; none where the best is empty."""
        paths = best(self.lattice(logp, hotwords), _MORE * self._options.nbest, self._settings.acoustic_scale)
        ways = list(dict.fromkeys(way for path in paths for way in self._ways(path.text.split())))
        acoustic = forward(logp, [way.tokens for way in ways], blank=self._symbols.blank)
        groups: dict[str, dict[Spelling, tuple[float, _Way]]] = {}
        for score, way in zip(acoustic, ways, strict=True):
            if score > -math.inf:
                groups.setdefault(normalize(way.text), {}).setdefault(way.tokens, (score, way))
        texts = [self._text(list(group.values())) for group in groups.values()]
        texts.sort(key=lambda text: (-self._score(text), text.way.text))
        if not texts or not normalize(texts[0].way.text):
            return []
        return [text for text in texts if normalize(text.way.text)][: self._options.nbest]

    def _text(self, group: list[tuple[float, _Way]]) -> _Text:
        """One text of several spellings: their probabilities add up."""
        score, way = max(group, key=lambda found: found[0])
        total = score + math.log(math.fsum(math.exp(other - score) for other, _ in group))
        return _Text(way, total, self._lm.score(way.text.split()) if self._lm else None)

    def _ways(self, units: list[str]) -> Iterator[_Way]:
        """How a path of the lattice may be spelled: words in all their ways, or tokens as they are.

        Between words stands one delimiter, where the recognizer has one; before and after the text there may be one.
        """
        if self._lm:
            choices = itertools.product(*(self._lexicon[word] for word in units))
            rows = [list(zip(units, chosen, strict=True)) for chosen in itertools.islice(choices, _SPELLINGS)]
        else:
            ids = list(map(int, units))
            rows = [[(word, tuple(ids[a:b])) for word, a, b in self._symbols.words(ids)]]
        sign = self._settings.delimiter(self._symbols) if self._lm else self._symbols.delimiter
        between = () if sign is None else (sign,)
        for row in rows:
            yield from (_way(row, between, *ends) for ends in itertools.product({(), between}, repeat=2))


def _way(row: list[tuple[str, Spelling]], between: Spelling, before: Spelling, after: Spelling) -> _Way:
    tokens, words = list(before), []
    for number, (word, spelling) in enumerate(row):
        tokens += between if number else ()
        words.append((word, len(tokens), len(tokens) + len(spelling)))
        tokens += spelling
    return _Way((*tokens, *(after if row else ())), tuple(words))


def _times(way: _Way, logp: Frames, step: float, blank: int, segment: AudioSegment) -> tuple[Word, ...]:
    """Words with times in the recording, by the most probable alignment."""
    spans = align(logp, way.tokens, blank=blank)
    begin = segment.span.start or 0.0
    end = begin + segment.duration
    return tuple(
        Word(word, round(min(end, begin + spans[a][0] * step), 3), round(min(end, begin + spans[b - 1][1] * step), 3))
        for word, a, b in way.words
    )
