"""A finding as people read it: the evidence line under a number, the large figures, the
verdict's dark card.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import streamlit as st
from mlleak_core.language import mark, say
from mlleak_core.report.evidence import how_often_wrong, parts_of, rate_row, rates, span, whence, written
from mlleak_core.report.evidence import shown as told
from mlleak_core.threat import Conclusion, Figure, Finding, Headline, Threat
from pages._kit import table
from pages._kit.canvas import picture
from pages._kit.glossary import explained, foot

__all__ = ("big", "conclude", "error_rates", "evidence", "headline", "line", "span", "written")

ANCHOR = "how-often-wrong"
KEPT = "\ue000"
"""Stands for a name while the verdict's own asterisks are read."""
MADE = mark("Measured {made}; `mlleak calibrate` does it anew.")


def line(*parts: str, rate: str = "", page: str = "") -> None:
    """The line under a number: interval, n, seed, seconds, controls, live or shipped.

    rate: how often its verdict is wrong, which leads to the table of rates, on another `page` if it is there.
    """
    shown = html.escape(" · ".join(whence(p) for p in parts if p))
    way = f' · <a href="{page}#{ANCHOR}" target="_self">{html.escape(rate)}</a>' if rate else ""
    st.html(f'<div class="evidence">{explained(shown)}{way}</div>')


def evidence(finding: Finding, *more: str, page: str = "") -> None:
    """The line of a finding; `more` goes before its seed; page: of its rates, if not this one."""
    line(*parts_of(finding, *more), rate=how_often_wrong(finding), page=page)


def error_rates(threat: Threat) -> None:
    """How often this page's verdicts were wrong where nothing is there: a table at its foot."""
    foot()
    known = rates(threat)
    if not known:
        return
    st.header(say("How often is this page wrong?"), anchor=ANCHOR)
    st.caption(say("Measured where there is nothing to find: in every case below the claim is false."))
    rows = [rate_row(rate) for rate in known]
    file, note = f"{threat.card.slug}-rates.csv", say(MADE, made=known[0].made)
    table.show(say("Rates, one by one"), rows, file, note=note)


def conclude(conclusion: Conclusion, name: str = "") -> None:
    """The verdict, in the dark card. name: what somebody wrote in it, whose asterisks are no emphasis."""
    sentence, small = told(conclusion.sentence), told(conclusion.small)
    sentence = sentence.replace(name, KEPT) if name else sentence
    parts = html.escape(sentence).split("*")
    marked = "".join(f"<em>{p}</em>" if i % 2 else p for i, p in enumerate(parts))
    marked = marked.replace(KEPT, html.escape(name))
    body = f"{marked}<small>{html.escape(small)}</small>"
    st.html(f'<div class="verdict">{body if name else explained(body)}</div>')


def sealed(*coming: str) -> None:
    """In the verdict's place until the bet: what will be shown, and what guessing would get."""
    points = explained("".join(f"<li>{html.escape(told(each))}</li>" for each in coming))
    head = say("Opens with your bet")
    st.html(f'<div class="coming"><b>{head}</b><ul>{points}</ul></div>')


def big(*figures: Figure) -> None:
    """Numbers set large, one after the other."""
    shown = [_figure(f) for f in figures]
    body = shown[0] if len(shown) == 1 else "".join(f"<span>{s}</span>" for s in shown)
    st.html(f'<div class="big">{explained(body)}</div>')


def _figure(figure: Figure) -> str:
    text = html.escape(told(figure.text))
    return (
        f'<b class="hot">{text}</b>' if figure.hot else text
    ) + f"<i>{html.escape(told(figure.words))}</i>"


def headline(found: Headline, key: str, page: str = "") -> None:
    """What Home says of a threat; page: where its rates are, if not here."""
    with st.container(border=True):
        title_and_figures(found.title, found.figures, found.picture, key)
        for finding in found.findings:
            evidence(finding, page=page)
        if found.small:
            st.caption(told(found.small))


def title_and_figures(title: str, figures: Sequence[Figure], shown: Any = None, key: str = "") -> None:
    """The upper half of a headline: its sentence, a picture if it has one, the numbers set large."""
    title = told(title)
    st.markdown(title if "**" in title else f"**{title}**")
    if shown is not None:
        picture(shown, key)
    if figures:
        big(*figures)
