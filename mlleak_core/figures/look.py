"""One palette and one layout for every chart. A colour has one meaning all over; shape
is the second channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlleak_core.contract import Estimate

ORANGE, BLUE, GREEN, GREY = "#D55E00", "#0072B2", "#009E73", "#8C8C8C"
"""Okabe and Ito's, safe for the colour-blind. Orange: what leaks. Blue: what does not, the clean one. Grey:
chance.
"""
PINK, YELLOW, SKY = "#C0659A", "#A87A00", "#3A8CC4"

DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")
"""Of lines side by side, the second channel beside colour; dots are for what guessing gets."""
PLAIN: dict[str, Any] = {
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}
"""The layout that every Plotly figure starts from."""


def whiskers(values: Sequence[Estimate], thickness: float, **looks: Any) -> dict[str, Any]:
    """The intervals of estimates, as Plotly draws errors."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [each.high - each.value for each in values],
        "arrayminus": [each.value - each.low for each in values],
        "thickness": thickness,
        **looks,
    }
