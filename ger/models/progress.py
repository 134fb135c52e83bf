"""What the user sees of a pull, always on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Meter", "Reporter", "human_size"]


def human_size(count: int) -> str:
    """A size in bytes for people: `133 MB`."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            value = count / scale
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count} B"


class Meter:
    """How far a download is, in bytes."""

    def __init__(self, total: int, bar: Progress | None = None, title: str = "") -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=total) if bar else None
        self._before = 0

    def at(self, current: int) -> None:
        """The file that is being fetched has `current` bytes so far."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._before + current)

    def done(self, size: int) -> None:
        """A file of `size` bytes is complete."""
        self._before += size
        self.at(0)


class Reporter:
    """Lines and bars on standard error; nothing at all when `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    @contextmanager
    def download(self, title: str, total: int) -> Iterator[Meter]:
        """A bar for `total` bytes while the block runs; without a terminal, a line before and a line after."""
        if self._quiet or not sys.stderr.isatty():
            self.say(f"Downloading {title} ({human_size(total)}) …")
            yield Meter(total)
            self.say(f"Downloaded {title}.")
            return
        with _bar() as bar:
            yield Meter(total, bar, title)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))
