"""Panels of dials: a panel each, whiskers as wide as the intervals, the visitor's place larger."""

from __future__ import annotations

from mlleak_core.contract import Estimate
from mlleak_core.figures.turned import Panel, turned

FOUND = (Estimate(0.9, 0.85, 0.97, 40), Estimate(0.6, 0.5, 0.7, 40))
CONTROL = (Estimate(0.5, 0.4, 0.6, 40), Estimate(0.48, 0.4, 0.6, 40))


def test_a_panel_a_dial_with_its_control_and_its_whiskers():
    panels = [
        Panel(title=t, places=("2", "4"), found=FOUND, control=CONTROL, chosen=c)
        for t, c in (("a", 1), ("b", None))
    ]
    figure = turned(panels, "with", "without", 0.5)
    assert [trace.name for trace in figure.data] == ["without", "with"] * 2
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]
    first = figure.data[1]
    assert [round(v, 2) for v in first.error_y.array] == [0.07, 0.1]
    assert [round(v, 2) for v in first.error_y.arrayminus] == [0.05, 0.1]
    assert first.marker.size[1] > first.marker.size[0], "where the visitor's dial stands"
    assert len(set(figure.data[3].marker.size)) == 1
    assert [note.text for note in figure.layout.annotations] == ["a", "b"]
