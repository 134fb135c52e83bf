"""Training a hypotheses-to-transcription model: an adapter learns to write what was spoken from an N-best list.

The model reads the hypotheses and is trained on the reference after them, by cross entropy of the answer's tokens alone
(Chen et al. 2023, HyPoradise). Only the adapter's weights are trained (LoRA, Hu et al. 2021), and the head runs on the
places of the answer only. Pairs of like length share a batch, so little of it is padding.

Which epoch is kept is decided by word errors of texts that the model writes for lists it has not learned from; lists
with the same reference are never on both sides. Training is deterministic for a seed on one machine, and goes on after
a kill from the last saved step with the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ger import prompting
from ger.errors import InputError
from ger.models import DEFAULT_LM, LocalModel, resolve
from ger.prompting import Prompt
from ger.train.adapter import Reading, hub_name, save
from ger.train.base import start, use_checkpoints
from ger.train.card import card
from ger.train.h2t_recipe import H2TOptions
from ger.train.head import AnswerHead
from ger.train.judge import ErrorJudge
from ger.train.loading import deterministic
from ger.train.lora import adapted
from ger.train.objective import Lesson, Setting, Transcribe
from ger.train.pairs import Reader
from ger.train.run import Report, Run
from ger.train.splits import apart
from ger.train.work import Summary, Validation, Work, finished, writing
from ger.types import NBest

__all__ = ["Report", "Summary", "train"]


def train(
    lists: Sequence[NBest],
    options: H2TOptions,
    output: Path,
    *,
    held: Sequence[NBest] = (),
    report: Report | None = None,
    recipe: str = "",
    files: Mapping[str, int] | None = None,
    lesson: Lesson | None = None,
) -> Summary[Validation]:
    """Train an adapter on lists with references and write it to a folder.

    A folder that holds a finished training with the same lists and options is left as it is; an unfinished one is taken
    up at its last saved step. Lists without a hypothesis that says something or with an empty reference are left out.

    Args:
        lists: N-best lists; all need references.
        options: How to train.
        output: The folder, new or empty.
        held: Lists that decide which epoch is kept, instead of a share of `lists`.
        report: Called with each line of the log.
        recipe: Text that is kept as `recipe.toml` in the folder.
        files: Names of the files that the lists are from and how many are in each, for the card.
        lesson: What is taught; by default to write the reference.

    Raises:
        DependencyError: torch, transformers or peft is not installed.
        InputError: a list has no reference or is too long for the model, or there is none to learn from.
        ModelError: the model to start from cannot be used, or the loss is not a number any more.
        OutputError: the folder cannot be written.
        UsageError: the folder holds something else, or an option does not fit the model or the machine.
    """
    lesson = lesson or Transcribe()
    prompt = Reading.read(lesson.start).rendered() if lesson.start else prompting.load(options.prompt)
    base = resolve(options.model or DEFAULT_LM, "lm")
    data = _Data.of(lists, held, options, prompt)
    key = _key(data, options, f"{base.identity} {prompt.hash} {lesson.key}")
    if (output / Reading.file).exists():
        return finished(output, Reading.read(output).key == key, Validation)
    with deterministic(options.seed, options.threads), writing(output):
        work = Work.opened(output, key)
        training = _Training(options, data, prompt, base, lesson, work)
        return training.run(report, len(lists) + len(held), recipe, files or {})


@dataclass(frozen=True, slots=True)
class _Data:
    """Lists to learn from, and lists to judge by."""

    fit: tuple[NBest, ...]
    held: tuple[NBest, ...]

    @classmethod
    def of(cls, lists: Sequence[NBest], held: Sequence[NBest], options: H2TOptions, prompt: Prompt) -> _Data:
        for nbest in (*lists, *held):
            if nbest.reference is None:
                raise InputError(f"List {nbest.id!r} has no reference.", "Training needs the reference of every list.")
        usable = [nbest for nbest in lists if prompt.shown(nbest) and prompt.answer_for(nbest)]
        if options.max_lists and len(usable) > options.max_lists:
            usable = apart(usable, options.max_lists / len(usable), options.seed, lambda nbest: nbest.id)[1]
        if not held:
            usable, held = apart(usable, options.validation, options.seed, lambda nbest: nbest.reference or "")
        if not usable:
            raise InputError("No list has hypotheses and a reference.", "Give more lists to train on.")
        return cls(tuple(usable), tuple(held)[: options.validation_lists or None])


def _key(data: _Data, options: H2TOptions, rest: str) -> str:
    """Digest of all that the result depends on."""
    fixed = replace(options, model="", prompt="", threads=0)
    digest = hashlib.sha256(repr((fixed, rest)).encode())
    for nbest in (*data.fit, *data.held):
        seen = (nbest.id, nbest.reference, [(h.text, h.score) for h in nbest.hypotheses], nbest.context, nbest.meta)
        digest.update(repr((*seen, nbest.language, nbest.target)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Training:
    """What a training consists of."""

    options: H2TOptions
    data: _Data
    prompt: Prompt
    base: LocalModel
    lesson: Lesson
    work: Work

    def run(self, report: Report | None, lists: int, recipe: str, files: Mapping[str, int]) -> Summary[Validation]:
        """Train to the end, and put the adapter in its folder."""
        options, data = self.options, self.data
        model, tokenizer = start(options, self.base)
        reader = Reader(self.prompt, model, tokenizer, self.base.name, options)
        reader.check(data.fit, data.held)
        head = AnswerHead(model, half=options.half)
        whole = adapted(model, options, hub_name(self.base.name), self.lesson.start)
        if options.checkpointing:
            use_checkpoints(model, self.base.name)
        objective = self.lesson.objective(Setting(options, data.fit, reader, head, whole))
        judge = ErrorJudge(data.held, reader.answers, options.normalizer)
        with Run(options, objective, judge, whole, self.work, report) as run:
            while not run.done:
                run.epoch()
            run.take_best()
        held = judge.validation(run.best[judge.loss]) if judge else None
        output = str(self.work.output)
        summary = Summary(output, lists, len(data.fit), len(run.epochs), run.best_epoch, held, run.seconds)
        reading = self._reading()
        text = card(reading, summary, recipe, files, options)
        self.work.publish(lambda folder: save(whole, folder, text), (reading.file, reading.dumps()), summary, recipe)
        return summary

    def _reading(self) -> Reading:
        prompt, options, base = self.prompt, self.options, self.base
        return Reading(
            base=base.name,
            identity=base.identity,
            key=self.work.key,
            prompt=prompt.content,
            name=prompt.name,
            nbest=options.nbest,
            tags=options.tags,
        )
