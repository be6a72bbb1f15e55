"""How long a run will still take: along a like run's course, at this run's own pace."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlleak_core.contract import Step
from mlleak_core.server.pace import LATEST, SLACK, SOONEST, Course, Courses, Pace, Stage, wishes
from mlleak_core.target.settings import TrainSettings

KNOWN = Course({}, (Stage("training # of #", 20.0, 10, 10), Stage("judging", 30.0, 3, 3)))


def walk(pace, seconds_a_step, steps=10, total=10):
    for step in range(1, steps + 1):
        pace.note(Step(step, total, f"training {step} of {total}"), step * seconds_a_step)
    return pace


def test_the_whole_run_counts_not_the_present_stage():
    low, high = walk(Pace(KNOWN), 2.0, steps=5).left()
    assert low == pytest.approx(SOONEST * 40) and high == pytest.approx(LATEST * 40 + SLACK)


def test_a_slower_machine_is_noticed():
    low, _ = walk(Pace(KNOWN), 6.0, steps=10).left()
    assert low == pytest.approx(SOONEST * 30 * 63 / 23)


def test_twice_the_epochs_are_twice_the_steps():
    low, _ = walk(Pace(KNOWN), 2.0, steps=5, total=20).left()
    assert low == pytest.approx(SOONEST * (30 + 30))


def test_what_was_kept_from_before_is_not_waited_for():
    pace = Pace(KNOWN)
    pace.note(Step(1, 3, "judging"), 10.0)
    assert pace.left()[0] < SOONEST * 30, "the training is passed over"


def test_nothing_is_said_where_nothing_like_it_has_ended():
    assert walk(Pace(), 1.0).left() is None


def test_a_stage_that_the_other_run_had_not_counts_by_its_own_share():
    pace = Pace(KNOWN)
    pace.note(Step(1, 4, "opening the archive"), 5.0)
    assert pace.left()[0] == pytest.approx(SOONEST * (15 + 50), rel=0.2)


def test_courses_are_kept_and_the_most_alike_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    courses, few, many = Courses(tmp_path / "none.json"), TrainSettings(epochs=3), TrainSettings(epochs=30)
    assert courses.pace("train", few).known is None
    for settings, seconds in ((few, 1.0), (many, 9.0)):
        pace = courses.pace("train", settings)
        walk(pace, seconds)
        pace.ended()
    again = Courses(tmp_path / "none.json").pace("train", TrainSettings(epochs=3, seed=5))
    assert again.known.stages == (Stage("training # of #", 10.0, 10, 10),)


def test_a_run_that_found_all_there_does_not_replace_one_that_had_to_work(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    courses, settings = Courses(tmp_path / "none.json"), TrainSettings()
    whole, short = courses.pace("train", settings), courses.pace("train", settings)
    walk(whole, 1.0).note(Step(1, 1, "judging"), 12.0)
    whole.ended()
    short.note(Step(1, 1, "judging"), 0.1)
    short.ended()
    assert len(courses.pace("train", settings).known.stages) == 2


@pytest.mark.parametrize("damage", [b"", b"[1]", b'[{"asked": 3}]', b"\xff\xfe"])
def test_a_damaged_course_is_as_good_as_none(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    (tmp_path / "pace").mkdir()
    (tmp_path / "pace" / "train.json").write_bytes(damage)
    assert Courses(tmp_path / "none.json").pace("train", TrainSettings()).known is None


def test_of_an_upload_nothing_is_kept():
    assert Courses(Path("none.json")).pace("train", TrainSettings(data="upload:0123")).keep is None


def test_nobody_s_files_are_named():
    assert wishes(TrainSettings(data="folder:/home/ada/photos"))["data"] == "folder"
