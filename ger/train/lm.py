"""Adapting a language model to texts: what is said in a domain becomes likelier to it, for rescoring.

An adapter (LoRA, Hu et al. 2021) is trained by cross entropy on all tokens of the texts and their ends, each text by
itself as it stands when hypotheses are scored (domain adaptation of a neural language model; Gururangan et al. 2020).
The epoch that finds held texts likeliest is kept; equal texts are never on both sides. Training is deterministic for a
seed on one machine, and goes on after a kill from the last saved step with the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ger.context import context_of
from ger.errors import InputError
from ger.lm.chat import PromptReader
from ger.models import DEFAULT_LM, LocalModel, resolve
from ger.text.form import apply
from ger.text.tokens import tokenize
from ger.train.adapter import Adapted, hub_name, save
from ger.train.base import start, use_checkpoints
from ger.train.card import lm_card
from ger.train.head import AnswerHead
from ger.train.judge import LikelihoodJudge
from ger.train.lm_recipe import TextOptions
from ger.train.loading import deterministic
from ger.train.lora import adapted
from ger.train.objective import Supervised
from ger.train.pairs import Pair
from ger.train.run import Report, Run, within_memory
from ger.train.splits import apart
from ger.train.work import Fluency, Summary, Work, finished, writing

__all__ = ["train"]


def train(
    texts: Mapping[str, str],
    options: TextOptions,
    output: Path,
    *,
    held: Mapping[str, str] | None = None,
    report: Report | None = None,
    recipe: str = "",
    files: Mapping[str, int] | None = None,
) -> Summary[Fluency]:
    """Adapt a language model to texts and write the adapter to a folder, which `--lm` takes.

    A folder that holds a finished training with the same texts and options is left as it is; an unfinished one is taken
    up at its last saved step. Empty texts are left out, and those that are among the held ones.

    Args:
        texts: Texts, by names for messages.
        options: How to train.
        output: The folder, new or empty.
        held: Texts that decide which epoch is kept, instead of a share of `texts`.
        report: Called with each line of the log.
        recipe: Text that is kept as `recipe.toml` in the folder.
        files: Names of the files that the texts are from and how many are in each, for the card.

    Raises:
        DependencyError: torch, transformers or peft is not installed.
        InputError: there is no text to learn from or to judge by, or one is too long for the model.
        ModelError: the model to start from cannot be used, or the loss is not a number any more.
        OutputError: the folder cannot be written.
        UsageError: the folder holds something else, or an option does not fit the model or the machine.
    """
    base = resolve(options.model or DEFAULT_LM, "lm")
    data = _Data.of(texts, held, options)
    key = _key(data, options, base.identity)
    if (output / Adapted.file).exists():
        return finished(output, Adapted.read(output).key == key, Fluency)
    with deterministic(options.seed, options.threads), writing(output):
        training = _Training(options, data, base, Work.opened(output, key))
        return training.run(report, len(texts) + len(held or {}), recipe, files or {})


_Text = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Data:
    """Texts to learn from and texts to judge by, in their written form, with their names."""

    fit: tuple[_Text, ...]
    held: tuple[_Text, ...]

    @classmethod
    def of(cls, texts: Mapping[str, str], held: Mapping[str, str] | None, options: TextOptions) -> _Data:
        fit = _written(texts, options)
        if held is None:
            fit, other = apart(fit, options.validation, options.seed, lambda text: text[1])
        else:
            other = _written(held, options)
            judging = {text for _, text in other}
            fit = [text for text in fit if text[1] not in judging]
            if not other:
                raise InputError(
                    "There is no text to judge by.", "Give sentences to validation_files, or leave it out."
                )
        if not fit:
            raise InputError("There is no text to learn from.", "Give sentences, one a line, or lists with references.")
        return cls(tuple(fit), tuple(other))


def _written(texts: Mapping[str, str], options: TextOptions) -> list[_Text]:
    return [(name, written) for name, text in texts.items() if (written := apply(text, options.form))]


def _key(data: _Data, options: TextOptions, base: str) -> str:
    """Digest of all that the result depends on."""
    fixed = replace(options, model="", threads=0)
    seen = [[text for _, text in some] for some in (data.fit, data.held)]
    digest = hashlib.sha256(repr((fixed, base, *seen)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Training:
    """What a training consists of."""

    options: TextOptions
    data: _Data
    base: LocalModel
    work: Work

    def run(self, report: Report | None, texts: int, recipe: str, files: Mapping[str, int]) -> Summary[Fluency]:
        """Train to the end, and put the adapter in its folder."""
        options, data = self.options, self.data
        model, tokenizer = start(options, self.base)
        fit, held = (self._pairs(some, model, tokenizer) for some in (data.fit, data.held))
        head = AnswerHead(model, half=options.half)
        words = sum(len(tokenize(text)) + 1 for _, text in data.held)
        judge = LikelihoodJudge(head, held, words, options.batch_tokens)
        whole = adapted(model, options, hub_name(self.base.name))
        if options.checkpointing:
            use_checkpoints(model, self.base.name)
        training = Run(options, Supervised(head, lambda epoch: fit), judge, whole, self.work, report)
        with within_memory(), whole.disable_adapter():
            before = judge.measure() if judge else {}
        with training as run:
            while not run.done:
                run.epoch()
            run.take_best()
        named = "validation_perplexity"
        found = Fluency(len(held), words - len(held), before[named], run.best[named]) if judge else None
        output = str(self.work.output)
        summary = Summary(output, texts, len(fit), len(run.epochs), run.best_epoch, found, run.seconds)
        base = self.base
        mark = Adapted(base=base.name, identity=base.identity, key=self.work.key, form=options.form)
        text = lm_card(mark, summary, recipe, files, options)
        self.work.publish(lambda folder: save(whole, folder, text), (mark.file, mark.dumps()), summary, recipe)
        return summary

    def _pairs(self, texts: Sequence[_Text], model: Any, tokenizer: Any) -> list[Pair]:
        """Texts as backends of causal language models score them (`llm_backends.causal`).

        Raises:
            InputError: one is longer than the model's context; names it.
        """
        reader, limit = PromptReader(tokenizer, self.base.name), context_of(model)
        made = []
        for name, text in texts:
            pair = Pair(name, (reader.start,), (*reader.plain(text), tokenizer.eos_token_id))
            if pair.length > limit:
                raise InputError(
                    f"{name}: the text takes {pair.length} tokens, and {self.base.name} reads {limit}.",
                    "Give one sentence a line, or use a model with a longer context.",
                )
            made.append(pair)
        return made
