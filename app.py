"""Home: the question, real leaks before any click, and the ways in."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from mlleak_core import elsewhere
from mlleak_core.figures.canvases import colours_for
from mlleak_core.figures.dots import dots
from mlleak_core.figures.look import GREY
from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.threat import discover
from pages._kit import frame, glossary, tour
from pages._kit.canvas import height
from pages._kit.evidence import big, headline, line

A_ROW = 3
"""Ways in side by side: more would cut their words on a small screen."""

REAL = "lfw"
"""Of which data numbers come with the program, without pictures."""


def real_photos() -> None:
    """The same on real photos, for whoever has not got them."""
    found = elsewhere.shipped(REAL)
    if found is None:
        return
    st.header("The same on real photos")
    st.caption(
        f"Labeled Faces in the Wild, computed {found.made}. No photo and no name comes with the program; who "
        "has the data set runs it live."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        if found.dots:
            real_map(found.dots)
        told(found.told[:2])
    with right:
        told(found.told[2:])


def real_map(seen: elsewhere.Dots) -> None:
    """The map of a layer: shape is what was taught, colour what nobody asked for."""
    layer = LAYER_NAMES.get(seen.layer, seen.layer)
    what = f"{len(seen.places)} photos as {layer} sees them"
    with st.container(border=True):
        colours = colours_for(seen.classes, np.array(seen.other))
        st.image(dots(seen.places, seen.taught, seen.other, colours, what), width="stretch", alt=what)
        key = " ".join(
            f'<span style="color:{colour or GREY}">{"■" if colour else "□"}</span> {html.escape(name)}'
            for colour, name in zip(colours, seen.classes, strict=True)
        )
        shapes = f"● {html.escape(seen.task_classes[0])} ▲ {html.escape(seen.task_classes[1])}"
        st.html(f'<div class="evidence">{shapes} · {key}, or a doubtful label</div>')
        st.caption(f"{what}: shape is what it was taught, colour a label that it was never told.")


def told(found: Sequence[elsewhere.Told]) -> None:
    for each in found:
        with st.container(border=True):
            st.markdown(each.title if "**" in each.title else f"**{each.title}**")
            if each.figures:
                big(*each.figures)
            for parts in each.lines:
                line(*parts)


frame.open_page(frame.HOME)
exhibits = {threat.card.slug: frame.shipped(threat.card.slug) for threat in discover()}
opening = next(filter(None, (shown[0].opening() for shown in exhibits.values())), "A net learned one thing.")
st.html(
    '<h1>What is this model <span class="hot">hiding?</span></h1><p class="lead">'
    f"{html.escape(opening)} This is what else it carries, and nobody asked for it.</p>"
)
with st.container(horizontal=True):
    tour.begin()
    st.page_link("pages/present.py", label="Present", icon=":material/slideshow:", help=frame.PRESENT)
found = [(f"{slug}-{i}", h) for slug, shown in exhibits.items() for i, h in enumerate(shown[0].headlines())]
sides, filled = st.columns([0.55, 0.45], gap="medium"), [0.0, 0.0]
for key, each in found:
    shorter = filled.index(min(filled))
    filled[shorter] += height(each) * (1.0, 1.2)[shorter]
    with sides[shorter]:
        headline(each, f"home-{key}")
real_photos()
ways = [("train", "Train one yourself", ":material/play_arrow:")]
ways += [(threat.card.slug, threat.card.call, threat.card.icon) for threat in discover()]
ways.append(("classroom", "Teach a class", ":material/school:"))
for start in range(0, len(ways), A_ROW):
    for column, (page, label, icon) in zip(st.columns(A_ROW), ways[start:], strict=False):
        with column:
            frame.way(f"pages/{page}.py", label, icon, page, main=page == "train")
glossary.foot()
st.caption("Nothing here is faked: every number was computed, with this seed. " + frame.LABELS_NOTE)
