"""A report is in the language of whoever asks for it; what programs read is English."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mlleak_core import elsewhere, language
from mlleak_core.language import speak
from mlleak_core.report.contents import Report, as_json
from mlleak_core.report.evidence import shown
from mlleak_core.report.page import page
from mlleak_core.threat import threat


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(language.ENGLISH)


@pytest.fixture(scope="module")
def report() -> Report:
    found = threat("property")
    return Report(found, found.shipped_exhibits()[0])


def test_a_page_says_which_language_it_is_in(report):
    assert '<html lang="en">' in page(report).decode() and "The evidence" in page(report).decode()
    speak("de")
    german = page(report).decode()
    assert '<html lang="de">' in german and "Die Belege" in german and "The evidence" not in german


def test_numbers_for_programs_are_the_same_in_every_language(report):
    english = json.loads(as_json(report))
    speak("de")
    assert json.loads(as_json(report)) == english and language.spoken() == "de"


def test_what_other_data_showed_is_kept_with_its_messages(tmp_path):
    found = threat("inversion")
    told = elsewhere.tell("synthetic", [("inversion", found.shipped_exhibits()[0])])
    told.save(tmp_path)
    speak("de")
    (read,) = elsewhere.shipped("synthetic", tmp_path).told
    parts = [shown(part) for part in read.lines[0].parts]
    assert "Seed 0" in parts and any(part.startswith("mitgeliefert 20") for part in parts)
