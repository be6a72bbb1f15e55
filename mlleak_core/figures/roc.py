"""ROC curves where they matter, at few false alarms: on logarithmic axes."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from mlleak_core.figures.look import DASHES, GREY, PLAIN, SKY, YELLOW
from mlleak_core.language import say

LEAST = 1e-3
"""Where the axes begin: one false alarm in a thousand."""
TICKS = {0.001: "0.1%", 0.01: "1%", 0.1: "10%", 1: "100%"}
INK = "#1D2330"


@dataclass(frozen=True, eq=False, kw_only=True)
class Curve:
    """An attack's ROC: false and true positive rates [k], the latter with its band; its name and colour."""

    title: str
    colour: str
    fpr: NDArray[Any]
    tpr: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]


def loglog(
    curves: Sequence[Curve],
    you: tuple[float, float] | None = None,
    crowd: tuple[float, float] | None = None,
) -> go.Figure:
    """Curves on log-log axes, the first one with its 95% band; you, crowd: false and true positive rate of
    the visitor, and of a class on average.
    """
    figure, dotted = go.Figure(), {"dash": "dot", "color": GREY}
    ends = [LEAST, 1]
    figure.add_scatter(x=ends, y=ends, mode="lines", line=dotted, name=say("guessing"), hoverinfo="skip")
    for place, curve in enumerate(curves):
        if place == 0:
            _band(figure, curve)
        seen = curve.fpr >= LEAST * 0.99
        dash = DASHES[place % len(DASHES)]
        line = {"color": curve.colour, "width": 1.8 if place else 3, "dash": dash}
        x, y = curve.fpr[seen], np.maximum(curve.tpr[seen], LEAST)
        figure.add_scatter(x=x, y=y, mode="lines", name=html.escape(curve.title, quote=False), line=line)
    if crowd is not None:
        _point(figure, crowd, say("class"), "bottom center", {"color": SKY, "symbol": "diamond"})
    if you is not None:
        _point(figure, you, say("you"), "middle left", {"color": YELLOW, "symbol": "star"})
    figure.update_layout(
        height=400,
        legend={"orientation": "h", "y": -0.2, "font": {"size": 12}},
        xaxis=_axis(say("false alarms: outsiders called members")),
        yaxis=_axis(say("members found")),
        **PLAIN,
    )
    return figure


def _axis(title: str) -> dict[str, Any]:
    return {
        "type": "log",
        "range": [np.log10(LEAST), 0.02],
        "tickvals": list(TICKS),
        "ticktext": list(TICKS.values()),
        "title": title,
    }


def _band(figure: go.Figure, curve: Curve) -> None:
    """The 95% band of a curve."""
    seen = curve.fpr >= LEAST * 0.99
    x = curve.fpr[seen]
    around = np.r_[curve.high[seen], curve.low[seen][::-1]]
    figure.add_scatter(
        x=np.r_[x, x[::-1]],
        y=np.maximum(around, LEAST),
        fill="toself",
        mode="lines",
        line_width=0,
        fillcolor=curve.colour,
        opacity=0.16,
        name=say("95% band"),
        hoverinfo="skip",
        showlegend=False,
    )


def _point(figure: go.Figure, at: tuple[float, float], name: str, place: str, looks: dict[str, Any]) -> None:
    """Somebody's bet as a point; one without false alarms stands at the edge."""
    fpr, tpr = at
    figure.add_scatter(
        x=[max(fpr, LEAST * 1.2)],
        y=[max(tpr, LEAST * 1.2)],
        mode="markers+text",
        name=name,
        text=[name],
        textposition=place if fpr > 0.05 else "middle right",
        marker={"size": 15, "line": {"color": INK, "width": 1}, **looks},
    )
