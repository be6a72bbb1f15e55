"""What erasing costs and what it leaves: every treatment a line, the task and the leak on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mlleak_core.contract import Estimate
from mlleak_core.figures.look import BLUE, ORANGE, PLAIN, whiskers
from mlleak_core.language import say


@dataclass(frozen=True)
class Treatment:
    """task: the accuracy that is left; found: the share of faces whose owner is still found."""

    title: str
    task: Estimate
    found: Estimate


def treatments(rows: Sequence[Treatment]) -> go.Figure:
    """What is left of the task (blue) and of the leak (orange), with intervals; the untreated first."""
    figure = go.Figure()
    names = [say(row.title) for row in rows]
    _dots(figure, names, [row.task for row in rows], say("task accuracy"), BLUE, symbol="circle")
    _dots(figure, names, [row.found for row in rows], say("owners still found"), ORANGE, symbol="diamond")
    figure.add_vline(x=rows[0].task.value, line={"dash": "dot", "color": BLUE})
    figure.update_layout(
        height=430,
        legend={"orientation": "h", "y": 1.1},
        xaxis={"tickformat": ".0%", "range": [-0.03, 1.03]},
        yaxis={"autorange": "reversed", "automargin": True},
        **PLAIN,
    )
    return figure


def _dots(
    figure: go.Figure, names: list[str], values: list[Estimate], name: str, colour: str, *, symbol: str
) -> None:
    figure.add_scatter(
        x=[v.value for v in values],
        y=names,
        mode="markers",
        name=name,
        marker={"color": colour, "symbol": symbol, "size": 11},
        error_x=whiskers(values, 1.2, color=colour),
        hovertemplate="%{y}<br>" + name + " %{x:.1%}<extra></extra>",
    )
