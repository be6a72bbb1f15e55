"""A finding as people read it: the evidence line under a number, the large figures, the
verdict's dark card.
"""

from __future__ import annotations

import html
import math

import streamlit as st
from mlleak_core.contract import Estimate
from mlleak_core.threat import Conclusion, Figure, Finding, Headline
from pages._kit.canvas import picture


def line(*parts: str) -> None:
    """The line under a number: interval, n, seed, seconds, controls, live or shipped."""
    st.html(f'<div class="evidence">{html.escape(" · ".join(p for p in parts if p))}</div>')


def evidence(finding: Finding, *more: str) -> None:
    """The line of a finding; `more` goes before its seed."""
    line(*parts_of(finding, *more))


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


def conclude(conclusion: Conclusion) -> None:
    """The verdict, in the dark card."""
    parts = html.escape(conclusion.sentence).split("*")
    marked = "".join(f"<em>{p}</em>" if i % 2 else p for i, p in enumerate(parts))
    st.html(f'<div class="verdict">{marked}<small>{html.escape(conclusion.small)}</small></div>')


def big(*figures: Figure) -> None:
    """Numbers set large, one after the other."""
    shown = [_figure(f) for f in figures]
    body = shown[0] if len(shown) == 1 else "".join(f"<span>{s}</span>" for s in shown)
    st.html(f'<div class="big">{body}</div>')


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
