"""A report as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ger.evaluate.reports import Biasing, Comparison, Report
from ger.evaluate.translation import METRICS, Quality, Rival, Translation

__all__ = ["render"]

_CLASS_NAMES = {
    "number": "numbers",
    "abbreviation": "abbreviations and spelled letters",
    "compound": "compounds and hyphens",
    "spelling": "spelling variants",
    "punctuation": "case and punctuation",
    "other": "recognition",
}


def render(report: Report) -> str:
    """The report on several lines, the signature last; groups one a line."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    if "wer" in report.metrics:
        yield from _words(report)
    if "cer" in report.metrics:
        yield f"CER        {report.cer:6.2f} %   {report.character_errors} errors in {report.characters} characters"
    if report.biasing:
        yield from _biasing(report.biasing)
    if report.translation:
        yield from _translation(report.translation, report.utterances)
    if report.by:
        yield ""
        yield from _groups(report)
    yield ""
    yield report.signature
    for quality in report.translation.qualities if report.translation else ():
        yield f"{METRICS[quality.metric]}|{quality.signature}"


def _words(report: Report) -> Iterator[str]:
    counts = report.counts
    yield (
        f"WER        {report.wer:6.2f} %   {_range(report.interval, '.2f')}   {counts.errors} errors in "
        f"{counts.total} words, {report.utterances} utterances"
    )
    yield (
        f"           {counts.substitutions} substitutions, {counts.deletions} deletions, {counts.insertions} insertions"
    )
    yield f"WER words  {report.wer_words:6.2f} %   without written form: {_classes(report)}"
    if report.oracle is not None and report.unseen is not None:
        of = counts.total / 100
        yield f"Oracle     {report.oracle / of:6.2f} %   best hypothesis of each list"
        yield f"Unseen     {report.unseen / of:6.2f} %   reference words in no hypothesis (compositional oracle)"
    if report.baseline:
        yield from _comparison(report, report.baseline, "Baseline", "first hypothesis")
    if report.against:
        yield from _comparison(report, report.against, "Against", "second system")


def _biasing(biasing: Biasing) -> Iterator[str]:
    yield f"B-WER      {biasing.b_wer:6.2f} %   {biasing.errors} errors in {biasing.words} words of hotwords"
    yield f"U-WER      {biasing.u_wer:6.2f} %   {biasing.other_errors} errors in {biasing.other_words} other words"
    yield f"Recall     {biasing.recall:6.2f} %   {biasing.recognized} of {biasing.said} hotwords that were said"
    yield f"Precision  {biasing.precision:6.2f} %   {biasing.right} of {biasing.written} hotwords that were recognized"


def _translation(translation: Translation, utterances: int) -> Iterator[str]:
    for quality in translation.qualities:
        yield from _quality(quality, utterances)
    if translation.changed is not None:
        rate = f", harmful {100 * translation.harmed / translation.changed:.1f} %" if translation.changed else ""
        yield (
            f"           {translation.changed} changed, {translation.helped} helped, {translation.harmed} harmed "
            f"by sentence chrF{rate}"
        )


def _quality(quality: Quality, utterances: int) -> Iterator[str]:
    mark = "%" if quality.metric == "ter" else " "
    name = METRICS[quality.metric]
    yield f"{name:10} {quality.score:6.2f} {mark}   {_range(quality.interval, '.2f')}   {utterances} utterances"
    if quality.oracle is not None:
        yield f"  Oracle   {quality.oracle:6.2f} {mark}   best hypothesis of each list by sentence chrF"
    for rival, title, what in (
        (quality.baseline, "Baseline", "first hypothesis"),
        (quality.against, "Against", "second system"),
    ):
        if rival:
            yield f"  {title:8} {rival.score:6.2f} {mark}   {what}; {_difference(rival)}"


def _difference(rival: Rival) -> str:
    return f"difference {_range(rival.difference, '+.2f')}, p = {rival.p_value:.2g} (paired bootstrap)"


def _range(ends: tuple[float, float], form: str) -> str:
    low, high = ends
    return "no interval" if math.isnan(low) else f"[{low:{form}}, {high:{form}}]"


def _classes(report: Report) -> str:
    return (
        ", ".join(f"{number} {_CLASS_NAMES[name]}" for name, number in report.classes.items() if number) or "no errors"
    )


def _comparison(report: Report, other: Comparison, title: str, what: str) -> Iterator[str]:
    errors = report.counts.errors
    yield f"{title:10} {100 * other.errors / report.counts.total:6.2f} %   {what}"
    share, which = abs(other.errors - errors) / max(1, other.errors), "fewer" if errors <= other.errors else "more"
    gained = f"{100 * share:.1f} % {which} errors" if other.errors else "no errors there"
    gap = other.errors - report.oracle if report.oracle is not None and other is report.baseline else 0
    closed = f", {100 * (other.errors - errors) / gap:.1f} % of the gap to the oracle closed" if gap else ""
    yield f"           {gained}{closed}"
    yield f"           difference {_range(other.difference, '+.2f')}, p = {other.p_value:.2g} (matched pairs)"
    rate = f", harmful {100 * other.harmed / other.changed:.1f} %" if other.changed else ""
    yield f"           {other.changed} changed, {other.helped} helped, {other.harmed} harmed{rate}"


def _groups(report: Report) -> Iterator[str]:
    width = max(5, *(len(name) for name in report.by))
    names = [metric for metric in ("wer", "wer_words", "cer") if metric.removesuffix("_words") in report.metrics]
    lists = "wer" in report.metrics and report.oracle is not None
    heads = [*names, *(["baseline_wer", "oracle_wer"] if lists else [])]
    for quality in report.translation.qualities if report.translation else ():
        heads += [
            quality.metric,
            *([f"baseline_{quality.metric}", f"oracle_{quality.metric}"] if quality.baseline else []),
        ]
    yield f"{'group':{width}}  {'n':>7}  {'words':>8}" + "".join(f"  {head:>{max(12, len(head))}}" for head in heads)
    for name, group in report.by.items():
        values = group.to_json()
        row = "".join(f"  {values.get(head, math.nan):{max(12, len(head))}.2f}" for head in heads)
        yield f"{name:{width}}  {group.utterances:7}  {group.counts.total:8}{row}"
