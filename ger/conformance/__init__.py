"""Whether a plug-in keeps what its protocol promises: `ger plugins check`, and functions for tests of one's own.

>>> from ger.conformance import check_frontend, speech
>>> for outcome in check_frontend(MyRecognizer(FrontendOptions()), speech()):  # doctest: +SKIP
...     assert outcome.state != "failed", outcome
"""

from __future__ import annotations

from ger.conformance.backends import check_backend
from ger.conformance.correctors import check_corrector
from ger.conformance.frontends import check_frontend
from ger.conformance.made import check_plugin
from ger.conformance.outcome import TOLERANCE, Outcome
from ger.conformance.sample import Sample, speech
from ger.conformance.segmenters import check_segmenter

__all__ = [
    "TOLERANCE",
    "Outcome",
    "Sample",
    "check_backend",
    "check_corrector",
    "check_frontend",
    "check_plugin",
    "check_segmenter",
    "speech",
]
