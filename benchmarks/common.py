"""What the benchmarks share: the machine, clips with references, counting."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from asr_frontends.faster_whisper import FasterWhisper
from ger.io.audio import SAMPLE_RATE, decode
from ger.protocols import FrontendOptions
from ger.types import AudioSegment, AudioSpan, NBest

SUFFIXES = {".flac", ".wav", ".opus", ".mp3"}


def machine() -> str:
    """Processor, cores and versions, on one line."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    packages = []
    for name in ("ger-asr", "ctranslate2", "faster-whisper", "torch", "transformers"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"{name} -")
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {', '.join(packages)}"


def clips(folder: Path) -> tuple[list[Path], dict[str, str]]:
    """Audio files of a folder, and references by file stem."""
    lines = (folder / "refs.tsv").read_text(encoding="utf-8").splitlines()
    references = dict(line.split("\t")[:2] for line in lines if line.strip())
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
    return [path for path in files if path.stem in references], references


def segments(files: list[Path]) -> list[AudioSegment]:
    """Each file as one segment."""
    found = []
    for path in files:
        samples = np.concatenate(list(decode(path)))
        found.append(AudioSegment(path.stem, AudioSpan(str(path), 0.0, len(samples) / SAMPLE_RATE), samples))
    return found


def recognized(folder: Path, options: FrontendOptions | None = None) -> list[NBest]:
    """N-best lists of the clips of a folder, with references."""
    files, references = clips(folder)
    lists = FasterWhisper(options or FrontendOptions()).recognize(segments(files))
    return [replace(nbest, reference=references[nbest.id]) for nbest in lists]
