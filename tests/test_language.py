"""Words are said in the language of who looks, whenever and wherever they were made."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from string import Formatter

import pytest
from babel.messages.pofile import read_po

from benchmarks.words import messages
from mlleak_core import language
from mlleak_core.contract import BadInput
from mlleak_core.language import FOLDER, again, kept, plural, say, speak, spoken, together

OTHERS = [code for code in language.languages() if code != language.ENGLISH]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(language.ENGLISH)


def translations(code: str) -> dict[str, str]:
    with (FOLDER / f"{code}.po").open("rb") as lines:
        return {str(m.id): str(m.string) for m in read_po(lines) if m.id}


def fields(message: str) -> set[tuple[str, str]]:
    return {(name, form or "") for _, name, form, _ in Formatter().parse(message) if name}


def filled(message: str) -> bool:
    try:
        return bool(fields(message))
    except ValueError:  # braces that are no fields
        return False


def test_there_is_german():
    assert OTHERS == ["de"] and language.languages() == {"en": "English", "de": "Deutsch"}


@pytest.mark.parametrize("code", OTHERS)
def test_every_message_is_translated_and_none_is_left_over(code):
    known = translations(code)
    assert sorted(messages()) == sorted(known), "make words"
    assert not [message for message, said in known.items() if not said]


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_its_message_s_fields(code):
    wrong = [
        message
        for message, said in translations(code).items()
        if filled(message) and said and not fields(said) <= fields(message)
    ]
    assert not wrong


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("sign", ["**", "<", ">", "\n"])
def test_a_translation_keeps_emphasis_and_tags(code, sign):
    known = translations(code).items()
    assert not [m for m, said in known if said and m.count(sign) != said.count(sign)]


def test_what_was_said_is_said_again_in_another_language():
    words = say("a {x} b", x=say("English"))
    assert words == "a English b"
    speak("de")
    assert again(words) == "a Deutsch b" and say("<{x}>", x=words) == "<a Deutsch b>"


def test_an_error_and_what_comes_from_another_process_remember_too():
    problem = BadInput(say("English"), "b", "c.")
    words = copy.deepcopy(str(problem))  # as pickle does it
    assert words == "Expected English; got b. c."
    speak("de")
    assert again(words) != words and "Deutsch" in again(words)


def test_sentences_together_remember_each_of_them():
    words = together(say("English"), "", say("<{x}>", x=say("English")))
    assert words == "English <English>" and together() == ""
    speak("de")
    assert again(words) == "Deutsch <Deutsch>"


def test_a_thread_speaks_for_itself_alone_unless_it_was_kept():
    speak("de")
    heard = []
    for listen in (lambda: heard.append(spoken()), kept(lambda: heard.append(spoken()))):
        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
    assert heard == ["en", "de"]


def test_what_nobody_translated_stays_english_and_an_unknown_language_is_english():
    speak("de")
    assert say("nobody says {x} here", x=1) == "nobody says 1 here"
    speak("xx")
    assert spoken() == "en"


def test_one_and_many():
    assert [plural("{n} face", "{n} faces", n) for n in (0, 1, 2)] == ["0 faces", "1 face", "2 faces"]


def test_braces_without_values_are_words():
    assert say("{not a field") == "{not a field"
