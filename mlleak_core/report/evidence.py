"""Findings as people read them, on pages and in reports: the parts of an evidence line, rates of error."""

from __future__ import annotations

import math
from typing import Any

from mlleak_core import calibrate
from mlleak_core.contract import Estimate
from mlleak_core.threat import Finding, Threat

GENERAL = ("interval-auc", "interval-tpr", "interval-tpr-null", "interval-gain", "interval-difference")
"""Rates of the intervals that every threat uses."""
LABELS_NOTE = (
    "Gender and race are labels that a data set carries about how somebody looks, never facts about a person."
)


def parts_of(finding: Finding, *more: str) -> tuple[str, ...]:
    """A finding's evidence, part by part; `more` goes before its seed."""
    controls = [f"{c.what} {written(c.estimate, finding.form, finding.unit)}" for c in finding.controls]
    if not controls and finding.chance is not None:
        controls = [f"guessing {finding.chance:{finding.form}}"]
    return (
        f"{finding.what} {written(finding.estimate, finding.form, finding.unit)}",
        *controls,
        f"n = {finding.n:,} {finding.counted}",
        *finding.notes,
        *more,
        f"seed {finding.seed}",
        f"{finding.seconds:.0f} s" if finding.seconds >= 1 else "under a second",
        finding.source,
    )


def written(estimate: Estimate, form: str = ".2f", unit: str = "") -> str:
    """A value with its interval in the house style; a value that has none stands alone."""
    value = f"{estimate.value:{form}}{unit}"
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return value
    return f"{value} {span(estimate.low, estimate.high, form)}"


def span(low: float, high: float, form: str = ".2f") -> str:
    """An interval in the house style."""
    if not math.isfinite(high - low):
        return "(a single value has no interval)"
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
        "where nothing is there": rate.situation,
        "wrong when": rate.claim,
        "cases": f"{rate.count} of {rate.wrong.n}",
        "rate": f"{rate.wrong.value:.1%} {span(rate.wrong.low, rate.wrong.high, '.1%')}",
        "at most": f"{rate.allowed:.0%}",
    }
