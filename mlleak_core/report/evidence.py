"""Findings as people read them, on pages and in reports: the parts of an evidence line, rates of error."""

from __future__ import annotations

import math
from typing import Any

from mlleak_core import calibrate
from mlleak_core.contract import Estimate
from mlleak_core.language import Said, again, mark, say, together
from mlleak_core.threat import Finding, Threat

GENERAL = ("interval-auc", "interval-tpr", "interval-tpr-null", "interval-gain", "interval-difference")
"""Rates of the intervals that every threat uses."""
SOURCES = (
    mark("live"),
    mark("live, stopped early"),
    mark("live, kept from an earlier visit"),
)
DATED = (mark("shipped {date}"), mark("live, on {date}"))
"""Where a number comes from, as `Finding.source` has it in every language."""


def shown(words: str) -> str:
    """Words that were marked, or said by whomever and whenever, in the language of who looks."""
    return str(again(words)) if isinstance(words, Said) else say(words)


def parts_of(finding: Finding, *more: str) -> tuple[str, ...]:
    """A finding's evidence, part by part; `more` goes before its seed."""
    controls = [_number(c.what, c.estimate, finding) for c in finding.controls]
    if not controls and finding.chance is not None:
        controls = [say("guessing {chance}", chance=f"{finding.chance:{finding.form}}")]
    brief = finding.seconds < 1
    return (
        _number(finding.what, finding.estimate, finding),
        *controls,
        say("n = {n:,} {counted}", n=finding.n, counted=shown(finding.counted)),
        *map(shown, finding.notes),
        *more,
        say("seed {seed}", seed=finding.seed),
        say("under a second") if brief else say("{seconds:.0f} s", seconds=finding.seconds),
        whence(finding.source),
    )


def _number(what: str, estimate: Estimate, finding: Finding) -> str:
    """What a number is, and the number."""
    value = written(estimate, finding.form, finding.unit)
    return say("{what} {value}", what=shown(what), value=value)


def whence(source: str) -> str:
    """A finding's source in the language of who looks; any other words as they are."""
    for dated in DATED:
        before = dated.partition("{")[0]
        if source.startswith(before):
            return say(dated, date=source.removeprefix(before))
    return say(source) if source in SOURCES else str(again(source))


def written(estimate: Estimate, form: str = ".2f", unit: str = "") -> str:
    """A value with its interval in the house style; a value that has none stands alone."""
    value = say("{number}{unit}", number=f"{estimate.value:{form}}", unit=shown(unit))
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return value
    return together(value, span(estimate.low, estimate.high, form))


def span(low: float, high: float, form: str = ".2f") -> str:
    """An interval in the house style."""
    if not math.isfinite(high - low):
        return say("(a single value has no interval)")
    return f"[{low:{form}}, {high:{form}}]"


def how_often_wrong(finding: Finding) -> str:
    """How often the finding's verdict is wrong where nothing is there; empty where it was not measured."""
    known = calibrate.shipped().get(finding.null)
    return known.words if known else ""


def rates(threat: Threat) -> tuple[calibrate.Rate, ...]:
    """The rates of a threat's verdicts and of the intervals that all use; none where its own are unknown."""
    own = {null.key for null in threat.nulls}
    known = [rate for rate in calibrate.shipped().values() if rate.key in own or rate.key in GENERAL]
    return tuple(known) if own.intersection(rate.key for rate in known) else ()


def rate_row(rate: calibrate.Rate) -> dict[str, Any]:
    """A rate as tables show it."""
    return {
        mark("where nothing is there"): say(rate.situation),
        mark("wrong when"): say(rate.claim),
        mark("cases"): say("{k} of {n}", k=rate.count, n=rate.wrong.n),
        mark("rate"): f"{rate.wrong.value:.1%} {span(rate.wrong.low, rate.wrong.high, '.1%')}",
        mark("at most"): f"{rate.allowed:.0%}",
    }
