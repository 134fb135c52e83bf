"""Where log-posteriors of a CTC output come from: files, or a model of transformers.

Anything with the attributes of `Posteriors` will do, so that a recognizer of any kind can be searched by
`asr_frontends.lattice`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ger.errors import DependencyError, ModelError
from ger.types import AudioSegment

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.floating]

__all__ = ["SPACE", "Posteriors", "Saved", "Symbols", "TransformersCtc"]

_RATE = 16_000
_MARK = re.compile(r"<.*>|\[.*\]")
_BLANKS = ("<blk>", "<blank>", "<pad>", "[PAD]", "<eps>")
#: What SentencePiece has in the place of a space.
SPACE = "▁"
_SUM = 1e-2  # how far the probabilities of a frame may be from one


@dataclass(frozen=True, slots=True)
class Symbols:
    """What the columns of log-posteriors mean.

    Attributes:
        tokens: A name for each column.
        blank: The column of "nothing new".
    """

    tokens: tuple[str, ...]
    blank: int

    @classmethod
    def of(cls, tokens: Sequence[str]) -> Symbols:
        """Symbols by their names; the blank is `<blk>`, `<blank>`, `<pad>`, `[PAD]` or `<eps>`, or else the first."""
        blank = next((tokens.index(name) for name in _BLANKS if name in tokens), 0)
        return cls(tuple(tokens), blank)

    @property
    def delimiter(self) -> int | None:
        """The column of the sign between words, `|` or a space; `None` where tokens carry their spaces."""
        return next((self.tokens.index(sign) for sign in ("|", " ") if sign in self.tokens), None)

    @property
    def written(self) -> list[int]:
        """Columns that text is made of: neither the blank nor marks such as `<unk>`."""
        return [i for i, token in enumerate(self.tokens) if i != self.blank and not _MARK.fullmatch(token)]

    def words(self, ids: Sequence[int]) -> list[tuple[str, int, int]]:
        """The words that some columns spell: each with the place of its first one and the one after its last."""
        found: list[tuple[str, int, int]] = []
        open_word = False
        for place, i in enumerate(ids):
            token = " " if i == self.delimiter else self.tokens[i].replace(SPACE, " ")
            letters = token.strip()
            if letters and open_word and not token.startswith(" "):
                text, first, _ = found[-1]
                found[-1] = (text + letters, first, place + 1)
            elif letters:
                found.append((letters, place, place + 1))
            open_word = bool(letters) if token.startswith(" ") else open_word or bool(letters)
        return found

    def text(self, ids: Sequence[int]) -> str:
        """The text of some columns."""
        return " ".join(word for word, _, _ in self.words(ids))


@runtime_checkable
class Posteriors(Protocol):
    """A recognizer with a CTC output."""

    @property
    def symbols(self) -> Symbols:
        """What the columns mean."""
        ...

    @property
    def signature(self) -> str:
        """Name and every setting that changes the result, on one line."""
        ...

    def posteriors(self, segments: Sequence[AudioSegment]) -> list[tuple[Frames, float]]:
        """For each segment natural-log posteriors, shape (frames, symbols), and the seconds from a frame to the next.

        Raises:
            ModelError: the recognizer broke on these segments.
        """
        ...


class Saved:
    """Log-posteriors of whole recordings from files: `talk.npz` or `talk.npy` for `talk.flac`; see `Posteriors`.

    The folder holds `tokens.txt`, a token a line in the order of the columns; numbers after the tokens are passed over.
    An `.npz` file has `logp`, and may have `frame_seconds`.

    Args:
        folder: The folder.
        frame_seconds: From a frame to the next, for files that do not say so.

    Raises:
        ModelError: there is no list of tokens.
    """

    def __init__(self, folder: Path, frame_seconds: float | None = None) -> None:
        self._folder, self._step = folder, frame_seconds
        try:
            lines = (folder / "tokens.txt").read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{folder / 'tokens.txt'} cannot be read: {error}.", "Write one token a line, in the order of columns."
            ) from error
        self.symbols = Symbols.of([line.split()[0] if line.split() else " " for line in lines])

    @property
    def signature(self) -> str:
        """See `Posteriors`."""
        return f"saved:{self._folder.name}"

    def posteriors(self, segments: Sequence[AudioSegment]) -> list[tuple[Frames, float]]:
        """See `Posteriors`."""
        return [self._one(segment) for segment in segments]

    def _one(self, segment: AudioSegment) -> tuple[Frames, float]:
        logp, step = self._read(Path(segment.span.path).stem)
        first = round((segment.span.start or 0.0) / step)
        return logp[first : first + max(1, round(segment.duration / step))], step

    def _read(self, stem: str) -> tuple[Frames, float]:
        import numpy as np

        path = next((p for s in (".npz", ".npy") if (p := self._folder / (stem + s)).is_file()), None)
        if path is None:
            raise ModelError(f"{self._folder} has no {stem}.npz and no {stem}.npy.", "Save the log-posteriors there.")
        try:
            loaded = np.load(path, allow_pickle=False)
            logp = np.asarray(loaded if path.suffix == ".npy" else loaded["logp"])
            step = self._step
            if path.suffix == ".npz" and "frame_seconds" in loaded:
                step = float(loaded["frame_seconds"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{path} cannot be read: {error}.", "Save it with numpy.savez(…, logp=…).") from error
        if not step or step <= 0:
            raise ModelError(f"{path} does not say how long a frame is.", "Give frame_seconds in lattice.toml.")
        if logp.ndim != 2 or logp.shape[1] != len(self.symbols.tokens):
            raise ModelError(f"{path} has the shape {logp.shape}, and there are {len(self.symbols.tokens)} tokens.")
        if not np.allclose(np.exp(logp.astype(np.float64)).sum(axis=1), 1, atol=_SUM):
            raise ModelError(f"{path} does not hold natural logarithms of probabilities.", "Save the log-softmax.")
        return logp, step


class TransformersCtc:
    """Log-posteriors of a CTC model of transformers on a CPU, one segment at a time; see `Posteriors`.

    Args:
        folder: A folder that `AutoModelForCTC` loads.
        name: What errors and the signature call it.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be loaded.
    """

    def __init__(self, folder: Path, name: str) -> None:
        try:
            import torch  # noqa: F401
            import transformers
        except ImportError as error:
            raise DependencyError("torch or transformers", "transformers") from error
        transformers.utils.logging.disable_progress_bar()
        try:
            self._extractor = transformers.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model = transformers.AutoModelForCTC.from_pretrained(folder, local_files_only=True).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{name}: no CTC model of transformers can be loaded: {error}.") from error
        size = int(self._model.config.vocab_size)
        tokens = [token or "<unk>" for token in tokenizer.convert_ids_to_tokens(list(range(size)))]
        self.symbols = Symbols(tuple(tokens), int(self._model.config.pad_token_id))
        self.signature = f"transformers:{name}"

    def posteriors(self, segments: Sequence[AudioSegment]) -> list[tuple[Frames, float]]:
        """See `Posteriors`."""
        return [self._one(segment) for segment in segments]

    def _one(self, segment: AudioSegment) -> tuple[Frames, float]:
        import torch

        inputs = self._extractor(segment.samples, sampling_rate=_RATE, return_tensors="pt")
        try:
            with torch.inference_mode():
                logp = torch.log_softmax(self._model(**inputs).logits[0].float(), dim=-1).numpy()
        except RuntimeError as error:
            raise ModelError(f"{segment.id}: the recognizer failed: {error}.") from error
        return logp, segment.duration / max(1, len(logp))
