"""What the built-in plug-ins need: one line each, for `ger plugins`, `ger models` and `ger doctor`.

A plug-in says itself what it lacks when it is made (`DependencyError`); this is the same for those who only look.
"""

from __future__ import annotations

from dataclasses import dataclass

from ger.registry import Kind

__all__ = ["ENGINES", "NEEDS", "Need"]


@dataclass(frozen=True, slots=True)
class Need:
    """What one plug-in needs.

    Attributes:
        extra: The extra of `ger-asr` that brings it; empty where nothing is needed.
        packages: Importable names, without dots.
        program: What it runs, by the name that is looked for on the path; empty for nothing.
        install: How to get that.
    """

    extra: str = ""
    packages: tuple[str, ...] = ()
    program: str = ""
    install: str = ""


_TORCH = Need("transformers", ("torch", "transformers", "safetensors", "accelerate", "gguf"))

#: Every built-in but correctors, which need nothing.
NEEDS: dict[Kind, dict[str, Need]] = {
    "frontends": {
        "faster-whisper": Need(
            "faster-whisper", ("faster_whisper", "ctranslate2", "onnxruntime", "av", "threadpoolctl")
        ),
        "transformers": _TORCH,
        "lattice": Need("lattice", ("kaldi_decoder", "kaldifst")),
        "pocketsphinx": Need("pocketsphinx", ("pocketsphinx",)),
        "nemo": Need("nemo", ("nemo", "torch", "omegaconf")),
        "remote": Need(),
    },
    "segmenters": {
        "silero": Need("faster-whisper", ("faster_whisper", "onnxruntime")),
    },
    "backends": {
        "transformers": _TORCH,
        "masked": _TORCH,
        "kenlm": Need(),  # the package kenlm makes it faster, and only binaries need it
        "ctranslate2": Need("ctranslate2", ("ctranslate2", "transformers", "torch")),
        "vllm": Need("vllm", ("vllm",)),
        "openai": Need(),
        "rescorer": _TORCH,
        "seq2seq": _TORCH,
    },
    "correctors": {},
    "speakers": {
        "espeak-ng": Need(program="espeak-ng", install="apt install espeak-ng, or brew install espeak-ng"),
        "flite": Need(program="flite", install="apt install flite"),
        "piper": Need(program="piper", install="pip install piper-tts"),
    },
}

#: What runs the models of the catalogue, by kind and format.
ENGINES: dict[tuple[str, str], tuple[Kind, str]] = {
    ("recognizer", "ctranslate2"): ("frontends", "faster-whisper"),
    ("lm", "gguf"): ("backends", "transformers"),
    ("lm", "safetensors"): ("backends", "transformers"),
}
