"""Models: a catalogue, a verified cache, and one function that turns a name into a folder, `resolve`.

Importing this is cheap; what downloads and converts is imported when it is needed.
"""

from ger.models.cache import cache_dir
from ger.models.entries import DEFAULT_LM, DEFAULT_RECOGNIZER, Entry, ModelKind, catalogue
from ger.models.locate import resolve, resolve_ctranslate2
from ger.models.store import LocalModel, Verification, installed, installed_names, pull, remove, verify

__all__ = [
    "DEFAULT_LM",
    "DEFAULT_RECOGNIZER",
    "Entry",
    "LocalModel",
    "ModelKind",
    "Verification",
    "cache_dir",
    "catalogue",
    "installed",
    "installed_names",
    "pull",
    "remove",
    "resolve",
    "resolve_ctranslate2",
    "verify",
]
