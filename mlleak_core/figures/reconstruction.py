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


def erasers(rows: Sequence[Mapping[str, Any]], before: Mapping[str, Any], accuracy: float, baseline: float) -> go.Figure:
    """Every treatment: the task's accuracy against the error of the faces that are left; untreated as a diamond."""
    figure = go.Figure()
    spread = [r["accuracy"]["value"] for r in rows]
    figure.add_scatter(
        x=spread, y=[r["mae"] for r in rows], mode="markers+text", text=[r["title"] for r in rows], textposition=_beside(rows), name="treated",
        error_x={"type": "data", "symmetric": False, "array": [r["accuracy"]["high"] - r["accuracy"]["value"] for r in rows],
                 "arrayminus": [r["accuracy"]["value"] - r["accuracy"]["low"] for r in rows], "thickness": 1, "color": GREY},
        marker={"size": 11, "color": [MALICIOUS if r["identified_rate"] > 0.5 else CLEAN for r in rows]}, textfont={"size": 11},
        hovertemplate="%{text}<br>accuracy %{x:.1%}<br>error %{y:.1f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=[accuracy], y=[before["mae"]], mode="markers", name="untreated", marker={"size": 14, "symbol": "diamond", "color": MALICIOUS},
        hovertemplate="untreated<br>accuracy %{x:.1%}<br>error %{y:.1f}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(y=baseline, line={"dash": "dot", "color": GREY}, annotation_text="the average face: nothing left")
    figure.update_layout(
        height=380, showlegend=False, xaxis={"title": "task accuracy", "tickformat": ".0%"},
        yaxis={"title": "pixel error of the faces, 0 to 255", "rangemode": "tozero"}, **PLAIN,
    )  # fmt: skip
    return figure


def _beside(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Labels to the left of points in the right half, taking turns above and below."""
    middle = np.median([r["accuracy"]["value"] for r in rows])
    return [
        f"{('top', 'bottom', 'middle')[i % 3]} {'left' if r['accuracy']['value'] >= middle else 'right'}"
        for i, r in enumerate(rows)
    ]


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
