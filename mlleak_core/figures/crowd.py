"""Updates of one round as dots, and what an update does by its length and by the rounds that follow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mlleak_core.contract import Estimate
from mlleak_core.figures.look import BLUE, DASHES, GREEN, GREY, ORANGE, PINK, PLAIN, YELLOW, whiskers
from mlleak_core.language import mark, say

COLOURS = (ORANGE, BLUE, GREEN, PINK, YELLOW)
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross")
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
FACES = mark("faces")


@dataclass(frozen=True)
class Point:
    """One update: whose, its length, its cosine to the median of all, and whether it attacks."""

    who: int
    norm: float
    cosine: float
    attacks: bool = False


def flipping(things: str) -> str:
    """Of a column or an axis: the share of faces, or beginnings, that flip."""
    return say("{things} that flip", things=say(things))


def crowd(points: Sequence[Point], picked: Sequence[int] = (), guilty: Sequence[int] = ()) -> go.Figure:
    """A dot an update, length across. picked, guilty: places among the points; guilty ones are stars."""
    figure = go.Figure()
    figure.add_scatter(
        x=[p.norm for p in points],
        y=[p.cosine for p in points],
        mode="markers",
        text=[say("participant {who}", who=p.who) for p in points],
        marker={
            "size": [16 if i in guilty else 11 for i in range(len(points))],
            "symbol": ["star" if i in guilty else "circle" for i in range(len(points))],
            "color": [ORANGE if i in guilty else BLUE for i in range(len(points))],
            "line": {"width": [3 if i in picked else 0 for i in range(len(points))], "color": YELLOW},
            "opacity": 0.8,
        },
        hovertemplate=say("%{text}<br>length %{x:.3g}<br>cosine %{y:.2f}<extra></extra>"),
    )
    figure.update_layout(height=340, showlegend=False, clickmode="event+select", **PLAIN)
    figure.update_xaxes(type="log", title=say("length of the update"))
    figure.update_yaxes(title=say("cosine to the median update"))
    return figure


def by_length(
    walks: Mapping[str, Sequence[tuple[float, Estimate]]],
    longest: float,
    asked: tuple[float, float],
    things: str = FACES,
) -> go.Figure:
    """Share of flipped faces by the length of the update, a line a defence, with its interval. longest: of
    the honest updates. asked: length and share of the attack that was asked for.
    """
    figure = go.Figure()
    for i, (name, points) in enumerate(walks.items()):
        values = [estimate for _, estimate in points]
        figure.add_scatter(
            x=[delta for delta, _ in points],
            y=[v.value for v in values],
            name=name,
            mode="lines+markers",
            line={"color": COLOURS[i % 5], "dash": DASHES[i % 5]},
            marker={"symbol": SHAPES[i % 5], "size": 8},
            error_y=whiskers(values, 1),
            hovertemplate=say("length %{x:.3g}: %{y:.0%}<extra>%{fullData.name}</extra>"),
        )
    figure.add_scatter(
        x=[asked[0]],
        y=[asked[1]],
        name=say("this attack"),
        mode="markers",
        marker={"symbol": "star", "size": 18, "color": YELLOW, "line": {"width": 1, "color": GREY}},
        hovertemplate=say("this attack, length %{x:.3g}: %{y:.0%}<extra></extra>"),
    )
    figure.add_vline(x=longest, line={"dash": "dot", "color": GREY})
    figure.add_annotation(
        x=math.log10(max(longest, 1e-12)),
        y=0.5,
        text=say("longest honest update"),
        textangle=-90,
        xshift=9,
        showarrow=False,
    )
    figure.update_layout(height=360, legend=LEGEND, **PLAIN)
    figure.update_xaxes(type="log", title=say("δ: length of the attacker's update"))
    figure.update_yaxes(range=[-0.03, 1.05], tickformat=".0%", title=flipping(things))
    return figure


def by_round(lasts: Mapping[str, Sequence[float]], things: str = FACES) -> go.Figure:
    """Share of flipped faces after 0, 1, ... honest rounds, a line an attack."""
    figure = go.Figure()
    for i, (name, rates) in enumerate(lasts.items()):
        figure.add_scatter(
            x=list(range(len(rates))),
            y=list(rates),
            name=name,
            mode="lines+markers",
            line={"color": COLOURS[i % 5], "dash": DASHES[i % 5]},
            marker={"symbol": SHAPES[i % 5], "size": 8},
            hovertemplate=say("after %{x} rounds: %{y:.0%}<extra>%{fullData.name}</extra>"),
        )
    figure.add_hline(y=0.5, line={"dash": "dot", "color": GREY})
    figure.update_layout(height=300, legend=LEGEND, **PLAIN)
    figure.update_xaxes(title=say("honest rounds after the attack"), dtick=1 if len(lasts) else None)
    figure.update_yaxes(range=[-0.03, 1.05], tickformat=".0%", title=flipping(things))
    return figure
