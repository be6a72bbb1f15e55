"""A ladder of layers: what can be read from each, beside its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

ORANGE, GREY = "#D55E00", "#8C8C8C"

MEASURES = {
    "40 photos": ("few_shot_auc", "few_shot_random_init_auc", "AUC of a probe on 20 + 20 labelled photos"),
    "all photos": ("auc", "random_init_auc", "AUC of a probe on all training photos"),
    "neighbours": ("neighbour_lift", "neighbour_lift_random_init", "Share among the 15 nearest, over the base rate"),
}
"""What a ladder can show: the trained net's column, the untrained net's, and what they mean."""


def ladder(rows: Sequence[Mapping[str, Any]], measure: str, names: Mapping[str, str]) -> go.Figure:
    """One attribute's `rows` (one a layer): the trained net, the untrained one, the null band and the label alone."""
    ours, control, title = MEASURES[measure]
    x = [names.get(r["layer"], r["layer"]) for r in rows]
    figure = go.Figure()
    if measure != "neighbours":
        band = [r["null_high"] for r in rows] + [r["null_low"] for r in reversed(rows)]
        figure.add_scatter(x=x + x[::-1], y=band, fill="toself", mode="lines", line_width=0, fillcolor="rgba(140,140,140,.22)",
                           name="labels shuffled", hoverinfo="skip")  # fmt: skip
        figure.add_scatter(x=x, y=[r["label_only_auc"] for r in rows], mode="lines", line={"dash": "dot", "color": GREY},
                           name="gender label alone")  # fmt: skip
    if measure == "all photos":
        band = [r["high"] for r in rows] + [r["low"] for r in reversed(rows)]
        figure.add_scatter(x=x + x[::-1], y=band, fill="toself", mode="lines", line_width=0, fillcolor="rgba(213,94,0,.18)",
                           name="95% interval", hoverinfo="skip")  # fmt: skip
    figure.add_scatter(x=x, y=[r[control] for r in rows], mode="lines+markers", name="before training",
                       line={"dash": "dash", "color": GREY, "width": 2}, marker={"symbol": "circle-open", "size": 9})  # fmt: skip
    figure.add_scatter(x=x, y=[r[ours] for r in rows], mode="lines+markers", name="after training",
                       line={"color": ORANGE, "width": 3}, marker={"size": 10}, error_y=_gain_bars(rows, measure, ours, control))  # fmt: skip
    figure.update_layout(
        height=340, margin={"l": 44, "r": 8, "t": 34, "b": 8}, title={"text": title, "font": {"size": 13}, "x": 0},
        legend={"orientation": "h", "y": -0.12, "font": {"size": 12}}, hovermode="x unified",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    figure.update_yaxes(range=[0.4, 1.03] if measure != "neighbours" else None, tickformat=".2f", zeroline=False)
    return figure


def _gain_bars(rows: Sequence[Mapping[str, Any]], measure: str, ours: str, control: str) -> dict[str, Any] | None:
    """The interval of trained minus untrained, drawn on the trained point."""
    column = {"40 photos": "few_shot_gain", "neighbours": "neighbour_lift_gain"}.get(measure)
    if column is None:
        return None
    above = [max(0.0, r[control] + r[f"{column}_high"] - r[ours]) for r in rows]
    below = [max(0.0, r[ours] - r[control] - r[f"{column}_low"]) for r in rows]
    return {"type": "data", "array": above, "arrayminus": below, "symmetric": False, "thickness": 1.5, "width": 4}
