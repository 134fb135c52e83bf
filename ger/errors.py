"""Everything that `ger` raises on purpose.

GerError
├── UsageError              the call is wrong (exit code 2)
│   └── UnknownNameError    no plug-in, model or prompt has that name
├── InputError              one input cannot be used; the others go on
│   ├── AudioError          not decodable, empty, truncated
│   └── RecordError         a line of a record file is not what it should be
├── OutputError             a result cannot be written
├── DependencyError         an optional package is missing
└── ModelError              a model cannot be found, fetched, verified or run
    ├── DownloadError       fetching failed; a retry can help
    └── MemoryLimitError    the device has too little memory for one item
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "DependencyError",
    "DownloadError",
    "GerError",
    "InputError",
    "MemoryLimitError",
    "ModelError",
    "OutputError",
    "RecordError",
    "UnknownNameError",
    "UsageError",
]


class GerError(Exception):
    """Base of all errors raised by `ger`.

    Args:
        message: What happened, one sentence, naming the file or the model.
        hint: What to do about it, one sentence; may be empty.
    """

    #: Whether doing the same again can succeed.
    retryable = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class UsageError(GerError):
    """The call itself is wrong."""


class UnknownNameError(UsageError):
    """No plug-in, model or prompt has that name."""


class InputError(GerError):
    """One input cannot be used; the others go on."""


class AudioError(InputError):
    """Audio that cannot be decoded."""


class RecordError(InputError):
    """A line of a record file is not what it should be."""


class OutputError(GerError):
    """A result cannot be written."""


class DependencyError(GerError):
    """An optional package is missing."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed.", f"Run: pip install 'ger-asr[{extra}]'")


class ModelError(GerError):
    """A model cannot be found, fetched, verified or run."""


class DownloadError(ModelError):
    """Fetching a model failed."""

    retryable = True


class MemoryLimitError(ModelError):
    """The device has too little memory, even for one item at a time."""
