"""The same on real photos, on Home: numbers and a map of points, for whoever has not got the data."""

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
from mlleak_core.language import mark, say
from mlleak_core.report.evidence import shown
from pages._kit.evidence import line, title_and_figures

REAL = "lfw"
"""Of which data numbers come with the program, without pictures."""
LEAD = mark(
    "Labeled Faces in the Wild, computed {made}. No photo and no name comes with the program; who has the "
    "data set runs it live."
)
SEEN = mark("{n} photos as {layer} sees them")
RACE = mark("race label")
"""The label of the shipped map, within a sentence."""
KEY = mark("{what}: shape is what it was taught, colour the {label}, which it was never told.")


def show() -> None:
    """The same on real photos, for whoever has not got them."""
    found = elsewhere.shipped(REAL)
    if found is None:
        return
    st.header(say("The same on real photos"))
    st.caption(say(LEAD, made=found.made))
    left, right = st.columns(2, gap="medium")
    with left:
        if found.dots:
            _map(found.dots)
        _told(found.told[:2])
    with right:
        _told(found.told[2:])


def _map(seen: elsewhere.Dots) -> None:
    """The map of a layer: shape is what was taught, colour what nobody asked for."""
    what = say(SEEN, n=len(seen.places), layer=say(LAYER_NAMES.get(seen.layer, seen.layer)))
    with st.container(border=True):
        colours = colours_for(seen.classes, np.array(seen.other))
        st.image(dots(seen.places, seen.taught, seen.other, colours, what), width="stretch", alt=what)
        key = " ".join(
            f'<span style="color:{colour or GREY}">{"■" if colour else "□"}</span> {html.escape(say(name))}'
            for colour, name in zip(colours, seen.classes, strict=True)
        )
        taught = zip("●▲", seen.task_classes, strict=True)
        shapes = " ".join(f"{sign} {html.escape(say(name))}" for sign, name in taught)
        doubtful = say("{names}, or a doubtful label", names=key)
        st.html(f'<div class="evidence">{shapes} · {doubtful}</div>')
        st.caption(say(KEY, what=what, label=say(seen.label.lower())))


def _told(found: Sequence[elsewhere.Told]) -> None:
    for each in found:
        with st.container(border=True):
            title_and_figures(each.title, each.figures)
            for evidence in each.lines:
                line(*map(shown, evidence.parts), rate=shown(evidence.wrong), page=each.slug)
            if each.small:
                st.caption(shown(each.small))
