"""A ladder of layers: what can be read from each, beside its controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import plotly.graph_objects as go

from mlleak_core.contract import Estimate
from mlleak_core.figures.look import GREY, ORANGE, PLAIN
from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import mark, say


class Rung(Protocol):
    """What is drawn of one layer."""

    @property
    def layer(self) -> str: ...
    @property
    def auc(self) -> Estimate: ...
    @property
    def null(self) -> Estimate: ...
    @property
    def label_only(self) -> float: ...
    @property
    def random_init(self) -> Estimate: ...
    @property
    def few_shot(self) -> float: ...
    @property
    def few_shot_random_init(self) -> float: ...
    @property
    def few_shot_gain(self) -> Estimate: ...
    @property
    def lift(self) -> float: ...
    @property
    def lift_random_init(self) -> float: ...
    @property
    def lift_gain(self) -> Estimate: ...


Rungs = Sequence[Rung]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One way to read a ladder: the trained net's number, the untrained net's, and the interval around it.

    gain: of trained minus untrained; interval: of the trained net's own number. auc: whether .5 is chance.
    """

    title: str
    ours: Callable[[Rung], float]
    control: Callable[[Rung], float]
    gain: Callable[[Rung], Estimate] | None = None
    interval: Callable[[Rung], Estimate] | None = None
    auc: bool = True


MEASURES = {
    mark("40 photos"): Measure(
        title=mark("AUC of a probe on 20 + 20 labelled photos"),
        ours=lambda r: r.few_shot,
        control=lambda r: r.few_shot_random_init,
        gain=lambda r: r.few_shot_gain,
    ),
    mark("all photos"): Measure(
        title=mark("AUC of a probe on all training photos"),
        ours=lambda r: r.auc.value,
        control=lambda r: r.random_init.value,
        interval=lambda r: r.auc,
    ),
    mark("neighbours"): Measure(
        title=mark("Share among the 15 nearest, over the base rate"),
        ours=lambda r: r.lift,
        control=lambda r: r.lift_random_init,
        gain=lambda r: r.lift_gain,
        auc=False,
    ),
}
"""What a ladder can show, by names that are to be said."""


def ladder(rungs: Rungs, measure: str, sealed: bool = False) -> go.Figure:
    """One attribute's `rungs`, one a layer: trained net, untrained net, null band, the label alone. sealed:
    only what guessing gets.
    """
    shown = MEASURES[measure]
    x = [say(LAYER_NAMES.get(r.layer, r.layer)) for r in rungs]
    figure = go.Figure()
    if shown.auc:
        _band(figure, x, [r.null for r in rungs], "rgba(140,140,140,.22)", say("labels shuffled"))
        alone = {"dash": "dot", "color": GREY}
        figure.add_scatter(
            x=x, y=[r.label_only for r in rungs], mode="lines", line=alone, name=say("gender label alone")
        )
    if shown.interval and not sealed:
        _band(figure, x, [shown.interval(r) for r in rungs], "rgba(213,94,0,.18)", say("95% interval"))
    if not sealed:
        _lines(figure, x, rungs, shown)
    figure.update_layout(
        PLAIN,
        height=340,
        margin={"l": 44, "r": 8, "t": 34, "b": 8},
        title={"text": say(shown.title), "font": {"size": 13}, "x": 0},
        legend={"orientation": "h", "y": -0.12, "font": {"size": 12}},
        hovermode="x unified",
    )
    limits = [0.4, 1.03] if shown.auc else None
    figure.update_yaxes(range=limits, tickformat=".2f", zeroline=False)
    return figure


def _band(figure: go.Figure, x: list[str], around: Sequence[Estimate], colour: str, name: str) -> None:
    """A filled band between the ends of intervals."""
    figure.add_scatter(
        x=x + x[::-1],
        y=[e.high for e in around] + [e.low for e in reversed(around)],
        fill="toself",
        mode="lines",
        line_width=0,
        fillcolor=colour,
        name=name,
        hoverinfo="skip",
    )


def _lines(figure: go.Figure, x: list[str], rungs: Rungs, shown: Measure) -> None:
    """The untrained net, then the trained one."""
    figure.add_scatter(
        x=x,
        y=[shown.control(r) for r in rungs],
        mode="lines+markers",
        name=say("before training"),
        line={"dash": "dash", "color": GREY, "width": 2},
        marker={"symbol": "circle-open", "size": 9},
    )
    figure.add_scatter(
        x=x,
        y=[shown.ours(r) for r in rungs],
        mode="lines+markers",
        name=say("after training"),
        line={"color": ORANGE, "width": 3},
        marker={"size": 10},
        error_y=_gain_bars(rungs, shown),
    )


def _gain_bars(rungs: Rungs, shown: Measure) -> dict[str, Any] | None:
    """The interval of trained minus untrained, drawn on the trained point."""
    if shown.gain is None:
        return None
    gains = [(shown.ours(r), shown.control(r), shown.gain(r)) for r in rungs]
    return {
        "type": "data",
        "array": [max(0.0, control + gain.high - ours) for ours, control, gain in gains],
        "arrayminus": [max(0.0, ours - control - gain.low) for ours, control, gain in gains],
        "symmetric": False,
        "thickness": 1.5,
        "width": 4,
    }
