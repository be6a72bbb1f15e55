"""A finding as people read it: the evidence line under a number, the large figures, the
verdict's dark card.
"""

from __future__ import annotations

import html
import math

import streamlit as st
from mlleak_core import calibrate
from mlleak_core.contract import Estimate
from mlleak_core.threat import Conclusion, Figure, Finding, Headline, Threat
from pages._kit import table
from pages._kit.canvas import picture
from pages._kit.glossary import explained, foot

ANCHOR = "how-often-wrong"
GENERAL = ("interval-auc", "interval-tpr", "interval-tpr-null", "interval-gain", "interval-difference")
"""Rates of the intervals that every threat uses."""
KEPT = "\ue000"
"""Stands for a name while the verdict's own asterisks are read."""
MADE = "Measured {}; `mlleak calibrate` does it anew."


def line(*parts: str, rate: str = "") -> None:
    """The line under a number: interval, n, seed, seconds, controls, live or shipped.

    rate: how often its verdict is wrong, which leads to the page's own table of rates.
    """
    shown = html.escape(" · ".join(p for p in parts if p))
    way = f' · <a href="#{ANCHOR}" target="_self">{html.escape(rate)}</a>' if rate else ""
    st.html(f'<div class="evidence">{explained(shown)}{way}</div>')


def evidence(finding: Finding, *more: str) -> None:
    """The line of a finding; `more` goes before its seed."""
    known = calibrate.shipped().get(finding.null)
    line(*parts_of(finding, *more), rate=known.words if known else "")


def error_rates(threat: Threat) -> None:
    """How often this page's verdicts were wrong where nothing is there: a table at its foot."""
    foot()
    own = {null.key for null in threat.nulls}
    rates = [rate for rate in calibrate.shipped().values() if rate.key in own or rate.key in GENERAL]
    if not own.intersection(rate.key for rate in rates):
        return
    st.header("How often is this page wrong?", anchor=ANCHOR)
    st.caption("Measured where there is nothing to find: in every case below the claim is false.")
    rows = [
        {
            "where nothing is there": rate.situation,
            "wrong when": rate.claim,
            "cases": f"{rate.count} of {rate.wrong.n}",
            "rate": f"{rate.wrong.value:.1%} {span(rate.wrong.low, rate.wrong.high, '.1%')}",
            "at most": f"{rate.allowed:.0%}",
        }
        for rate in rates
    ]
    table.show("Rates, one by one", rows, f"{threat.card.slug}-rates.csv", note=MADE.format(rates[0].made))


def parts_of(finding: Finding, *more: str) -> tuple[str, ...]:
    """A finding's evidence, part by part."""
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


def conclude(conclusion: Conclusion, name: str = "") -> None:
    """The verdict, in the dark card. name: what somebody wrote in it, whose asterisks are no emphasis."""
    sentence = conclusion.sentence.replace(name, KEPT) if name else conclusion.sentence
    parts = html.escape(sentence).split("*")
    marked = "".join(f"<em>{p}</em>" if i % 2 else p for i, p in enumerate(parts))
    marked = marked.replace(KEPT, html.escape(name))
    body = f"{marked}<small>{html.escape(conclusion.small)}</small>"
    st.html(f'<div class="verdict">{body if name else explained(body)}</div>')


def sealed(*coming: str) -> None:
    """In the verdict's place until the bet: what will be shown, and what guessing would get."""
    points = explained("".join(f"<li>{html.escape(each)}</li>" for each in coming))
    st.html(f'<div class="coming"><b>Opens with your bet</b><ul>{points}</ul></div>')


def big(*figures: Figure) -> None:
    """Numbers set large, one after the other."""
    shown = [_figure(f) for f in figures]
    body = shown[0] if len(shown) == 1 else "".join(f"<span>{s}</span>" for s in shown)
    st.html(f'<div class="big">{explained(body)}</div>')


def _figure(figure: Figure) -> str:
    text = html.escape(figure.text)
    return (f'<b class="hot">{text}</b>' if figure.hot else text) + f"<i>{html.escape(figure.words)}</i>"


def headline(found: Headline, key: str) -> None:
    """What Home says of a threat."""
    with st.container(border=True):
        st.markdown(found.title if "**" in found.title else f"**{found.title}**")
        if found.picture is not None:
            picture(found.picture, key)
        if found.figures:
            big(*found.figures)
        for finding in found.findings:
            evidence(finding)
        if found.small:
            st.caption(found.small)
