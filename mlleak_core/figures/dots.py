"""A scatter of many points as a small SVG: drawn once, sent as text, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mlleak_core.figures.look import GREY

SIZE = 9
TRIANGLE = f"m0,-{SIZE}l{SIZE},{2 * SIZE}h-{2 * SIZE}z"


def dots(
    places: Sequence[tuple[int, int]],
    shape: Sequence[int],
    code: Sequence[int],
    colours: Sequence[str | None],
    title: str,
    side: int = 1000,
) -> str:
    """Circles for shape 0, triangles for others; a colour a code, hollow where it has none or is negative.
    places: whole numbers up to `side`, downwards.
    """
    shown = [colours[c] if c >= 0 else None for c in code]
    order = sorted(range(len(places)), key=lambda i: shown[i] is not None)
    marks = "".join(_mark(places[i], shape[i], shown[i]) for i in order)
    box = f"-20 -20 {side + 40} {side + 40}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" role="img"><title>{escape(title)}</title>'
        f'<g fill-opacity=".75">{marks}</g></svg>'
    )


def _mark(place: tuple[int, int], shape: int, colour: str | None) -> str:
    looks = f'fill="{colour}"' if colour else f'fill="none" stroke="{GREY}" stroke-width="2"'
    if shape == 0:
        return f'<circle cx="{place[0]}" cy="{place[1]}" r="{SIZE}" {looks}/>'
    return f'<path d="M{place[0]},{place[1]}{TRIANGLE}" {looks}/>'
