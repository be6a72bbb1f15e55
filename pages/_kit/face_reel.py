"""Faces that emerge: training photos above, what was read back below, one slider for the epochs, all in the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "mlleak_face_reel",
    html='<div class="face-reel"></div>',
    css=(HERE / "face_reel.css").read_text(),
    js=(HERE / "face_reel.js").read_text(),
)


def face_reel(
    key: str,
    atlas: bytes,
    rows: int,
    names: Sequence[str],
    frames: Sequence[dict[str, Any]],
    others: Sequence[dict[str, Any]] = (),
    first: str = "the malicious twin",
    clock: str = "epoch",
    autoplay: bool = False,
    show: int = 0,
) -> None:
    """Draw the reel, of all faces or the first `show`. A frame: {"row" in the atlas, "title", "note", "errors" and "found" for each face}; row 0 is the truth."""
    data: dict[str, Any] = {
        "name": key, "atlas": base64.b64encode(atlas).decode(), "columns": len(names), "rows": rows, "count": show or len(names), "names": list(names),
        "frames": list(frames), "others": list(others), "first": first, "clock": clock, "autoplay": autoplay,
    }  # fmt: skip
    _COMPONENT(key=key, data=data)


def words(view: dict[str, Any]) -> str:
    """A view's numbers in one line."""
    wrong = f" · wrong bits {view['bit_error_rate']:.1%}" if view.get("bit_error_rate") is not None else ""
    found = f" · owners found {sum(view['found'])} of {len(view['found'])}" if "found" in view else ""
    alike = f" · SSIM {view['ssim']:.2f}" if "ssim" in view else ""
    return f"pixel error {view['mae']:.1f} of 255{alike}{wrong}{found}"


def frame(view: dict[str, Any]) -> dict[str, Any]:
    """A gallery's view as the reel draws it."""
    return {"row": view["row"], "title": view["title"], "note": words(view), "errors": view["errors"], "found": view.get("found")}
