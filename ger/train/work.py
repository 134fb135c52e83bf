"""The folder of a training: unfinished, with its last saved state, or finished, with its summary."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

from ger.errors import OutputError, UsageError
from ger.io.output import write_atomic

__all__ = ["WORK", "Fluency", "Summary", "Validation", "Work", "finished", "writing"]

#: The folder in the folder of a training where it keeps what it needs until it ends.
WORK = ".training"
_STATE = "state.pt"
_LOG = "log.jsonl"
_FULL = "Free some space; the same command goes on from the last saved state."


@dataclass(frozen=True, slots=True)
class Validation:
    """Word errors on lists that were not trained on; counts.

    Attributes:
        lists: How many lists.
        words: Words of their references.
        first_best: Errors of their first hypotheses.
        oracle: Errors of their best hypotheses.
        errors: Errors of what the trained model chose or wrote.
    """

    lists: int
    words: int
    first_best: int
    oracle: int
    errors: int


@dataclass(frozen=True, slots=True)
class Fluency:
    """How likely texts that were not trained on are to a language model.

    Attributes:
        texts: How many texts.
        words: Their words.
        before: Perplexity a word, ends of texts counted as words, of the model as it was.
        perplexity: The same of the trained model.
    """

    texts: int
    words: int
    before: float
    perplexity: float


_Held = TypeVar("_Held", Validation, Fluency)


@dataclass(frozen=True, slots=True)
class Summary(Generic[_Held]):
    """What came out of a training.

    Attributes:
        folder: The trained model.
        lists: Lists, or texts, that were given.
        trained_on: Those that were learned from: outside the validation, and with something to learn.
        epochs: Epochs that were run.
        best_epoch: The one that was kept, from 1.
        validation: What the epoch that was kept is worth; `None` without validation.
        seconds: Wall time of the epochs.
    """

    folder: str
    lists: int
    trained_on: int
    epochs: int
    best_epoch: int
    validation: _Held | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value."""
        return asdict(self)


def finished(output: Path, own: bool, kind: type[_Held]) -> Summary[_Held]:
    """The summary of a training that ended earlier.

    Args:
        output: Its folder.
        own: Whether it had the same lists and options.
        kind: What its validation is.

    Raises:
        UsageError: it had not, or its log is damaged.
    """
    if not own:
        raise UsageError(f"{output} holds a training with other data or options.", "Choose another output folder.")
    try:
        last = (output / _LOG).read_text(encoding="utf-8").splitlines()[-1]
        value = json.loads(last)["summary"]
        held = value.pop("validation")
        summary = Summary(**value, validation=held and kind(**held))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{output} holds this training, but its {_LOG} is damaged.", "Remove the folder.") from error
    shutil.rmtree(output / WORK, ignore_errors=True)
    return replace(summary, folder=str(output))


@contextmanager
def writing(output: Path) -> Iterator[None]:
    """Errors of the operating system become ours, those that reach us through safetensors included.

    Raises:
        OutputError: something in the folder cannot be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror or error}.", _hint(error)) from error
    except SafetensorError as error:
        raise OutputError(f"{output} cannot be written: {error}.", _FULL) from error


def _hint(error: OSError) -> str:
    return _FULL if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "Check the folder."


@dataclass(slots=True)
class Work:
    """The folder of a training that is not finished."""

    output: Path
    key: str

    @classmethod
    def opened(cls, output: Path, key: str) -> Work:
        """The folder, made where there is none.

        Raises:
            UsageError: it holds something else.
        """
        folder = output / WORK
        if output.exists() and (not output.is_dir() or (any(output.iterdir()) and not folder.is_dir())):
            raise UsageError(f"{output} is there already, and no training.", "Choose another output folder.")
        folder.mkdir(parents=True, exist_ok=True)
        return cls(output, key)

    def read(self) -> dict[str, Any] | None:
        """The state that was written last."""
        import torch

        path = self.output / WORK / _STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise UsageError(f"{path} is damaged: {error}.", f"Remove {path.parent} to begin again.") from error
        if state["key"] != self.key:
            raise UsageError(
                f"{self.output} holds an unfinished training with other data or options.",
                f"Choose another output folder or remove {path.parent}.",
            )
        return state

    def write(self, state: dict[str, Any]) -> None:
        """Keep the state so far, and the log in it: `history`."""
        import torch

        path = self.output / WORK / _STATE
        made = path.with_suffix(".tmp")
        try:
            with made.open("wb") as file:
                torch.save({"key": self.key} | state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, path)
        finally:
            made.unlink(missing_ok=True)
        self._log(state["history"])

    def publish(self, save: Callable[[Path], None], mark: tuple[str, str], summary: Summary[Any], recipe: str) -> None:
        """Put the model in its folder.

        Args:
            save: Writes the model into a new folder.
            mark: Name and content of the file that makes the folder one of its kind; it comes last.
            summary: The last line of the log.
            recipe: Kept as `recipe.toml`.
        """
        made = self.output / WORK / "made"
        shutil.rmtree(made, ignore_errors=True)
        save(made)
        for path in sorted(made.iterdir()):
            os.replace(path, self.output / path.name)
        if recipe:
            write_atomic(self.output / "recipe.toml", recipe)
        state = self.read()
        assert state is not None
        self._log([*state["history"], {"summary": summary.to_json()}])
        write_atomic(self.output / mark[0], mark[1])
        shutil.rmtree(self.output / WORK, ignore_errors=True)

    def _log(self, rows: Sequence[dict[str, Any]]) -> None:
        write_atomic(self.output / _LOG, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
