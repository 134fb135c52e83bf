"""What a run is made of: every setting with its default, in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ger import __version__, languages, prompting, recognizers, registry
from ger.correct.rewrites import REWRITES
from ger.errors import InputError, UsageError
from ger.hotwords import Hotwords
from ger.lm.abilities import check_backend, needed
from ger.lm.features import check
from ger.lm.generation import GENERATOR, Generation
from ger.lm.profile import DEFAULT, Profile
from ger.lm.select import LmSpec, load
from ger.protocols import (
    Ability,
    AsrFrontend,
    Corrector,
    FrontendOptions,
    LanguageModel,
    LmOptions,
    Segmenter,
    result_of,
)
from ger.recognizers import RecognizerSpec
from ger.types import Task

if TYPE_CHECKING:
    from ger.correct.consistent import Consistent
    from ger.correct.hotword_reader import Reader
    from ger.translate import Translator

__all__ = ["GENERATING", "GENERATOR", "HOTWORDS", "REWRITE", "REWRITES", "UNJUDGED", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a run.

    Attributes:
        recognizers: The recognizers, the most trusted first.
        recognizer: What they are made with; which models, `recognizers` says, and which hotwords, `hotwords`.
        segmenter: Name of the plug-in that finds the speech.
        lm: What language models are made with; which ones, the profile says.
        mode: Name of the corrector.
        profile: Language models, weights of all features, and everything else that decides.
        answers: File of recorded answers, which stand in for a corrector; empty for none.
        translator: The model that translates what the recognizers have written, before that is corrected; `None` for
            none.
        translation_prompt: What it is asked.
        translation_beams: Width of its search.
        hotwords: Words and phrases that may occur, for recognizers and correctors.
        hotword_model: File of the model that puts them in; empty for the one that comes with ger.
        consistent: Whether rare words that a recording repeats are spelled one way, in a second look at all of it.

    Raises:
        UsageError: a setting is out of its range, or a backend says that it cannot do what it is needed for.
    """

    recognizers: tuple[RecognizerSpec, ...] = (RecognizerSpec(),)
    recognizer: FrontendOptions = field(default_factory=FrontendOptions)
    segmenter: str = "silero"
    lm: LmOptions = field(default_factory=LmOptions)
    mode: str = "rescore"
    profile: Profile = DEFAULT
    answers: str = ""
    translator: LmSpec | None = None
    translation_prompt: str = "translate"
    translation_beams: int = 1
    hotwords: Hotwords = field(default_factory=Hotwords)
    hotword_model: str = ""
    consistent: bool = False

    def __post_init__(self) -> None:
        if self.recognizer.nbest < 1:
            raise UsageError(f"--nbest is {self.recognizer.nbest}.", "Use 1 or more.")
        if self.recognizer.beam_size < 0 or self.recognizer.batch_size < 0 or self.recognizer.threads < 0:
            raise UsageError("--beam-size, --batch-size and --threads cannot be negative.", "Leave them out to choose.")
        if self.recognizer.task not in get_args(Task):
            hint = registry.suggest(self.recognizer.task, get_args(Task))
            raise UsageError(f"There is no task called {self.recognizer.task!r}.", hint)
        if self.translation_beams < 1:
            raise UsageError(f"--translation-beams is {self.translation_beams}.", "Use 1 or more.")
        if languages.same(self.recognizer.language, self.recognizer.into):
            raise UsageError(
                f"{languages.name_of(self.recognizer.into)} is spoken, and what is to be translated into.",
                "Use --task transcribe.",
            )
        if self.consistent and (self.recognizer.task == "translate" or self.mode == "cascade"):
            raise UsageError("Spelling one way is for transcripts.", "Leave --consistent out.")
        if self.profile.generation and self.mode not in GENERATING:
            raise UsageError(
                f"The mode {self.mode!r} has no language model write.", f"Use --mode {', '.join(GENERATING)}."
            )
        if self.mode == REWRITE and not self.profile.rewrites:
            raise UsageError(
                f"The mode {REWRITE!r} needs rewrites.",
                "Name a file of them: --rewrites FILE, see `ger tune rewrites`.",
            )
        if self.profile.rewrites and self.mode not in _REWRITING:
            raise UsageError(f"The mode {self.mode!r} has no use for rewrites.", f"Use --mode {', '.join(_REWRITING)}.")
        known = [*(s.name for s in self.profile.lms), *([GENERATOR] if self.mode in GENERATING else [])]
        known += [REWRITES] if self.profile.rewrites else []
        check((name for name, weight in self.profile.weights.items() if weight), known)
        if unweighted := next((s.name for s in self.profile.lms if s.name not in self.profile.weights), None):
            raise UsageError(
                f"The language model {unweighted!r} has no weight.", "Give one, or a profile that `ger tune` wrote."
            )
        specs = [*self.profile.lms, (self.profile.generation or Generation()).lm]
        if self.translator:
            specs.append(self.translator)
        backends = [("backends", spec.backend) for spec in specs]
        frontends = [("frontends", spec.frontend) for spec in self.recognizers]
        for kind, name in (*frontends, ("segmenters", self.segmenter), *backends, ("correctors", self.mode)):
            if name not in registry.names(kind):  # type: ignore[arg-type]
                registry.load(kind, name)  # type: ignore[arg-type]  # raises, with a suggestion
        for backend, needs in self._needs():
            check_backend(backend, needs)

    def _needs(self) -> Iterator[tuple[str, tuple[Ability, ...]]]:
        """What the backends of the language models are needed for, where we know."""
        if self.translator:
            yield self.translator.backend, ("generate", "beams") if self.translation_beams > 1 else ("generate",)
        if self.answers:
            return
        if self.mode in _SCORING:
            yield from ((spec.backend, ("score",)) for spec in self.profile.lms if self.profile.weights[spec.name])
        if self.mode in GENERATING:
            how = self.profile.generation or Generation()
            judged = self.mode == "hybrid" and self.profile.weights.get(GENERATOR, 1.0)
            judges: tuple[Ability, ...] = ("choices",) if judged else ()
            adapter: tuple[Ability, ...] = ("adapter",) if how.adapter else ()
            yield how.lm.backend, (*needed(how), *adapter, *judges)

    @property
    def key(self) -> str:
        """Everything that a result depends on, as one line; loads nothing.

        A model that is a local folder or file counts by its whole path and by sizes and times of its files.
        """
        kept = replace(
            self,
            recognizers=tuple(replace(spec, model=_model(spec.model)) for spec in self.recognizers),
            recognizer=replace(self.recognizer, threads=0),
            lm=replace(self.lm, threads=0, batch_tokens=0),
            profile=replace(
                self.profile,
                lms=tuple(replace(spec, model=_model(spec.model)) for spec in self.profile.lms),
                generation=self.profile.generation and _fixed(self.profile.generation),
                rewrites=_model(self.profile.rewrites),
                gate=_gate(self.profile.gate),
                made={},
            ),
            answers=_model(self.answers),
            translator=self.translator and replace(self.translator, model=_model(self.translator.model)),
            translation_prompt=_model(self.translation_prompt),
            hotwords=Hotwords(),
            hotword_model=_model(self.hotword_model),
        )
        return f"ger {__version__} {kept!r}{_digest(self.hotwords) if self.hotwords else ''}"

    @property
    def servers(self) -> list[str]:
        """Models that run on servers; loads nothing.

        Raises:
            InputError: the gate cannot be read.
        """
        from ger.correct import factories

        gate = factories.gate(self.profile)
        judges = [gate.lm] if gate and gate.lm else []
        lms = [*self.profile.lms, (self.profile.generation or Generation()).lm, *judges]
        lms += [self.translator] if self.translator else []
        heard = [spec.model for spec in self.recognizers if spec.frontend == "remote"]
        return heard + [spec.model for spec in lms if spec.backend == "openai"]

    def make_frontend(self) -> AsrFrontend:
        """Load the recognizer, or several as one; they write what was said where a translator follows."""
        task: Task = "transcribe" if self.translator else self.recognizer.task
        told = replace(self.recognizer, hotwords=self.hotwords.texts, sounds=self.hotwords.sounds)
        return recognizers.load(self.recognizers, replace(told, task=task))

    def make_translator(self) -> Translator | None:
        """Load what translates the lists of the recognizers; `None` where nothing does.

        Raises:
            GerError: the prompt or the model cannot be used.
        """
        if self.translator is None:
            return None
        from ger.translate import Translator

        prompt = prompting.load(self.translation_prompt)
        lm = load(self.translator, self.lm)
        return Translator(lm, self.recognizer.target, prompt, self.translation_beams, self.recognizer.nbest)

    def make_segmenter(self) -> Segmenter:
        """Load what finds the speech."""
        segmenter: Segmenter = registry.load("segmenters", self.segmenter)()
        return segmenter

    @property
    def generation(self) -> Generation:
        """How a language model writes: as the profile says, on the model that its adapter was trained on."""
        from ger.train.adapter import base_of

        how = self.profile.generation or Generation()
        if how.adapter and not how.lm.model:
            return replace(how, lm=replace(how.lm, model=base_of(how.adapter)))
        return how

    @property
    def whole(self) -> bool:
        """Whether the corrector reads all of a recording at once; its prompt says so.

        Raises:
            GerError: the prompt cannot be used.
        """
        how = self.profile.generation
        asked = how.prompt if how and self.mode == "cascade" and not self.answers else ""
        return bool(asked) and prompting.load(asked).scope == "recording"

    def make_lms(self) -> dict[str, LanguageModel]:
        """Load the language models that the mode uses, and the rewrites, by name."""
        added = self._rewriting()  # a file that cannot be used is told before models are loaded
        names = [spec for spec in self.profile.lms if self.profile.weights[spec.name]]
        lms = {} if self.mode in _WITHOUT_LMS else {spec.name: load(spec, self.lm) for spec in names}
        if self.mode in GENERATING:
            how = self.generation
            lms[GENERATOR] = load(how.lm, replace(self.lm, adapter=how.adapter))
        return lms | added

    def _rewriting(self) -> dict[str, LanguageModel]:
        from ger.correct.rewrites import read_rewrites
        from ger.correct.rewriting import Rewriting

        path = self.profile.rewrites
        return {REWRITES: Rewriting(read_rewrites(Path(path)))} if path else {}

    def make_corrector(self, *, whole: bool = False) -> Corrector:
        """Load the corrector with its language models, and the guard and the gate that watch over it.

        Args:
            whole: Whether it is given whole recordings where `whole` of the settings says so.

        Raises:
            UsageError: its prompt is for whole recordings, and it is not given any.
            GerError: something cannot be loaded.
        """
        from ger.correct import factories
        from ger.correct.hotword_model import default, read_model
        from ger.correct.hotwords import HotwordCorrector
        from ger.correct.running import Running

        gate = factories.gate(self.profile)
        lms: dict[str, LanguageModel] = {}
        writes = bool(self.answers) or self.mode in GENERATING
        if self.answers:
            corrector = factories.recorded(Path(self.answers))
        else:
            self._check_prompt(whole=whole)
            lms = self.make_lms()
            corrector = registry.load("correctors", self.mode)(lms, self.profile)
        watched = factories.watched(corrector, gate, self.lm, rules=self.profile.guard and writes)
        decides = read_model(Path(self.hotword_model)) if self.hotword_model else default()
        watched = HotwordCorrector(watched, self.hotwords, decides, self.recognizer.language, self.make_reader(lms))
        if not self.profile.previous:
            return watched
        return Running(watched, self.profile.previous, self.profile.previous_words)

    def make_reader(self, lms: Mapping[str, LanguageModel]) -> Reader | None:
        """What reads texts with and without hotwords: the first language model that scores; `None` without one.

        The model of hotwords that comes with ger knows what to make of large ones, another one of its own.

        Args:
            lms: The language models by name.
        """
        from ger.correct.hotword_reader import Reader

        scoring = [spec for spec in self.profile.lms if self.mode in _SCORING and spec.name in lms]
        found = next((spec for spec in scoring if self.hotword_model or spec.backend in _LARGE), None)
        return Reader(lms[found.name], self.profile) if found else None

    def _check_prompt(self, *, whole: bool) -> None:
        """See that a prompt can be used, before models are loaded."""
        how = self.profile.generation
        if not (how and how.prompt and self.mode in GENERATING) or prompting.load(how.prompt).scope == "utterance":
            return
        if self.mode != "cascade":
            raise UsageError(f"The prompt {how.prompt!r} reads whole recordings.", "Use --mode cascade.")
        if not whole:
            raise UsageError(
                f"The prompt {how.prompt!r} reads whole recordings, and here is each list by itself.",
                "Give files to 'ger correct --mode cascade'.",
            )

    def make_consistent(self, corrector: Corrector) -> Consistent | None:
        """What looks a second time at whole recordings; `None` where nothing does, or the texts are no transcripts."""
        from ger.correct.consistent import Consistent
        from ger.correct.hotword_model import default

        wanted = self.consistent and result_of(corrector) == "transcript"
        return Consistent(default("consistent")) if wanted else None


#: The corrector that leaves all to the hotwords.
HOTWORDS = "hotwords"
#: The corrector that only rewrites.
REWRITE = "rewrite"
#: Correctors of our own that need no language model at all.
UNJUDGED = ("combine", HOTWORDS, REWRITE)
#: Correctors of our own that have a language model write.
GENERATING = ("generate", "hybrid", "cascade")
#: Correctors of our own that need none that scores.
_WITHOUT_LMS = (*UNJUDGED, "generate", "cascade")
#: Correctors of our own that make use of rewrites.
_REWRITING = (REWRITE, "rescore", "hybrid")
#: Backends of language models that know more than one domain, names among it.
_LARGE = ("transformers", "ctranslate2", "vllm")
#: Correctors of our own that need some.
_SCORING = ("rescore", "hybrid")


def _fixed(how: Generation) -> Generation:
    """For the key: which files it uses now."""
    return replace(
        how,
        lm=replace(how.lm, model=_model(how.lm.model)),
        adapter=_model(how.adapter),
        prompt=_model(how.prompt),
        examples=_model(how.examples),
    )


def _digest(hotwords: Hotwords) -> str:
    """For the key: a long list on one short line."""
    return f" hotwords={hashlib.sha256(repr(hotwords).encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"


def _gate(name: str) -> str:
    """For the key: which file it is now, and which model it asks."""
    from ger.correct.gate import read_gate

    try:
        lm = read_gate(Path(name)).lm if name else None
    except InputError:  # told when it is loaded
        lm = None
    return f"{_model(name)} {_model(lm.model)}" if lm else _model(name)


def _model(name: str) -> str:
    """A model for the key: its name, and for a local one which files it is made of now."""
    from ger.models import catalogue

    if not name or name in catalogue():
        return name
    try:
        path = Path(name).expanduser()
        files = [file for file in (sorted(path.iterdir()) if path.is_dir() else [path]) if file.is_file()]
        made = [(file.name, status.st_size, status.st_mtime_ns) for file in files for status in [file.stat()]]
    except (OSError, RuntimeError, ValueError):  # one that cannot be read is told when it is loaded
        return name
    if not made:
        return name
    return f"{path.absolute()} {hashlib.sha256(repr(made).encode()).hexdigest()[:16]}"
