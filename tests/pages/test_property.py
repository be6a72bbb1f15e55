"""The property page as a script."""

from __future__ import annotations

from typing import Any

from mlleak_core import sweeps
from mlleak_core.threat import threat
from tests.pages.driver import LIVE, page, press, text, until

PAGE = "pages/property.py"


def shipped() -> Any:
    return threat("property").shipped_exhibits()[0]


def test_the_tape_is_there_before_any_click_and_its_truth_is_sealed():
    at = page(PAGE)
    assert not at.exception
    assert "In which round did that begin?" in text(at)
    assert "shows in the updates" not in text(at)
    at = press(at, "Just show me")
    assert "shows in the updates" in text(at) and "shipped" in text(at)
    assert "training without such photos" in text(at)
    assert not at.exception


def test_a_bet_is_compared_with_the_round_in_which_it_began():
    at = page(PAGE)
    slot = f"p-bet-{shipped().job}"
    at.session_state[slot] = shipped().about.first
    at.run()
    assert "Right on it" in text(at)
    assert not at.exception


def test_the_null_property_is_shipped_too():
    at = page(PAGE)
    at.selectbox(key="p-property").set_value("coin").run()
    at = press(at, "Just show me")
    assert "cannot be told from chance" in text(at)
    assert not at.exception


def test_other_sources_have_properties_of_their_own():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("lfw").run()
    assert at.selectbox(key="p-property").value == "Black"
    assert "has not been watched yet" in text(at)
    assert not at.exception


def test_what_hides_it_is_shown_with_every_place_as_a_row():
    at = page(PAGE)
    assert "one dial turned at a time" in text(at)
    assert "n = 70 rounds from its first on" in text(at)
    seen = sweeps.shipped(threat("property"))
    rows = [place for dial in seen.dials for place in dial.places]
    table = next(h for h in at.get("html") if 'aria-label="Every dial as a table"' in h.proto.body).proto.body
    assert table.count("<tr") == 1 + len(rows)
    for place in rows:
        assert f"{place.found.value:.2f} [{place.found.low:.2f}, {place.found.high:.2f}]" in table
    assert not at.exception


def test_the_weight_of_his_second_task_means_something_for_the_active_attack_alone():
    at = page(PAGE)
    assert at.select_slider(key="p-alpha").disabled
    at.selectbox(key="p-attack").set_value("active").run()
    assert not at.select_slider(key="p-alpha").disabled
    assert not at.exception


def test_it_is_watched_live():
    at = page(PAGE)
    at.select_slider(key="p-rounds").set_value(100).run()
    assert "has not been watched yet" in text(at)
    at = until(press(at, "Watch it live"), LIVE, seconds=280)
    assert "live" in text(at) and "100 rounds" in text(at)
    at = press(at, "Just show me")
    assert "training without such photos" in text(at)
    assert not at.exception


def test_reviews_say_who_wrote_them_and_in_which_words():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("reviews").run()
    assert "reviews by Hugo" in text(at)
    at = press(at, "Just show me")
    assert "What gave reviews by Hugo away" in text(at)
    assert not at.exception
