"""Faces that emerge: true photos above, what was read back below, one slider for the frames, all in the
browser.
"""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any

import streamlit as st
from mlleak_core.figures.scenes import Reel

HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "mlleak_face_reel",
    html='<div class="face-reel"></div>',
    css=(HERE / "face_reel.css").read_text(),
    js=(HERE / "face_reel.js").read_text(),
)


def face_reel(reel: Reel, key: str) -> None:
    """Draw the reel, of all faces or the first `show`."""
    data: dict[str, Any] = {
        "name": key,
        "atlas": base64.b64encode(reel.atlas).decode(),
        "columns": len(reel.names),
        "rows": reel.rows,
        "count": reel.show or len(reel.names),
        "names": list(reel.names),
        "frames": [dataclasses.asdict(frame) for frame in reel.frames],
        "others": [dataclasses.asdict(frame) for frame in reel.others],
        "first": reel.first,
        "clock": reel.clock,
        "autoplay": reel.autoplay,
    }
    _COMPONENT(key=key, data=data)
