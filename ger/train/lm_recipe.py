"""The recipe of a language model that is adapted to texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ger.errors import UsageError
from ger.text.form import Form
from ger.train.adapter_options import AdapterOptions
from ger.train.settings import check

__all__ = ["Ids", "LmRecipe", "TextOptions"]

Ids = Literal["auto", "yes", "no"]


@dataclass(frozen=True, slots=True)
class TextOptions(AdapterOptions):
    """How a language model is adapted; `ger.train.lm` says what for.

    Attributes:
        form: Written form in which the texts are learned: the one in which it is to read hypotheses, which is `form` in
            a profile.
        batch_texts: Texts a step.

    Raises:
        UsageError: a value is out of its range; names the key.
    """

    epochs: int = 3
    form: Form = "sentence"
    batch_texts: int = 32

    def __post_init__(self) -> None:
        AdapterOptions.__post_init__(self)
        check(self, least={"batch_texts": 1}, positive=(), not_negative=())

    @property
    def step_size(self) -> int:
        """See `AdapterOptions`."""
        return self.batch_texts


@dataclass(frozen=True, slots=True)
class LmRecipe:
    """What `ger train lm` does.

    Attributes:
        texts: Files of text, a sentence a line, or of lists, whose references are taken; relative names start at the
            working folder.
        validation_files: Files of the same kinds that decide which epoch is kept, instead of a share of `texts`.
        ids: Whether lines of text begin with ids; `auto` finds out.
        output: Folder of the adapter.
        options: How it is trained; its fields are keys of the recipe.

    Raises:
        UsageError: there are no texts or no output.
    """

    texts: tuple[str, ...] = ()
    validation_files: tuple[str, ...] = ()
    ids: Ids = "auto"
    output: str = ""
    options: TextOptions = field(default_factory=TextOptions)

    def __post_init__(self) -> None:
        check(self, least={}, positive=(), not_negative=())
        if not self.texts:
            raise UsageError("texts is missing.", 'Name files of sentences: texts = ["domain.txt"]')
        if not self.output:
            raise UsageError("output is missing.", 'Name a folder for the adapter: output = "my-lm"')
