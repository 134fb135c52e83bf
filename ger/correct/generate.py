"""Generation: a language model reads the hypotheses of a list and writes the transcript.

It can write the right words even where no hypothesis has them (Chen et al. 2023, "HyPoradise"), and it can also write
what nobody has said; what may be accepted is for a guard to say. Decoding can be restricted: to one of the hypotheses,
to their words in the order of the word graph, or by mapping the free answer to the nearest hypothesis (Ma et al. 2023,
"Can generative large language models perform ASR error correction?").
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rapidfuzz.distance import Levenshtein

from ger.correct.heard import heard
from ger.correct.outcome import as_it_was, changed
from ger.correct.shots import Examples
from ger.correct.slots import slots
from ger.correct.style import styled
from ger.errors import ModelError, UsageError
from ger.lm.abilities import abilities_of, check, needed
from ger.lm.generation import Generation
from ger.prompting import Prompt, cleaned
from ger.protocols import Answer, GenerateRequest, LanguageModel
from ger.text.normalize import normalize
from ger.text.tokens import well_formed
from ger.types import Correction, Decision, Hypothesis, NBest

__all__ = ["Generator"]

#: Tokens that an answer may have at least, and by how much it may be longer than the longest hypothesis.
_SPARE, _LONGER = 16, 1.5
#: Bytes of a token, on the cautious side: text in upper case or in other scripts takes more tokens.
_BYTES_A_TOKEN = 3
_OTHER = {"utterance": 128, "recording": 512}  # tokens of an answer that is no transcript
_NUMBER = 8  # tokens of a number and what may stand around it


class Generator:
    """Has a language model write the transcript; see `ger.protocols.Corrector`.

    An answer that says the same as the 1-best keeps it, one that says the same as another hypothesis chooses that one
    as it is listed. Of any other, what could have been misheard is kept (`ger.correct.heard`), in the spelling of the
    list (`ger.correct.style`). `scores` are, where the backend knows them: `generator`, log p(answer | prompt);
    `least`, that of its least probable token.

    An answer that is cut at the limit, empty or unreadable is rejected; a list whose generation fails, for example one
    too long for the model, keeps its 1-best and says so; the others go on. Where no transcript is asked for, the 1-best
    does not stand in for an answer: there is no text, and that is a failure.

    Args:
        lm: The language model.
        generation: How it is used; its `lm`, `adapter`, `prompt` and `examples` are names for what is given here.
        prompt: The prompt.
        examples: Examples to show; `None` for none.
        translations: The prompt for lists of translations, another wording of the same question; `None` for the same.
        verbatim: Take the answer as it is written, for a model that has learned how to write: another spelling of the
            1-best is another text.

    Raises:
        UsageError: the prompt cannot be used, or not with this decoding, or the model cannot write in this way.
    """

    name = "generate"

    def __init__(
        self,
        lm: LanguageModel,
        generation: Generation,
        prompt: Prompt,
        examples: Examples | None = None,
        *,
        translations: Prompt | None = None,
        verbatim: bool = False,
    ) -> None:
        self._check(generation, prompt)
        check(lm.signature, lm, needed(generation))
        self._lm, self._generation, self._prompt, self._examples = lm, generation, prompt, examples
        self._translations = translations
        #: Whether answers are taken as they are written.
        self.verbatim = verbatim
        #: What the prompt says besides the list; an answer that repeats it is none.
        turns = (*prompt.turns, *(translations.turns if translations else ()))
        self.instructions = tuple(turn.content for turn in turns if turn.role in ("system", "user"))
        #: What comes out: `transcript` or `other`.
        self.result = prompt.result
        #: How the model answers: with a `text`, `json` or the `number` of a hypothesis.
        self.answer = prompt.answer
        self._said: Callable[[str], str] = cleaned if verbatim else normalize

    def _check(self, generation: Generation, prompt: Prompt) -> None:
        """See that a prompt can be used so; raises what making a generator raises."""
        if not prompt.turns:
            raise UsageError(f"The prompt {prompt.name!r} asks for nothing.", "Choose one with [[turns]].")
        if generation.decoding == "words" and prompt.answer != "text":
            raise UsageError(
                f"The prompt {prompt.name!r} asks for a {prompt.answer}, decoding by words writes text.",
                "Use a prompt whose answer is text.",
            )
        if generation.decoding != "free" and prompt.result != "transcript":
            raise UsageError(f"The answer to the prompt {prompt.name!r} is no transcript.", "Use decoding = 'free'.")

    @property
    def signature(self) -> str:
        """See `ger.protocols.Corrector`."""
        how, prompt = self._generation, self._prompt
        shots = f",shots={self._examples.signature}" if self._examples else ""
        task = f",task={how.task}" if how.task else ""
        made = f"{self.name}:prompt={prompt.name}@{prompt.hash},decoding={how.decoding},beams={how.beams}"
        if other := self._translations:
            made += f",translations={other.name}@{other.hash}"
        return f"{made}{shots}{task},{self._lm.signature}"

    @property
    def judges(self) -> bool:
        """Whether the model can score texts as answers to the prompt; a server cannot in a chat."""
        found = abilities_of(self._lm)
        return found is None or ("choices" if self._prompt.turns[0].role == "text" else "chat-choices") in found

    def correct(self, lists: Sequence[NBest]) -> list[Correction]:
        """See `ger.protocols.Corrector`."""
        reasons = [self._settled(nbest) for nbest in lists]
        waiting = [nbest for nbest, reason in zip(lists, reasons, strict=True) if not reason]
        done = iter(self._generate(waiting))
        return [self._kept(nbest, r) if r else next(done) for nbest, r in zip(lists, reasons, strict=True)]

    def _settled(self, nbest: NBest) -> str:
        """Why there is nothing to write, if so."""
        listed = self._prompt.shown(self._seen(nbest))
        if not listed:
            return "nothing was said"
        return "only one hypothesis" if len(listed) == 1 and self._generation.decoding in ("choice", "nearest") else ""

    def _kept(self, nbest: NBest, reason: str) -> Correction:
        if self._prompt.result == "other":
            return Correction.of(nbest, "", "kept", reason=reason)
        return as_it_was(nbest, reason)

    def _seen(self, nbest: NBest) -> NBest:
        """The part of a list that the model reads."""
        return nbest

    def _generate(self, lists: Sequence[NBest]) -> list[Correction]:
        seen = [self._seen(nbest) for nbest in lists]
        shots = self._examples.choose(seen) if self._examples else [()] * len(lists)
        requests = [self._tried(nbest, examples) for nbest, examples in zip(seen, shots, strict=True)]
        answers = iter(self._answers([request for request in requests if isinstance(request, GenerateRequest)]))
        return [
            self._read(nbest, request, next(answers))
            if isinstance(request, GenerateRequest)
            else self._unanswered(nbest, str(request), "failed")
            for nbest, request in zip(lists, requests, strict=True)
        ]

    def _tried(self, nbest: NBest, shots: Sequence[NBest]) -> GenerateRequest | ModelError:
        try:
            return self._request(nbest, shots)
        except ModelError as error:
            return error

    def _wording(self, nbest: NBest) -> Prompt:
        """The prompt for a list.

        Raises:
            ModelError: it is for translations, and the list does not say into which language.
        """
        prompt = self._translations if self._translations and nbest.task == "translate" else self._prompt
        if "target" in prompt.variables and not nbest.target:
            raise ModelError(
                f"The prompt {prompt.name!r} is for translations, and the list has no target language.",
                "Use a prompt for transcripts, or say with --target of 'ger correct' what it translates into.",
            )
        return prompt

    def _request(self, nbest: NBest, shots: Sequence[NBest]) -> GenerateRequest:
        """What the model is asked about a list.

        Raises:
            ModelError: there is no prompt for it.
        """
        decoding, texts = self._generation.decoding, [cleaned(h.text) for h in self._prompt.shown(nbest)]
        written = [self._written(text, number) for number, text in enumerate(texts, 1)]
        return GenerateRequest(
            prompt=self._wording(nbest).render(nbest, task=self._generation.task, shots=shots),
            max_tokens=self._limit(texts),
            beams=self._generation.beams,
            drafts=tuple(written) if self._prompt.result == "transcript" else (),
            choices=tuple(written) if decoding == "choice" else (),
            slots=slots(texts, nbest.context.hotwords) if decoding == "words" else (),
        )

    def _written(self, text: str, number: int) -> str:
        """A hypothesis as an answer."""
        if self._prompt.answer == "number":
            return str(number)
        return json.dumps({"text": text}, ensure_ascii=False) if self._prompt.answer == "json" else text

    def _limit(self, texts: Sequence[str]) -> int:
        """Tokens after which an answer is no longer a transcript of this list."""
        if self._prompt.result == "other":
            return self._prompt.max_tokens or _OTHER[self._prompt.scope]
        if self._prompt.answer == "number":
            return _NUMBER
        longest = max(len(text.encode("utf-8", "replace")) for text in texts)
        return _SPARE + math.ceil(_LONGER * longest / _BYTES_A_TOKEN)

    def _answers(self, requests: Sequence[GenerateRequest]) -> list[tuple[Answer, ...] | ModelError]:
        """Answers, or what went wrong: halved where it does, so that only those fail that must."""
        if not requests:
            return []
        try:
            return list(self._lm.generate(requests))
        except ModelError as error:
            if len(requests) == 1:
                return [error]
        half = len(requests) // 2
        return self._answers(requests[:half]) + self._answers(requests[half:])

    def _read(self, nbest: NBest, request: GenerateRequest, answers: tuple[Answer, ...] | ModelError) -> Correction:
        """What becomes of a list by what the model answered."""
        if isinstance(answers, ModelError):
            return self._unanswered(nbest, str(answers), "failed")
        answer = answers[0]
        scores = {"generator": answer.score, "least": answer.least}
        told = {name: float(value) for name, value in scores.items() if value is not None}
        if not answer.finished and not self._ended(answer.text):
            more = ": give the prompt a larger max_tokens" if self._prompt.result == "other" else ""
            reason = f"the answer did not end within {request.max_tokens} tokens{more}"
            return self._unanswered(nbest, reason, "rejected", told)
        text = self._text(answer.text, nbest)
        if text and self._prompt.result == "other":
            return Correction.of(nbest, text, "rewritten", reason="the instruction was carried out", scores=told)
        if text is None or not normalize(text):
            return self._unanswered(nbest, _unreadable(answer.text), "rejected", told)
        return self._decide(nbest, text, told)

    def _unanswered(
        self, nbest: NBest, reason: str, decision: Decision, scores: Mapping[str, float] | None = None
    ) -> Correction:
        """What becomes of a list to which there is no answer."""
        if self._prompt.result == "other":
            return Correction.of(nbest, "", "failed", reason=reason, scores=scores)
        return as_it_was(nbest, reason, decision, scores)

    def _ended(self, answer: str) -> bool:
        """Whether a model without a chat template went on after its answer, with an example of its own."""
        return self._prompt.turns[0].role == "text" and "\n" in answer.strip()

    def _text(self, answer: str, nbest: NBest) -> str | None:
        if self._generation.decoding in ("choice", "words") and self._prompt.answer == "text":
            return cleaned(answer)  # nothing stands around it
        return self._prompt.read(answer, self._seen(nbest))

    def _decide(self, nbest: NBest, text: str, scores: dict[str, float]) -> Correction:
        wrote, text = self._said(text), self._mapped(text, nbest)
        said = self._said(text)
        if said == self._said(nbest.best.text):
            if said != wrote and self._generation.decoding == "free":
                return as_it_was(nbest, "what the model wrote is unlike what was heard", "rejected", scores)
            return as_it_was(nbest, "the model wrote the 1-best", scores=scores)
        rank = next((i for i, hypothesis in enumerate(nbest.hypotheses) if self._said(hypothesis.text) == said), None)
        if rank is None:
            text = self._styled(text, nbest)
            return changed(nbest, Hypothesis(text), "rewritten", "the model wrote a text that is not listed", scores)
        return changed(nbest, nbest.hypotheses[rank], "reranked", f"the model wrote hypothesis {rank + 1}", scores)

    def _mapped(self, text: str, nbest: NBest) -> str:
        """The nearest hypothesis, or of what an untrained model wrote only what could have been misheard."""
        listed = self._prompt.shown(nbest)
        if self._generation.decoding == "nearest":
            return _nearest(text, listed).text
        if self._generation.decoding == "free" and not self.verbatim:
            return heard(text, [hypothesis.text for hypothesis in listed])
        return text

    def _styled(self, text: str, nbest: NBest) -> str:
        return text if self.verbatim else styled(text, [hypothesis.text for hypothesis in self._prompt.shown(nbest)])

    def write(self, lists: Sequence[NBest]) -> list[list[str]]:
        """The texts that the model writes for lists, best first; those that did not end or cannot be read are left out.

        Raises:
            ModelError: the model broke, or a list is too long for it.
        """
        seen = [self._seen(nbest) for nbest in lists]
        shots = self._examples.choose(seen) if self._examples else [()] * len(lists)
        asked = [i for i, nbest in enumerate(seen) if self._prompt.shown(nbest)]
        answers = self._lm.generate([self._request(seen[i], shots[i]) for i in asked]) if asked else []
        texts: list[list[str]] = [[] for _ in lists]
        for i, made in zip(asked, answers, strict=True):
            found = (self._text(answer.text, lists[i]) for answer in made if answer.finished)
            texts[i] = [self._styled(self._mapped(text, seen[i]), lists[i]) for text in found if text]
        return texts

    def judge(self, lists: Sequence[NBest], texts: Sequence[Sequence[str]]) -> list[list[float]]:
        """log p(text | prompt of the list) of texts, in nats.

        Args:
            lists: The lists that the prompts are made of.
            texts: Texts for each of them, none of them empty where there is more than one.

        Raises:
            ModelError: the model broke, cannot score answers, or a list is too long for it.
        """
        shots = self._examples.choose(lists) if self._examples else [()] * len(lists)
        requests = []
        for nbest, examples, wanted in zip(lists, shots, texts, strict=True):
            choices = tuple(dict.fromkeys(self._written(cleaned(text), 0) for text in wanted))
            request = self._request(self._seen(nbest), examples)
            requests.append(replace(request, beams=len(choices), choices=choices, drafts=(), slots=()))
        scored = []
        for answers, wanted in zip(self._lm.generate(requests) if requests else [], texts, strict=True):
            found = {answer.text: answer.score for answer in answers}
            scores = [found.get(well_formed(self._written(cleaned(text), 0))) for text in wanted]
            if any(score is None for score in scores):
                raise ModelError("The generator gives no scores.", "Use the transformers backend.")
            scored.append([float(score) for score in scores if score is not None])
        return scored


def _nearest(text: str, listed: Sequence[Hypothesis]) -> Hypothesis:
    """The hypothesis with the fewest different words, of several the better one."""
    words = normalize(text).split()
    return min(listed, key=lambda hypothesis: Levenshtein.distance(words, normalize(hypothesis.text).split()))


def _unreadable(answer: str) -> str:
    shown = cleaned(answer)
    if not shown:
        return "the answer is empty"
    return f"the answer is not of the expected kind: {shown[:60]!r}{'…' if len(shown) > 60 else ''}"
