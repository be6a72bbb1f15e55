"""What reading faces back costs, what it leaves in the weights, and what erasing it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

MALICIOUS, CLEAN, GREY = "#D55E00", "#0072B2", "#8C8C8C"
PLAIN: dict[str, Any] = {
    "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}


def erasers(rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any], task: Mapping[str, float]) -> go.Figure:
    """Every treatment on a line: what is left of the task, and of how many faces the owner is still found, each with its interval."""
    names = ["untreated", *(r["title"] for r in rows)]
    found = [before, *rows]
    right = [task, *(r["accuracy"] for r in rows)]
    figure = go.Figure()
    kept = [(r["value"], r["low"], r["high"]) for r in right]
    left = [(r["identified_rate"], r["identified_low"], r["identified_high"]) for r in found]
    for values, colour, name, symbol in (
        (kept, CLEAN, "task accuracy", "circle"),
        (left, MALICIOUS, "owners still found", "diamond"),
    ):
        value, low, high = (np.array(v) for v in zip(*values, strict=True))
        figure.add_scatter(
            x=value, y=names, mode="markers", name=name, marker={"color": colour, "symbol": symbol, "size": 11},
            error_x={"type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low, "thickness": 1.2, "color": colour},
            hovertemplate="%{y}<br>" + name + " %{x:.1%}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=task["value"], line={"dash": "dot", "color": CLEAN})
    figure.update_layout(
        height=430, legend={"orientation": "h", "y": 1.1}, xaxis={"tickformat": ".0%", "range": [-0.03, 1.03]},
        yaxis={"autorange": "reversed", "automargin": True}, **PLAIN,
    )  # fmt: skip
    return figure


def weights(bins: NDArray[Any], malicious: NDArray[Any], clean: NDArray[Any]) -> go.Figure:
    """Histograms of the weights of both twins."""
    figure, centre = go.Figure(), (bins[1:] + bins[:-1]) / 2
    for values, colour, name, dash in ((clean, CLEAN, "clean twin", "dash"), (malicious, MALICIOUS, "malicious twin", "solid")):
        figure.add_scatter(x=centre, y=values, mode="lines", name=name, line={"color": colour, "dash": dash, "width": 2.5})
    figure.update_layout(
        height=260, legend={"orientation": "h", "y": -0.3}, xaxis={"title": "weight"}, yaxis={"title": "density", "showticklabels": False}, **PLAIN
    )  # fmt: skip
    return figure


def scan(malicious: NDArray[Any], clean: NDArray[Any]) -> go.Figure:
    """Correlation of each picture-sized stretch of weights with the average public face."""
    figure = go.Figure()
    for values, colour, name, symbol in (
        (clean, CLEAN, "clean twin", "circle"),
        (malicious, MALICIOUS, "malicious twin", "triangle-up"),
    ):
        figure.add_scatter(
            y=values, mode="markers", name=name, marker={"color": colour, "symbol": symbol, "size": 7, "opacity": 0.75}
        )
    figure.update_layout(
        height=260, legend={"orientation": "h", "y": -0.3}, xaxis={"title": "stretch of weights, in file order"},
        yaxis={"title": "correlation", "range": [-1.05, 1.05]}, **PLAIN,
    )  # fmt: skip
    return figure


def trail(runs: Sequence[Mapping[str, Any]], chosen: int) -> go.Figure:
    """Every finished run as a dot: bits read back against what they cost in accuracy, with the cost's interval."""
    figure = go.Figure()
    figure.add_scatter(
        x=[r["bits"] for r in runs], y=[r["cost"]["value"] for r in runs], mode="markers", text=[r["label"] for r in runs],
        error_y={"type": "data", "symmetric": False, "array": [r["cost"]["high"] - r["cost"]["value"] for r in runs],
                 "arrayminus": [r["cost"]["value"] - r["cost"]["low"] for r in runs], "thickness": 1.2, "color": GREY},
        marker={"size": [18 if i == chosen else 12 for i in range(len(runs))], "color": [MALICIOUS if i == chosen else CLEAN for i in range(len(runs))]},
        hovertemplate="%{text}<br>%{x:,.0f} bits read<br>cost %{y:.1%}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=0, line={"dash": "dot", "color": GREY})
    figure.update_layout(
        height=270, showlegend=False, xaxis={"title": "bits of the faces read back", "rangemode": "tozero"},
        yaxis={"title": "accuracy lost to the clean twin", "tickformat": ".1%"}, **PLAIN,
    )  # fmt: skip
    return figure
