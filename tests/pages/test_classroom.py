"""The teacher's page: opens a room, leads it, shows the class and nobody in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core.classroom.questions import lesson
from mlleak_core.classroom.rooms import Rooms, home
from mlleak_core.handouts.lessons import lessons
from mlleak_core.handouts.sheets import handouts
from mlleak_core.language import languages, speaking
from mlleak_core.threat import Asked
from tests.pages.driver import page, press, text

MANY = next(at for at, item in enumerate(lesson()) if item.question.kind is Asked.MANY)
NAME = "pages/classroom.py"


@pytest.fixture
def rooms():
    made = Rooms(home())
    yield made
    made.close_all()


def opened() -> tuple[AppTest, str, str]:
    at = press(page(NAME), "Open a room")
    code, _, key = str(at.query_params["class"]).partition(".")
    return at, code, key


def bets(rooms: Rooms, code: str, step: int, picks: list[list[int]]) -> None:
    for number, each in enumerate(picks):
        rooms.join(code, f"phone {number}")
        rooms.lock(code, step, f"phone {number}", each)


def test_a_lesson(rooms):
    at, code, key = opened()
    assert not at.exception
    assert f"{code[:3]} {code[3:]}" in text(at) and "mlleak classroom" in text(at), (
        "phones are not served here"
    )
    assert lesson()[0].question.title in [s.value for s in at.header]
    bets(rooms, code, 0, [[1], [2]])
    at.run()
    assert ">2</b>" in text(at) and "once 3 phones" in text(at)
    assert not at.get("vega_lite_chart")
    bets(rooms, code, 0, [])
    rooms.join(code, "third")
    rooms.lock(code, 0, "third", [2])
    at.run()
    assert ">3</b>" in text(at) and at.get("vega_lite_chart")
    assert lesson()[0].truth().sentence not in text(at)
    press(at, "Reveal")
    assert lesson()[0].truth().sentence in text(at) and "of 3 right" in text(at)
    press(at, "Next")
    assert rooms.check(code, key).step == 1
    assert "phone 0" not in text(at)


def test_the_class_is_a_point_beside_the_attacks_and_the_teacher(rooms):
    at, code, key = opened()
    rooms.turn(code, key, MANY)
    bets(rooms, code, MANY, [[0, 1], [1, 2], [5]])
    at.run()
    assert not at.get("plotly_chart")
    at.session_state[f"class-bet-{code}-{MANY}"] = [1, 2]
    press(at, "Reveal")
    chart = at.get("plotly_chart")[0].proto.spec
    assert '"class"' in chart and '"you"' in chart and "LiRA" in chart
    assert "You:" in text(at) and "Class:" in text(at) and "n = 3 phones" in text(at)
    press(at, "Reset this question")
    assert rooms.tally(code, MANY).locked == 0 and not at.get("plotly_chart")
    assert not at.exception


def test_the_class_attacks_its_own_bars(rooms):
    at, code, key = opened()
    rooms.turn(code, key, len(lesson()))
    at.run()
    assert "more than 3 phones" in text(at)
    rooms.turn(code, key, 0)
    bets(rooms, code, 0, [[1], [2], [2], [4], [0]])
    rooms.turn(code, key, len(lesson()))
    at.run()
    assert "read from exact bars" in text(at) and "100%" in text(at) and "n = 5 phones" in text(at)
    assert len(at.get("vega_lite_chart")) == 2
    at.select_slider(key="class-epsilon").set_value(0.1).run()
    assert "ε = 0.1" in text(at) and not at.exception


def test_a_second_teacher_is_told_and_the_first_comes_back(rooms):
    _, code, key = opened()
    other = page(NAME, **{"class": f"{code}.another"})
    assert "Expected the teacher's link of this room" in text(other)
    press(other, "Start over")
    assert "Open a room" in [b.label for b in other.button]
    back = page(NAME, **{"class": f"{code}.{key}"})
    assert lesson()[0].question.title in [s.value for s in back.header]


def test_closing_ends_it(rooms):
    at, code, key = opened()
    press(at, "Close the room")
    assert "Open a room" in [b.label for b in at.button] and "class" not in at.query_params
    late = page(NAME, **{"class": f"{code}.{key}"})
    assert "closed or expired" in text(late)


@pytest.mark.parametrize("value", ["", ".", "abc", "'; --.x", "x" * 10_000, "%00", "<b>.<b>"])
def test_garbage_in_the_address(value):
    at = page(NAME, **{"class": value})
    assert not at.exception
    assert "Open a room" in [b.label for b in at.button] or "Start over" in [b.label for b in at.button]


def test_own_pace(rooms):
    at, code, key = opened()
    next(t for t in at.toggle if str(t.key).startswith("class-pace")).set_value(True).run()
    assert rooms.check(code, key).own_pace and not at.exception


def test_a_cache_that_cannot_be_used_is_a_sentence(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    Path(blocked).write_text("")
    at = page(NAME)
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(blocked))
    at.run()
    assert "Expected a cache folder in which rooms can be kept" in text(at) and not at.exception


@pytest.mark.parametrize("code", languages())
def test_what_is_printed_is_in_the_language_of_who_looks(code):
    titles, buttons = {}, {}
    for each in languages():
        with speaking(each):
            titles[each] = [f"**{about.number}. {about.title}**" for about in lessons()]
            buttons[each] = {str(sheet.title) for sheet in handouts()}
    at = page(NAME, lang=code)
    assert not at.exception
    shown = [m.value for m in at.markdown]
    own = titles.pop(code)
    assert [words for words in shown if words in own] == own
    assert not [words for other in titles.values() for words in other if words in shown]
    assert {b.proto.label for b in at.get("download_button")} >= buttons.pop(code)
    assert not {b.proto.label for b in at.get("download_button")} & set().union(*buttons.values())
