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
from pages._kit.evidence import line, title_and_figures

REAL = "lfw"
"""Of which data numbers come with the program, without pictures."""


def show() -> None:
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
            _map(found.dots)
        _told(found.told[:2])
    with right:
        _told(found.told[2:])


def _map(seen: elsewhere.Dots) -> None:
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
        st.caption(
            f"{what}: shape is what it was taught, colour the {seen.label.lower()}, which it was never told."
        )


def _told(found: Sequence[elsewhere.Told]) -> None:
    for each in found:
        with st.container(border=True):
            title_and_figures(each.title, each.figures)
            for evidence in each.lines:
                line(*evidence.parts, rate=evidence.wrong, page=each.slug)
            if each.small:
                st.caption(each.small)
