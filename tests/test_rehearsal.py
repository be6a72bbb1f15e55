"""Runs made before they are wanted: what a demo shows, kept and found again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mlleak_core import rehearsal
from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, drain
from mlleak_core.data.source import find
from mlleak_core.server.desk import Desk
from mlleak_core.threat import discover, threat
from mlleak_core.threats.inversion.card import InversionSettings

QUICK = InversionSettings(attack="analytic", net="mlp", batch=1)


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A house of one room whose run takes a second."""
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    room = replace(threat("inversion"), shipped=(QUICK,), elsewhere=())
    monkeypatch.setattr(rehearsal, "discover", lambda: (room,))
    return room


@pytest.mark.parametrize("found", discover(), ids=lambda found: found.card.slug)
def test_every_card_names_what_a_demo_shows_on_real_photos(found):
    settings = rehearsal.shown_on(found, "lfw", seed=3)
    assert settings is not None and (settings.data, settings.seed) == ("lfw", 3)
    for each in found.elsewhere:
        assert find(each.data)[0].slug == each.data


def test_of_shipped_data_it_is_the_shipped_run():
    found = threat("property")
    assert rehearsal.shown_on(found, "synthetic") == found.shipped[0]
    assert rehearsal.shown_on(found, "clinic") is None


def test_what_was_rehearsed_is_found_again_and_says_when(quick):
    assert rehearsal.kept(quick, QUICK) is None
    (done,) = drain(rehearsal.rehearse("synthetic", Desk()))
    again = rehearsal.kept(quick, QUICK)
    assert again.source.startswith("live, on 20") and done.seconds > 0
    assert again.findings()[0].estimate == done.exhibit.findings()[0].estimate
    assert rehearsal.kept(quick, replace(QUICK, seed=1)) is None


def test_its_course_serves_the_next_guess_of_the_time(quick):
    desk = Desk()
    drain(rehearsal.rehearse("synthetic", desk))
    assert desk.courses.pace("inversion", QUICK).known is not None


def test_the_command_says_how_long_each_step_takes_here(quick, capsys):
    assert main(["rehearse", "--data", "synthetic"]) == 0
    out = capsys.readouterr()
    report = json.loads(out.out)
    assert report["runs"][0]["threat"] == "inversion" and report["runs"][0]["findings"]
    assert "Inversion:" in out.err and "s live on this machine" in out.err


def test_data_that_no_demo_shows_are_refused(quick):
    with pytest.raises(BadInput, match="data that a demo shows: synthetic; got 'clinic'"):
        drain(rehearsal.rehearse("clinic", Desk()))


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00\xff"])
def test_a_damaged_one_is_as_good_as_none(quick, damage):
    drain(rehearsal.rehearse("synthetic", Desk()))
    for file in rehearsal._home().glob("*.json"):
        file.write_bytes(damage)
    assert rehearsal.kept(quick, QUICK) is None


def test_of_an_upload_nothing_is_looked_for(quick):
    assert rehearsal.kept(quick, replace(QUICK, data="upload:none")) is None
