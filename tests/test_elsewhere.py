"""What other data show, told in numbers: no picture, no name, nothing that is not a number of a run."""

from __future__ import annotations

import json

import pytest

from mlleak_core import elsewhere
from mlleak_core.contract import BadInput
from mlleak_core.figures.dots import dots
from mlleak_core.threat import discover

EXHIBITS = [(found.card.slug, found.shipped_exhibits()[0]) for found in discover()]


@pytest.fixture(scope="module")
def told():
    return elsewhere.tell("synthetic", EXHIBITS)


def test_every_threat_tells_what_home_says_of_it(told):
    assert {each.slug for each in told.told} == {found.card.slug for found in discover()}
    said = [headline for _, exhibit in EXHIBITS for headline in exhibit.headlines()]
    for each, headline in zip(told.told, said, strict=True):
        assert (each.title, each.figures) == (headline.title, headline.figures)
        assert all(any(part.startswith("n = ") for part in line.parts) for line in each.lines)


def test_it_holds_no_picture_and_no_name(told, tmp_path):
    told.save(tmp_path)
    (file,) = tmp_path.iterdir()
    written = file.read_text()
    assert len(written) < 60_000
    for exhibit in (exhibit for _, exhibit in EXHIBITS):
        for name in getattr(exhibit.about, "names", ()):
            assert name not in written
    assert "person" not in json.loads(written)["dots"]


def test_it_is_read_as_it_was_written_and_a_damaged_one_is_as_good_as_none(told, tmp_path):
    told.save(tmp_path)
    assert elsewhere.shipped("synthetic", tmp_path) == told
    next(tmp_path.iterdir()).write_text('{"data": 1}')
    assert elsewhere.shipped("synthetic", tmp_path) is None
    assert elsewhere.shipped("nothing", tmp_path) is None


def test_nothing_found_is_nothing_to_tell():
    with pytest.raises(BadInput, match="exhibits on lfw that found something; got none"):
        elsewhere.tell("lfw", [])


def test_a_map_is_points_alone(told):
    seen = told.dots
    assert len(seen.places) == len(seen.taught) == len(seen.other) <= elsewhere.POINTS
    assert all(0 <= x <= elsewhere.GRID and 0 <= y <= elsewhere.GRID for x, y in seen.places)
    drawn = dots(seen.places, seen.taught, seen.other, ["#D55E00"] * 12, "a map")
    assert drawn.count("<circle") == seen.taught.count(0)
    assert drawn.count("<circle") + drawn.count("<path") == len(seen.places)
    assert "<title>a map</title>" in drawn


@pytest.mark.parametrize("data", ["lfw"])
def test_what_is_shipped_of_real_photos_is_of_all_threats_and_names_nobody(data):
    found = elsewhere.shipped(data)
    assert found is not None
    assert {each.slug for each in found.told} >= {"features", "membership", "reconstruction", "property"}
    assert "George" not in repr(found) and "Powell" not in repr(found)
