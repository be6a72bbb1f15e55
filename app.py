"""Home: the question, real leaks before any click, and the ways in."""

from __future__ import annotations

import html

import streamlit as st

from mlleak_core.language import mark, say
from mlleak_core.threat import discover
from pages._kit import frame, glossary, real_photos, tour
from pages._kit.canvas import height
from pages._kit.evidence import headline

A_ROW = 3
"""Ways in side by side: more would cut their words on a small screen."""

TITLE = mark('What is this model <span class="hot">hiding?</span>')
HONEST = mark("Nothing here is faked: every number was computed, with this seed.")

frame.open_page(frame.HOME)
exhibits = {threat.card.slug: frame.shipped(threat.card.slug) for threat in discover()}
opening = next(
    filter(None, (shown[0].opening() for shown in exhibits.values())), say("A net learned one thing.")
)
lead = say("{opening} This is what else it carries, and nobody asked for it.", opening=opening)
st.html(f'<h1>{say(TITLE)}</h1><p class="lead">{html.escape(lead)}</p>')
with st.container(horizontal=True):
    tour.begin()
    st.page_link(
        "pages/present.py", label=say("Present"), icon=":material/slideshow:", help=say(frame.PRESENT)
    )
found = [(slug, i, h) for slug, shown in exhibits.items() for i, h in enumerate(shown[0].headlines())]
sides, filled = st.columns([0.55, 0.45], gap="medium"), [0.0, 0.0]
for slug, number, each in found:
    shorter = filled.index(min(filled))
    filled[shorter] += height(each) * (1.0, 1.2)[shorter]
    with sides[shorter]:
        headline(each, f"home-{slug}-{number}", slug)
real_photos.show()
ways = [("train", say("Train one yourself"), ":material/play_arrow:")]
ways += [(threat.card.slug, say(threat.card.call), threat.card.icon) for threat in discover()]
ways.append(("classroom", say("Teach a class"), ":material/school:"))
for start in range(0, len(ways), A_ROW):
    for column, (page, label, icon) in zip(st.columns(A_ROW), ways[start:], strict=False):
        with column:
            frame.way(f"pages/{page}.py", label, icon, page, main=page == "train")
glossary.foot()
st.caption(f"{say(HONEST)} {say(frame.LABELS_NOTE)}")
