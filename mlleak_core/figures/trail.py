"""The trail of finished runs: a dot a run, the chosen one larger; a page brings a clicked one back."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from mlleak_core.contract import Estimate
from mlleak_core.figures.look import BLUE, GREY, ORANGE, PLAIN, whiskers


@dataclass(frozen=True)
class Dot:
    """A finished run: what it is, and where it stands; the interval is drawn upwards."""

    label: str
    x: float
    y: Estimate


def trail(
    dots: Sequence[Dot],
    chosen: int,
    *,
    across: Mapping[str, Any],
    upwards: Mapping[str, Any],
    level: float,
    level_words: str = "",
    hover: str = "%{text}<extra></extra>",
) -> go.Figure:
    """across, upwards: the axes, as Plotly takes them. level: a dotted line, such as what guessing gets."""
    values = [dot.y for dot in dots]
    figure = go.Figure()
    figure.add_scatter(
        x=[dot.x for dot in dots],
        y=[y.value for y in values],
        mode="markers",
        text=[html.escape(dot.label, quote=False) for dot in dots],
        error_y=whiskers(values, 1.2, color=GREY),
        marker={
            "size": [18 if i == chosen else 12 for i in range(len(dots))],
            "color": [ORANGE if i == chosen else BLUE for i in range(len(dots))],
        },
        hovertemplate=hover,
    )
    words = {"annotation_text": level_words} if level_words else {}
    figure.add_hline(y=level, line={"dash": "dot", "color": GREY}, **words)
    figure.update_layout(height=270, showlegend=False, xaxis=dict(across), yaxis=dict(upwards), **PLAIN)
    return figure
