"""What differs between the families of sequence models in transformers, as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asr_frontends.whisper import check_into
from ger.errors import UsageError
from ger.languages import among, unknown

__all__ = ["FAMILIES", "Family"]

#: ISO 639-1 to ISO 639-3, for SeamlessM4T.
_THREE_LETTERS: dict[str, str] = dict(
    pair.split(":")
    for pair in """
        af:afr am:amh ar:arb as:asm az:azj be:bel bn:ben bs:bos bg:bul ca:cat cs:ces zh:cmn cy:cym da:dan de:deu el:ell
        en:eng et:est eu:eus fi:fin fr:fra ga:gle gl:glg gu:guj he:heb hi:hin hr:hrv hu:hun hy:hye ig:ibo id:ind is:isl
        it:ita jv:jav ja:jpn kn:kan ka:kat kk:kaz ko:kor lo:lao lt:lit lg:lug lv:lvs ml:mal mr:mar mk:mkd mt:mlt my:mya
        nl:nld nn:nno no:nob ne:npi or:ory pa:pan pl:pol pt:por ro:ron ru:rus sk:slk sl:slv so:som es:spa sr:srp sw:swh
        sv:swe ta:tam te:tel tg:tgk th:tha tr:tur uk:ukr ur:urd uz:uzn vi:vie yo:yor ms:zsm zu:zul
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Family:
    """How models of one type are asked for a transcript.

    Attributes:
        prompt: Tokens that a text begins with, behind the decoder's first one; `{language}` and `{task}` are filled in.
            The text is in that language.
        codes: The model's codes of languages that have other ones.
        into: Languages that a model translates into: none, English, or all it knows.
        request: Where the processor of the model itself makes the prompt: its argument for the language.
        target: Its argument for the language of the text, where it can translate.
        arguments: What else it is given; `{model}` is filled in.
        instruction: Where the model is asked in words: these.
        padding: How recordings of a batch get one length.
        shared: Whether the hypotheses of a recording can share what the decoder has read of it.
        auto: The class of transformers that loads the models.
    """

    prompt: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    into: Literal["none", "english", "all"] = "none"
    request: str = ""
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    instruction: str = ""
    padding: str = "longest"
    shared: bool = False
    auto: str = "AutoModelForSpeechSeq2Seq"

    @property
    def by_tokens(self) -> bool:
        """Whether a text begins with the tokens of `prompt`, which the front end puts there itself."""
        return not self.request and not self.instruction

    def check_into(self, name: str, target: str | None) -> None:
        """Refuse a language that the model cannot translate into.

        Raises:
            UsageError: it cannot translate into it, or not at all.
        """
        if target and self.into == "none":
            raise UsageError(
                f"{name} cannot translate.",
                "Add --translator MODEL, which translates what it has written, or use a multilingual Whisper model.",
            )
        if self.into == "english":
            check_into(target, name)

    def tokens(self, name: str, vocabulary: Mapping[str, int], language: str | None, target: str | None) -> list[int]:
        """The tokens of the prompt.

        Args:
            name: The model, for messages.
            vocabulary: Tokens of the model and their numbers.
            language: What is spoken, if known.
            target: The language to translate into; `None` to transcribe.

        Raises:
            UsageError: the model has to be told the language, or does not know it, or cannot translate.
        """
        self.check_into(name, target)
        code = target if target and "{task}" not in "".join(self.prompt) else language
        made = []
        for piece in self.prompt:
            token = piece
            if "{language}" in piece:
                known = self.languages(vocabulary)
                if not known:
                    continue
                token = piece.format(language=self._own(name, code, known))
            made.append(vocabulary[token.format(task="translate" if target else "transcribe")])
        return made

    def languages(self, vocabulary: Mapping[str, int]) -> list[str]:
        """The codes of languages that a vocabulary has tokens for."""
        for piece in self.prompt:
            if "{language}" in piece:
                pattern = re.compile(re.escape(piece).replace(r"\{language\}", "([a-z]{2,3}(?:_[A-Z][a-z]+)?)"))
                return sorted(found[1] for token in vocabulary if (found := pattern.fullmatch(token)))
        return []

    def _own(self, name: str, language: str | None, known: list[str]) -> str:
        """The model's own code for a language."""
        if not language:
            raise UsageError(f"{name} has to be told the language.", "Add --language with a code such as en.")
        code = among(language, known)
        own = self.codes.get(code, code)
        if own not in known:
            raise unknown(name, own, known)
        return own


#: By `model_type` of a model's configuration.
FAMILIES: dict[str, Family] = {
    "whisper": Family(
        prompt=("<|{language}|>", "<|{task}|>", "<|notimestamps|>"), into="english", padding="max_length", shared=True
    ),
    "speech_to_text": Family(prompt=("<lang:{language}>",), shared=True),
    "speecht5": Family(),
    "moonshine": Family(shared=True),
    "seamless_m4t": Family(prompt=("__{language}__",), codes=_THREE_LETTERS, into="all"),
    "seamless_m4t_v2": Family(prompt=("__{language}__",), codes=_THREE_LETTERS, into="all"),
    "canary": Family(request="source_language", target="target_language", into="all"),
    "qwen3_asr": Family(request="language"),
    "fun_asr_nano": Family(request="language"),
    "voxtral": Family(request="language", arguments={"model_id": "{model}", "format": "WAV"}),
    "qwen2_audio": Family(instruction="Transcribe the speech.", auto="AutoModelForMultimodalLM"),
}
