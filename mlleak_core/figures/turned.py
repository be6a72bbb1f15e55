"""Dials turned one at a time: a panel each, the number at every place beside its control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mlleak_core.contract import Estimate
from mlleak_core.figures.look import GREY, ORANGE, PLAIN, whiskers

LOWEST, HIGHEST = 0.24, 1.07


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A dial: its name, the words of its places, what was found at each and without what is looked for.

    chosen: where the visitor's dial stands, None elsewhere.
    """

    title: str
    places: tuple[str, ...]
    found: tuple[Estimate, ...]
    control: tuple[Estimate, ...]
    chosen: int | None = None


def turned(panels: Sequence[Panel], name: str, control: str, chance: float, across: int = 2) -> go.Figure:
    """Panels, `across` of them side by side. name, control: what orange and grey are; chance: dotted."""
    down = -(-len(panels) // across)
    figure = make_subplots(
        down, across, subplot_titles=[panel.title for panel in panels], vertical_spacing=0.2
    )
    for number, panel in enumerate(panels):
        at = {"row": number // across + 1, "col": number % across + 1}
        mute = {"showlegend": number == 0}
        _whiskers(figure, panel, panel.control, control, GREY, "circle-open", **at, **mute)
        _whiskers(figure, panel, panel.found, name, ORANGE, "circle", **at, **mute)
        figure.add_hline(y=chance, line={"dash": "dot", "color": GREY, "width": 1}, **at)
    figure.update_layout(PLAIN, height=60 + 210 * down, legend={"orientation": "h", "y": -0.08})
    figure.update_layout(margin={"l": 36, "r": 8, "t": 30, "b": 8})
    figure.update_yaxes(range=[LOWEST, HIGHEST], tickformat=".1f", dtick=0.2, zeroline=False)
    figure.update_xaxes(type="category", fixedrange=True)
    figure.update_annotations(font_size=13)
    return figure


def _whiskers(
    figure: go.Figure,
    panel: Panel,
    values: Sequence[Estimate],
    name: str,
    colour: str,
    symbol: str,
    **where: object,
) -> None:
    """Estimates with their intervals; the visitor's place is larger."""
    sizes = [13 if place == panel.chosen else 8 for place in range(len(values))]
    figure.add_scatter(
        x=panel.places,
        y=[e.value for e in values],
        mode="markers+lines",
        name=name,
        legendgroup=name,
        line={"color": colour, "width": 1},
        marker={"color": colour, "symbol": symbol, "size": sizes, "line": {"color": colour, "width": 2}},
        error_y=whiskers(values, 1.4, width=4),
        **where,
    )
