"""A scatter of many points as a small SVG: drawn once, sent as text, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mlleak_core.figures.look import BLUE, GREEN, GREY, ORANGE

COLOURS = (ORANGE, BLUE, GREEN, "#CC79A7", "#E69F00")
SIZE = 9
TRIANGLE = f"m0,-{SIZE}l{SIZE},{2 * SIZE}h-{2 * SIZE}z"


def dots(
    places: Sequence[tuple[int, int]],
    shape: Sequence[int],
    colour: Sequence[int],
    title: str,
    side: int = 1000,
) -> str:
    """Circles for shape 0, triangles for others; a colour a code, grey where it is negative. places: whole
    numbers up to `side`, downwards.
    """
    order = sorted(range(len(places)), key=lambda i: colour[i] >= 0)
    marks = "".join(_mark(places[i], shape[i], colour[i]) for i in order)
    box = f"-20 -20 {side + 40} {side + 40}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img"><title>{escape(title)}</title>'
        f'<g fill-opacity=".75">{marks}</g></svg>'
    )


def _mark(place: tuple[int, int], shape: int, code: int) -> str:
    fill = COLOURS[code % len(COLOURS)] if code >= 0 else GREY
    if shape == 0:
        return f'<circle cx="{place[0]}" cy="{place[1]}" r="{SIZE}" fill="{fill}"/>'
    return f'<path d="M{place[0]},{place[1]}{TRIANGLE}" fill="{fill}"/>'
