"""Error rates with counts, intervals and signatures."""

from __future__ import annotations

from ger.evaluate.bootstrap import bootstrap_interval, matched_pairs
from ger.evaluate.rates import Counts, count_errors
from ger.evaluate.reports import Comparison, Report, report
from ger.evaluate.sources import Item, read_items, with_hotwords

__all__ = [
    "Comparison",
    "Counts",
    "Item",
    "Report",
    "bootstrap_interval",
    "count_errors",
    "matched_pairs",
    "read_items",
    "report",
    "with_hotwords",
]
