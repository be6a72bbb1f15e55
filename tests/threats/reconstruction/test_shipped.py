"""The shipped twins are what the program computes, and say what their numbers say."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mlleak_core.contract import Estimate, drain
from mlleak_core.defences.on_weights import ERASERS
from mlleak_core.server.desk import Desk
from mlleak_core.threats.reconstruction.card import THREAT, ReconstructionSettings
from mlleak_core.threats.reconstruction.exhibit import EraserVerdict
from mlleak_core.threats.reconstruction.judge import ReconstructionVerdict
from mlleak_core.threats.reconstruction.readings import between


@pytest.fixture(scope="module")
def kept() -> Any:
    return THREAT.shipped_exhibits()[0]


def with_erased(kept, change):
    """The exhibit with every treated reading changed."""
    views = tuple(dataclasses.replace(v, **change(v)) if v.kind == "erased" else v for v in kept.about.views)
    return dataclasses.replace(kept, about=dataclasses.replace(kept.about, views=views))


def with_cost(kept, low, high):
    cost = Estimate((low + high) / 2, low, high, 1300)
    task = dataclasses.replace(kept.about.task, cost=cost)
    return dataclasses.replace(kept, about=dataclasses.replace(kept.about, task=task))


@pytest.mark.timeout(1200)
def test_the_shipped_twins_are_computed_not_written(kept):
    """Without the erasers, which are the same reading of a treated file."""
    shipped: Any = THREAT.shipped[0]
    settings = dataclasses.replace(shipped, erase=False)
    made = drain(THREAT.start(settings, Desk())).exhibit()
    assert dataclasses.replace(kept.about.settings, erase=False) == made.about.settings
    assert kept.about.names == made.about.names
    assert made.last.mae.value == pytest.approx(kept.last.mae.value, abs=0.3)
    for name in ("bits", "queries", "faces", "candidates", "identified"):
        assert getattr(kept.last, name) == getattr(made.last, name), name
    assert kept.average.mae.value == pytest.approx(made.average.mae.value, abs=0.01)
    assert [v.title for v in kept.views("epoch")] == [v.title for v in made.views("epoch")]
    assert kept.last.bit_error_rate.value == made.last.bit_error_rate.value == 0
    assert kept.about.malicious_is == made.about.malicious_is
    assert (kept.about.room, kept.about.run) == (made.about.room, made.about.run)
    for name in ("accuracy", "accuracy_clean"):
        ours, theirs = (getattr(case.about.task, name).value for case in (kept, made))
        assert ours == pytest.approx(theirs, abs=0.025)


def test_the_shipped_case_is_found_whatever_the_idle_knobs_say(kept):
    idle = ReconstructionSettings(
        colour=True, net="strided-3 wide", erase=True, low_bits=9, strength=7.0, bits=0
    )
    assert idle == THREAT.shipped[0] == kept.about.settings
    assert THREAT.shipped_name(idle) == "reconstruction-0"


def test_the_conclusion_follows_from_the_intervals(kept):
    found = kept.conclusion()
    assert found.verdict is ReconstructionVerdict.FOUND
    assert "100% of their owners" in found.sentence and "no difference can be claimed" in found.sentence
    assert "synthetic inputs" in found.small and "*" not in found.small
    for low, high, side in ((0.01, 0.03, "2.0 points below"), (-0.03, -0.01, "2.0 points above")):
        sentence = with_cost(kept, low, high).conclusion().sentence
        assert side in sentence and "no difference" not in sentence


def test_an_eraser_removes_where_few_owners_are_found_and_the_task_stays(kept):
    assert kept.erasure().verdict is EraserVerdict.STAYS
    gone = Estimate(0.2, 0.0, 0.4, 16)
    accuracy = kept.about.task.accuracy
    helped = with_erased(kept, lambda v: {"identified": gone, "accuracy": accuracy})
    assert helped.erasure().verdict is EraserVerdict.REMOVED
    spoiled = dataclasses.replace(accuracy, value=accuracy.value - 0.03)
    assert with_erased(kept, lambda v: {"identified": gone, "accuracy": spoiled}).erasure().verdict is (
        EraserVerdict.STAYS
    )
    assert [t.title for t in kept.treatments()] == ["untreated", *(e.title for e in ERASERS)]


def test_the_bet_is_between_the_two_twins(kept):
    a, b = kept.models()
    assert {a.which, b.which} == {"malicious", "clean"}
    assert (a if kept.about.malicious_is == "A" else b).accuracy == kept.about.task.accuracy
    assert a.lowest == b.lowest <= min(row["accuracy"] for m in (a, b) for row in m.curves)
    assert all(row["low"] <= row["accuracy"] <= row["high"] for m in (a, b) for row in m.curves)
    right, wrong = kept.about.malicious_is, "AB".replace(kept.about.malicious_is, "")
    assert "**Right**" in kept.hears(right) and "**No**" in kept.hears(wrong)


def test_reels_show_every_reading_once(kept):
    reel = kept.reel()
    rows = [frame.row for frame in (*reel.frames, *reel.others)]
    assert sorted(rows) == list(range(1, reel.rows))
    assert reel.others[-1].title.startswith("after: ")
    glance = kept.glance()
    assert (len(glance.frames), glance.show) == (1, 8)
    assert glance.frames[0].row == kept.last.row
    assert len(kept.rows()) == len(kept.about.views)


def test_a_single_value_has_no_interval():
    assert between(Estimate(0.5, float("-inf"), float("inf"), 1), ".2f") == "(a single value has no interval)"
    assert between(Estimate(0.5, 0.25, 0.75, 9), ".1%") == "[25.0%, 75.0%]"
