"""What the pages share, in another language: words, chosen dials, addresses, run cards, tables."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core import language
from mlleak_core.language import say, speak
from mlleak_core.report.evidence import shown, whence
from pages._kit import table
from tests.pages.driver import page, text

DIAL = """
from dataclasses import dataclass
from typing import Annotated
import streamlit as st
from mlleak_core.contract import Choice, Settings
from pages._kit import languages
from pages._kit.dials import Dials

@dataclass(frozen=True)
class Asked(Settings):
    way: Annotated[str, Choice(("a", "b"), "Home")] = "a"

languages.begin()
languages.switch()
st.write("way is " + Dials(Asked, "x", Asked()).pick(st, "way", "Train", titles={"a": "Home", "b": "Next"}))
"""


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(language.ENGLISH)


def dial(**address: str) -> AppTest:
    at = AppTest.from_string(DIAL, default_timeout=30)
    for name, value in address.items():
        at.query_params[name] = value
    return at.run()


def test_home_speaks_german_where_the_address_asks_for_it():
    at = page("app.py", lang="de")
    assert not at.exception
    assert 'Was <span class="hot">verbirgt</span> dieses Modell?' in text(at)
    assert "mitgeliefert 20" in text(at) and "Seed 0" in text(at)


def test_the_language_stays_and_can_be_switched():
    at = page("pages/train.py", lang="de").run()
    assert at.title[0].value == "Bring einem Netz eine einzige Sache bei"
    (switch,) = (group for group in at.get("button_group") if group.key == "lang-of")
    assert switch.value == "de"
    switch.set_value("en").run()
    at.run()
    assert at.title[0].value == "Teach a net one thing" and at.session_state["lang"] == "en"


def test_a_language_that_is_not_there_is_said():
    assert "The address asks for lang=xx; here are en, de. Shown: en." in text(page("app.py", lang="xx"))


def test_a_dial_says_its_words_and_keeps_its_choice_when_the_language_changes():
    at = dial()
    box = at.selectbox(key="x-way")
    assert (box.label, box.options) == ("Train", ["Home", "Next"])
    box.select("Next").run()
    at.session_state["lang"] = "de"
    at.run()
    box = at.selectbox(key="x-way")
    assert (box.label, box.options, box.proto.help) == ("Trainieren", ["Start", "Weiter"], "Start")
    assert "way is b" in text(at)
    at.run()
    assert "way is b" in text(at)


@pytest.mark.parametrize("words", ["Next", "Weiter"])
def test_an_address_is_read_in_whatever_language_it_was_made(words):
    at = dial(**{"x-way": words, "lang": "de"})
    assert "way is b" in text(at) and not at.warning


def test_a_run_card_knows_where_its_numbers_come_from_in_every_language():
    shipped = page("pages/train.py", lang="de")
    assert '<span class="pill shipped">mitgeliefert · 20' in text(shipped)


def test_a_source_is_said_and_other_words_stay():
    speak("de")
    assert whence("shipped 2026-01-02") == "mitgeliefert 2026-01-02"
    assert whence("live, on 2026-01-02") == "live, am 2026-01-02"
    assert whence("liveliness") == "liveliness"


def test_what_another_thread_said_is_said_anew():
    early = say("seed {seed}", seed=3)
    speak("de")
    assert shown(early) == "Seed 3" and shown("Home") == "Start" and shown("nobody's word") == "nobody's word"


def test_a_table_says_its_columns_and_its_file_does_not(monkeypatch):
    drawn: list[str] = []
    monkeypatch.setattr(table.st, "html", drawn.append)
    rows = [{"share": True, "n": 3}]
    speak("de")
    table.written(rows, "All settings")
    assert "Anteil" in drawn[0] and ">ja<" in drawn[0] and html.escape("Alle Einstellungen") in drawn[0]
    assert table.as_csv(rows).startswith("share,n")


def test_an_attribute_is_read_from_an_address_in_either_language():
    for attribute, code in (("Brille", "en"), ("Glasses", "de"), ("Brille", "de")):
        at = page("pages/features.py", attribute=attribute, lang=code)
        assert at.session_state["attribute"] == "Glasses", (attribute, code)
