"""Dials turned one at a time: every place is a run, the same settings are run once, what is kept is read."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from mlleak_core import sweeps
from mlleak_core.contract import Estimate, Step, drain
from mlleak_core.threat import Control, threat

CONTROL = Control("without", Estimate(0.5, 0.4, 0.6, 9))


@pytest.fixture
def swept(monkeypatch):
    """Property with two short dials; its runs are counted instead of made: the AUC is a sum of the dials."""
    found = dataclasses.replace(threat("property"), swept=(("noise", (0.0, 1.0)), ("kept", (1.0, 0.1))))
    ran = []

    def start(self, settings, desk):
        ran.append(settings)
        yield Step(0, 1, "")
        auc = Estimate(settings.noise / 10 + settings.kept / 2, 0.0, 1.0, 7)
        finding = SimpleNamespace(estimate=auc, controls=(CONTROL,), seconds=1.0)
        return SimpleNamespace(exhibit=lambda: SimpleNamespace(findings=lambda: (finding,)))

    monkeypatch.setattr(type(found), "start", start)
    return found, ran


def test_every_place_is_a_run_of_the_shipped_one_with_one_dial_turned(swept):
    found, ran = swept
    result = drain(sweeps.sweep(found, desk=None))
    values = {dial.knob: [round(place.found.value, 3) for place in dial.places] for dial in result.dials}
    assert values == {"noise": [0.5, 0.6], "kept": [0.5, 0.05]}
    assert len(ran) == 3, "the shipped run stands in both dials, and is made once"
    turned = [{k for k, v in s.as_dict().items() if v != found.shipped[0].as_dict()[k]} for s in ran]
    assert turned == [set(), {"noise"}, {"kept"}]


def test_what_was_swept_is_read_back(swept, tmp_path):
    found, _ = swept
    result = drain(sweeps.sweep(found, desk=None))
    result.save(found, tmp_path)
    assert sweeps.shipped(found, tmp_path) == result


def test_where_there_is_none_or_a_damaged_one_nothing_is_shown(swept, tmp_path):
    found, _ = swept
    assert sweeps.shipped(found, tmp_path) is None
    (tmp_path / "property-swept.json").write_text('{"made": "2026", "dials": [{}]}')
    assert sweeps.shipped(found, tmp_path) is None
