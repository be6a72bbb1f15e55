"""The face map: a canvas component drawn in the browser from arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from mlleak_core.figures import canvases
from mlleak_core.figures.scenes import Scene

_COMPONENT = st.components.v2.component(
    "mlleak_face_map",
    html=canvases.markup(canvases.FACE_MAP),
    css=canvases.css(canvases.FACE_MAP),
    js=canvases.js(canvases.FACE_MAP),
)


def face_map(
    scene: Scene,
    key: str,
    compact: bool = False,
    pinned: int = -1,
    on_pin: Callable[[int], None] | None = None,
) -> None:
    """Draw the map; everything happens in the browser. pinned: a person marked from the start, -1 for none;
    `on_pin` is told whom the visitor marks instead.
    """
    mine: dict[str, Any] = {"compact": compact, "pinned": pinned, "keeps": on_pin is not None}

    def told() -> None:
        if on_pin is not None:
            on_pin(int(st.session_state[key]["pinned"]))

    data = canvases.scene(scene) | mine
    _COMPONENT(key=key, data=data, default={"pinned": pinned}, on_pinned_change=told)
