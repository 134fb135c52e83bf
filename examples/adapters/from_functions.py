"""Any functions that make a text of a recording: one of them, or several whose texts are a list.

python from_functions.py AUDIO COMMAND ...
Each command is run with the recording behind its words, and prints what it recognized.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import ger


def corrected(corrector: ger.Corrector, path: str, *recognizers: Callable[[str], str]) -> ger.Correction:
    """What the recognizers hear in a recording, corrected as one list; the one that errs least comes first."""
    hypotheses = tuple(ger.Hypothesis(recognize(path).strip()) for recognize in recognizers)
    return corrector.correct(ger.NBest(path, hypotheses, ger.AudioSpan(path)))


def printed(command: str, path: str) -> str:
    """What a command prints about a recording."""
    return subprocess.run([*shlex.split(command), path], stdout=subprocess.PIPE, text=True, check=True).stdout


def main(path: str, *commands: str) -> None:
    with ger.Corrector.from_profile() as corrector:
        print(corrected(corrector, path, *(partial(printed, command) for command in commands)).text)


if __name__ == "__main__":
    main(*sys.argv[1:])
