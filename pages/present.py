"""Presenter mode: one finding a screen, large, with its picture and its evidence; nothing to scroll or turn.

What was computed beforehand is shown: of the chosen data what `mlleak rehearse` kept here, else what came
with the program. PageDown and PageUp, which presenters' clickers send, go on and back.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from mlleak_core import rehearsal
from mlleak_core.language import mark, say
from mlleak_core.report.evidence import shown as told
from mlleak_core.threat import Exhibit, Headline, Threat, discover
from pages._kit import experiment, frame
from pages._kit.canvas import picture
from pages._kit.evidence import big, evidence
from pages._kit.words import plain

Slide = tuple[Threat, Exhibit, Headline]
REHEARSE = mark(
    "`mlleak rehearse --data {data}` computes and keeps all that a demo shows, and says how long each live "
    "step will take on this machine."
)


def slides(data: str) -> list[Slide]:
    """The first headline of every threat that has something prepared on these data."""
    found = []
    for threat in discover():
        exhibit = prepared(threat, data)
        if exhibit and exhibit.headlines():
            found.append((threat, exhibit, exhibit.headlines()[0]))
    return found


def prepared(threat: Threat, data: str) -> Exhibit | None:
    """What was computed before of this threat on these data."""
    settings = rehearsal.shown_on(threat, data)
    return frame.prepared(threat.card.slug, settings) if settings else None


def turn(to: int) -> None:
    st.session_state["slide"] = str(to)


def place(count: int) -> int:
    """Which slide, counted from 1, by the address; the first where that cannot be read."""
    with st.container(key="unseen-slide"):
        written = str(st.text_input(say("Slide in the address"), "1", key="slide", bind="query-params"))
    return min(max(int(written), 1), count) if written.isdecimal() and len(written) < 4 else 1


def show(slide: Slide) -> None:
    """One finding: what was asked, what came out, the picture, the evidence."""
    threat, _, headline = slide
    st.html(f'<p class="asked">{plain(say(threat.card.question))}</p>')
    title = told(headline.title).replace("**", "")
    st.html(f"<h1>{title}</h1>")
    both = headline.picture is not None and headline.figures
    parts = (
        st.columns([0.62, 0.38], gap="large", vertical_alignment="center") if both else [st.container()] * 2
    )
    with parts[0]:
        if headline.picture is not None:
            picture(headline.picture, f"slide-{threat.card.slug}")
    with parts[1]:
        if headline.figures:
            big(*headline.figures)
    for finding in headline.findings[:1]:
        evidence(finding, page=threat.card.slug)


def steps(at: int, shown: list[Slide]) -> None:
    """Back, on, to the page of the slide, and out."""
    middle: dict[str, Any] = {"horizontal_alignment": "center", "vertical_alignment": "center"}
    with st.container(horizontal=True, key="slides", **middle):
        last, page = at == len(shown), f"pages/{shown[at - 1][0].card.slug}.py"
        more: dict[str, Any] = {"on_click": turn}
        st.button(say("Back"), disabled=at == 1, shortcut="PageUp", args=(at - 1,), key="slide-back", **more)
        st.button(say("Next"), disabled=last, shortcut="PageDown", args=(at + 1,), key="slide-next", **more)
        st.page_link(page, label=say("Do it yourself"), icon=":material/play_arrow:")
        st.page_link("app.py", label=say("Leave"), icon=":material/close:")
        st.caption(say("{k} of {n}", k=at, n=len(shown)), width="content")


frame.open_page("Present", tuple(experiment.sources()))
st.html('<div class="presenting"></div>')
data = experiment.data(tuple(experiment.sources()))
shown = slides(data)
if shown:
    at = place(len(shown))
    show(shown[at - 1])
    steps(at, shown)
else:
    st.title(say("Nothing is prepared on these data"))
    slug = plain(data.partition(":")[0])
    st.markdown(say(REHEARSE, data=slug))
    frame.way("app.py", say("To the runs that came with the program"), ":material/home:", "home")
