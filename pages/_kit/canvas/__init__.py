"""Canvases: components drawn in the browser from plain data. A file each of Python, JavaScript and CSS."""

from __future__ import annotations

from typing import Any

from mlleak_core.figures.scenes import Reel, Scene, Tape
from mlleak_core.threat import Headline

TALL = {Scene: 5.0, Tape: 4.0, Reel: 1.2}
"""About how many times a line of evidence a picture is high."""


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


def height(headline: Headline) -> float:
    """About how high a headline will be, in lines of evidence, so that columns can be filled evenly."""
    return 1 + TALL.get(type(headline.picture), 0) + len(headline.findings) + 0.5 * len(headline.figures)
