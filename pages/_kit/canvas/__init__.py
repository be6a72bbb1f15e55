"""Canvases: components drawn in the browser from plain data. A file each of Python, JavaScript and CSS."""

from __future__ import annotations

from typing import Any

from mlleak_core.figures.scenes import Reel, Scene, Tape


def picture(found: Any, key: str) -> None:
    """Draw a headline's picture, whichever kind it is of."""
    from pages._kit.canvas.face_map import face_map
    from pages._kit.canvas.face_reel import face_reel
    from pages._kit.canvas.round_tape import round_tape

    match found:
        case Scene():
            face_map(found, key, compact=True)
        case Reel():
            face_reel(found, key)
        case Tape():
            round_tape(found, key)
