"""The guided tour and presenter mode, as scripts; what a browser does with them: tests/browser."""

from __future__ import annotations

import html

import pytest

from mlleak_core.threat import discover
from pages._kit.tour import HOME, TOURS, where
from tests.pages.driver import page, text

PAGES = {HOME, "train", *(found.card.slug for found in discover())}


@pytest.mark.parametrize("name", TOURS)
def test_every_stop_is_on_a_page_and_says_one_thing(name):
    _, stops = TOURS[name]
    assert {stop.page for stop in stops} <= PAGES
    assert stops[0].page == stops[-1].page == HOME
    assert all(len(stop.says) < 150 and len(stop.do) < 90 for stop in stops)


def test_the_long_one_goes_through_all_the_house():
    assert {stop.page for stop in TOURS["long"][1]} == PAGES


@pytest.mark.parametrize("at", range(1, len(TOURS["long"][1]) + 1))
def test_every_stop_is_drawn_on_its_page(at):
    stop = TOURS["long"][1][at - 1]
    shown = page("app.py" if stop.page == HOME else f"pages/{stop.page}.py", tour=f"long.{at}")
    assert not shown.exception
    assert f"{at} of {len(TOURS['long'][1])}" in text(shown) and stop.do in html.unescape(text(shown))


def test_on_another_page_it_shows_the_way_back():
    shown = page("pages/property.py", tour="short.2")
    assert [link.proto.label for link in shown.get("page_link") if "tour=" in link.proto.query_string][
        -1
    ] == "Go there"


def test_it_can_be_left():
    shown = page("pages/features.py", tour="short.2")
    shown.button(key="tour-leave").click().run()
    assert "2 of 7" not in text(shown)


@pytest.mark.parametrize("written", ["short.0", "short.99", "nowhere.1", "short", "short.-1", "9" * 300])
def test_a_stop_that_is_not_there_is_said(written):
    assert where(written) is None
    assert "a stop of a tour that is not there" in text(page("app.py", tour=written))


def test_presenter_mode_shows_a_finding_a_slide_and_no_dials():
    shown = page("pages/present.py")
    assert not shown.exception
    assert "n = " in text(shown) and "seed" in text(shown) and "1 of 6" in text(shown)
    shown.button(key="slide-next").click().run()
    assert "2 of 6" in text(shown)
    assert not shown.exception


@pytest.mark.parametrize("written", ["0", "99", "abc", "-1", "9" * 99])
def test_a_slide_that_is_not_there_is_another(written):
    shown = page("pages/present.py", slide=written)
    assert not shown.exception and " of 6" in text(shown)


def test_where_nothing_is_prepared_it_says_how():
    assert "mlleak rehearse --data clinic" in text(page("pages/present.py", data="clinic"))
