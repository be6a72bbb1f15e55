"""Faces that emerge: true photos above, what was read back below, one slider for the frames, all in the
browser.
"""

from __future__ import annotations

import streamlit as st
from mlleak_core.figures import canvases
from mlleak_core.figures.scenes import Reel

_COMPONENT = st.components.v2.component(
    "mlleak_face_reel",
    html=canvases.markup(canvases.FACE_REEL),
    css=canvases.css(canvases.FACE_REEL),
    js=canvases.js(canvases.FACE_REEL),
)


def face_reel(reel: Reel, key: str) -> None:
    """Draw the reel, of all faces or the first `show`."""
    _COMPONENT(key=key, data=canvases.reel(reel) | {"name": key})
