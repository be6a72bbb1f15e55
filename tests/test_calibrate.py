"""Calibration: what is claimed where nothing is there is counted, kept, and said."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from mlleak_core import calibrate
from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, Step, drain
from mlleak_core.server.desk import Desk
from mlleak_core.threat import Null, discover, imported


def every_fourth(draws: int, seed: int, desk: object) -> Generator[Step, None, list[bool]]:
    yield Step(0, draws, f"drawing with {seed} at {desk}")
    return [draw % 4 == 0 for draw in range(draws)]


def null(**more: Any) -> Null:
    named: dict[str, Any] = {
        "key": "toy",
        "situation": "nothing there",
        "claim": "something is claimed",
        "allowed": 0.05,
    }
    return Null(**{**named, "draw": "tests.test_calibrate:every_fourth"} | more)


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(calibrate, "imported", lambda path: every_fourth)
    return lambda **more: drain(calibrate.calibrate(null(**more), None, 40, 3))


def test_what_is_claimed_is_counted(counted):
    rate = counted()
    assert (rate.count, rate.wrong.n, rate.wrong.value, rate.seed) == (10, 40, 0.25, 3)
    assert rate.wrong.low < 0.25 < rate.wrong.high
    assert rate.words == "this verdict is wrong in 10 of 40 cases where nothing is there"
    assert not rate.held, "a quarter is more than five in a hundred"
    assert counted(allowed=0.3).held


def test_rates_are_kept_one_by_one(counted, tmp_path):
    calibrate.save([counted(), counted(key="other")], tmp_path)
    calibrate.save([counted(allowed=0.5)], tmp_path)
    kept = {row["key"]: row for row in json.loads((tmp_path / calibrate.RATES).read_text())}
    assert set(kept) == {"toy", "other"}
    assert kept["toy"]["allowed"] == 0.5


def test_a_damaged_table_of_rates_is_none(tmp_path):
    (tmp_path / calibrate.RATES).write_text('[{"key": "toy"}]')
    assert calibrate._read(tmp_path) == ()


def test_an_unknown_null_is_a_sentence(capsys):
    with pytest.raises(BadInput, match="interval-auc"):
        calibrate.chosen(["ladder"])
    assert main(["calibrate", "ladder"]) == 2
    assert "interval-auc" in capsys.readouterr().err


def test_the_command_reports_rates(capsys):
    assert main(["calibrate", "interval-difference", "--draws", "40", "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rates"][0]["wrong"]["n"] == 40


def test_keys_are_unique_and_draws_are_there():
    keys = [null.key for null in calibrate.nulls()]
    assert len(keys) == len(set(keys))
    assert all(callable(imported(null.draw)) for null in calibrate.nulls())


def test_shipped_rates_are_of_full_calibrations():
    known = {null.key: null for null in calibrate.nulls()}
    for key, rate in calibrate.shipped().items():
        assert rate.wrong.n >= min(200, known[key].draws), key
        assert rate.wrong.n == known[key].draws, key


@pytest.mark.parametrize("threat", discover(), ids=lambda threat: threat.card.slug)
def test_a_null_that_a_finding_names_is_the_threats_own(threat):
    own = {null.key for null in threat.nulls}
    named = {f.null for exhibit in threat.shipped_exhibits() for f in exhibit.findings() if f.null}
    assert named <= own


@pytest.mark.parametrize(
    ("key", "draws"),
    [
        ("inversion-verdict", 4),
        ("reconstruction-verdict", 4),
        ("reconstruction-bits", 6),
        ("reconstruction-forensics", 1),
        ("membership-void", 5),
        ("property-verdict", 2),
    ],
)
def test_a_short_calibration_finds_nothing_where_nothing_is(key, draws):
    (null_,) = calibrate.chosen([key])
    desk = Desk()
    try:
        rate = drain(calibrate.calibrate(null_, desk, draws))
    finally:
        desk.close()
    misses = 2 if null_.interval else 0  # one in twenty may: three of six come once in five hundred times
    assert rate.wrong.n == draws
    assert rate.count <= misses


@pytest.mark.parametrize("threat", discover(), ids=lambda threat: threat.card.slug)
def test_a_verdict_on_a_page_carries_its_own_error_rate(threat):
    verdicts = {f.null for e in threat.shipped_exhibits() for f in e.findings() if f.verdict is not None}
    assert verdicts <= set(calibrate.shipped())
    assert all(calibrate.shipped()[key].held for key in verdicts)
