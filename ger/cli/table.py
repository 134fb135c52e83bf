"""The table on a terminal: file, what changed word by word, decision."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ger.io.paths import printable
from ger.text.mark import mark, plain_marks

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ger.pipeline import Result
    from ger.types import Correction

__all__ = ["ChangeTable"]

_STYLES = {"same": "", "removed": "red strike", "added": "bold green"}
_DECISIONS = {"kept": "dim", "reranked": "green", "rewritten": "green", "rejected": "yellow", "failed": "red"}


class ChangeTable:
    """Prints rows as results come, under one header."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=False)
        self._file_width = max(12, min(28, self._console.width // 4))
        self._begun = False

    def add(self, result: Result) -> None:
        """A row for each segment of a result; its name stands on the first."""
        if not self._begun:
            self._row("file", "text", "decision", style="bold")
            self._begun = True
        name = printable(result.source.path).rsplit("/", 1)[-1]
        corrections = result.recording.corrections if result.recording else ()
        if not corrections:
            self._row(name, "", "error" if result.error else "no speech", style="red" if result.error else "dim")
        for correction in corrections:
            self._row(name, self._text(correction), correction.decision, style=_DECISIONS[correction.decision])
            name = ""

    def _text(self, correction: Correction) -> Text:
        from rich.text import Text

        before = correction.hypotheses[0].text if correction.hypotheses else correction.text
        if not _coloured(self._console):
            return Text(plain_marks(before, correction.text))
        return Text.assemble(*((text, _STYLES[kind]) for kind, text in mark(before, correction.text)))

    def _row(self, name: str, text: str | Text, decision: str, style: str) -> None:
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 1), expand=False)
        row.add_column(width=self._file_width, overflow="fold")
        row.add_column(width=self._console.width - self._file_width - 12, overflow="fold")
        row.add_column(width=9, no_wrap=True)
        row.add_row(Text(name), text, Text(decision, style=style))
        self._console.print(row)


def _coloured(console: Console) -> bool:
    return console.is_terminal and not console.no_color and console.color_system is not None
