"""ROC curves where they matter, at few false alarms; and what an attack costs in accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

COLOURS = {
    "lira": "#D55E00", "base": "#0072B2", "loss": "#009E73", "rmia": "#CC79A7", "shokri": "#E69F00", "base-2": "#56B4E9",
    "entropy": "#8C8C8C", "lira-offline": "#A0522D", "quantile": "#5F4B8B", "label-only": "#117733",
}  # fmt: skip
"""An attack keeps its colour, whichever others are shown."""
Curve = tuple[NDArray[Any], ...]


def loglog(
    curves: Mapping[str, Curve], titles: Mapping[str, str], you: tuple[float, float] | None = None, least: float = 1e-3
) -> go.Figure:
    """Curves of attacks on log-log axes, the first one with its 95% band, and the visitor's own point."""
    figure = go.Figure()
    figure.add_scatter(
        x=[least, 1], y=[least, 1], mode="lines", line={"dash": "dot", "color": "#8C8C8C"}, name="guessing", hoverinfo="skip"
    )
    for i, (name, (fpr, tpr, low, high)) in enumerate(curves.items()):
        seen = fpr >= least * 0.99
        x, y = fpr[seen], np.maximum(tpr[seen], least)
        if i == 0:
            figure.add_scatter(x=np.r_[x, x[::-1]], y=np.maximum(np.r_[high[seen], low[seen][::-1]], least), fill="toself", mode="lines",
                               line_width=0, fillcolor=COLOURS[name], opacity=0.16, name="95% band", hoverinfo="skip", showlegend=False)  # fmt: skip
        figure.add_scatter(
            x=x, y=y, mode="lines", name=titles[name], line={"color": COLOURS[name], "width": 3 if i == 0 else 1.8}
        )
    if you is not None:
        figure.add_scatter(x=[max(you[0], least * 1.2)], y=[max(you[1], least * 1.2)], mode="markers+text", name="you", text=["you"],
                           textposition="middle left" if you[0] > 0.05 else "middle right", marker={"size": 15, "color": "#E69F00", "symbol": "star", "line": {"color": "#1D2330", "width": 1}})  # fmt: skip
    ticks = {
        "type": "log",
        "range": [np.log10(least), 0.02],
        "tickvals": [0.001, 0.01, 0.1, 1],
        "ticktext": ["0.1%", "1%", "10%", "100%"],
    }
    figure.update_layout(
        height=400, margin={"l": 8, "r": 8, "t": 8, "b": 8}, legend={"orientation": "h", "y": -0.2, "font": {"size": 12}},
        xaxis={**ticks, "title": "false alarms: outsiders called members"}, yaxis={**ticks, "title": "members found"},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure


def microscope(phi: NDArray[Any], inside: NDArray[np.bool_], target: float) -> go.Figure:
    """One record: the confidence of shadows that had it and of those that had not, and the target's mark."""
    figure = go.Figure()
    jitter = np.linspace(-0.25, 0.25, len(phi))
    for row, (which, colour, symbol, name) in enumerate(
        ((~inside, "#0072B2", "circle", "shadows without it"), (inside, "#D55E00", "triangle-up", "shadows that had it"))
    ):
        values = phi[which].astype(float)
        figure.add_scatter(x=values, y=row + jitter[: len(values)], mode="markers", name=name, hoverinfo="x",
                           marker={"color": colour, "symbol": symbol, "size": 9, "opacity": 0.75})  # fmt: skip
        if len(values):
            figure.add_scatter(x=[values.mean()] * 2, y=[row - 0.38, row + 0.38], mode="lines", showlegend=False, hoverinfo="skip",
                               line={"color": colour, "width": 3})  # fmt: skip
    figure.add_vline(
        x=float(target), line={"color": "#009E73", "width": 3}, annotation_text="the target", annotation_position="top"
    )
    figure.update_layout(
        height=250, margin={"l": 8, "r": 8, "t": 26, "b": 8}, legend={"orientation": "h", "y": -0.32}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", xaxis={"title": "confidence in the true class, φ = log p/(1−p)", "zeroline": False},
        yaxis={"range": [-0.6, 1.6], "tickvals": [0, 1], "ticktext": ["out", "in"], "zeroline": False, "showgrid": False},
    )  # fmt: skip
    return figure


def trail(runs: Sequence[Mapping[str, Any]], chosen: int) -> go.Figure:
    """Every finished run as a dot: how much better the target does on its own records against what LiRA finds."""
    figure = go.Figure()
    figure.add_scatter(
        x=[r["gap"] for r in runs], y=[r["tpr"] for r in runs], mode="markers", text=[r["label"] for r in runs], hoverinfo="text+x+y",
        marker={"size": [18 if i == chosen else 12 for i in range(len(runs))], "color": ["#D55E00" if i == chosen else "#0072B2" for i in range(len(runs))]},
    )  # fmt: skip
    figure.add_hline(y=0.01, line={"dash": "dot", "color": "#8C8C8C"}, annotation_text="guessing")
    figure.update_layout(
        height=260, margin={"l": 8, "r": 8, "t": 8, "b": 8}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", showlegend=False,
        xaxis={"title": "accuracy gap, training minus test", "tickformat": ".0%", "rangemode": "tozero"},
        yaxis={"title": "members found at 1% false alarms", "tickformat": ".0%", "rangemode": "tozero"},
    )  # fmt: skip
    return figure
