"""What is printed in another language: the same lessons, step by step, and no word of English among them."""

from __future__ import annotations

import io
import re
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain

import html5lib
import pytest

from mlleak_core.__main__ import main
from mlleak_core.classroom.questions import lesson
from mlleak_core.handouts import lessons as document
from mlleak_core.handouts.lessons import DOCS, HEADS, Lesson, italics, lessons, preface, read
from mlleak_core.handouts.sheets import Handout, bundle, handouts
from mlleak_core.language import ENGLISH, languages, say, speak, speaking

OTHERS = [code for code in languages() if code != ENGLISH]
NAMESPACE = "{http://www.w3.org/1999/xhtml}"
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
CODE = re.compile(r"`[^`]*`")
SMALL = re.compile(
    r"\b(the|of|and|with|what|which|this|that|for|from|your|you|to|how|who|are|by)\b", re.IGNORECASE
)
QUOTED = re.compile("„[^“]*“")
"""Data sets keep their own words."""
SHEETS = [(code, sheet.name) for code in OTHERS for sheet in handouts()]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(ENGLISH)


def sheets(code: str) -> dict[str, Handout]:
    with speaking(code):
        return {sheet.name: sheet for sheet in handouts()}


def tree(written: bytes):
    return html5lib.HTMLParser(strict=True).parse(written, transport_encoding="utf-8")


def words(written: bytes) -> list[str]:
    """What stands in a sheet, alternative texts too; what its printer is told aside."""
    body = tree(written).find(f"{NAMESPACE}body")
    found = chain(body.itertext(), (i.get("alt") or "" for i in body.iter(f"{NAMESPACE}img")))
    return [" ".join(text.split()) for text in found if text.strip()]


def asked_in(written: bytes) -> list[bool]:
    """Of each step of a students' sheet whether something is bet on in it."""
    steps = [s for s in tree(written).iter(f"{NAMESPACE}section") if s.get("class") == "step"]
    return [any(e.get("class") == "bet" for e in step.iter(f"{NAMESPACE}div")) for step in steps]


def both(code: str) -> list[tuple[Lesson, Lesson]]:
    """Every lesson in English and in another language."""
    with speaking(code):
        theirs = lessons()
    return list(zip(lessons(), theirs, strict=True))


def numbers(text: str) -> Counter[str]:
    return Counter(NUMBER.findall(CODE.sub("", text)))


def named(english: tuple[str, ...], theirs: tuple[str, ...], code: str) -> bool:
    """Whether as many names are named, and all of those that the app says as they stand."""
    with speaking(code):
        said = Counter(say(name) for name in english if say(name) != name)
    return len(english) == len(theirs) and not said - Counter(theirs)


def alike(english: str, theirs: str, code: str) -> bool:
    """Whether a paragraph or cell has the same numbers and names as in English."""
    return numbers(english) == numbers(theirs) and named(italics(english), italics(theirs), code)


@pytest.mark.parametrize("code", OTHERS)
def test_a_language_has_lessons_of_its_own_with_the_same_steps(code):
    assert (DOCS / f"teaching.{code}.md").is_file()
    for ours, theirs in both(code):
        assert theirs.title != ours.title and theirs.number == ours.number
        assert [row.minutes for row in theirs.rows] == [row.minutes for row in ours.rows], ours.title
        with speaking(code):
            pages = [row.page and say(row.page) for row in ours.rows]
        assert [row.page for row in theirs.rows] == pages, ours.title


@pytest.mark.parametrize("code", OTHERS)
def test_a_step_has_the_same_numbers_and_names_in_every_language(code):
    for ours, theirs in both(code):
        for row, other in zip(ours.rows, theirs.rows, strict=True):
            where = f"{ours.title}, {row.minutes}"
            assert alike(row.what, other.what, code) and alike(row.ask, other.ask, code), where
            assert row.ask.count("?") == other.ask.count("?"), where


@pytest.mark.parametrize("code", OTHERS)
def test_what_stands_round_the_lessons_is_the_same_in_every_language(code):
    with speaking(code):
        around = preface()
    pairs = list(zip(preface(), around, strict=True))
    for ours, theirs in both(code):
        pairs += zip(ours.before, theirs.before, strict=True)
        pairs += zip(ours.after, theirs.after, strict=True)
    assert all(alike(one, other, code) for one, other in pairs)
    spans = [
        [CODE.findall(text) for text in pair] for pair in pairs[1:]
    ]  # the first says what to type for it
    assert all(one == other for one, other in spans)


@pytest.mark.parametrize("theirs", ["8 bis 40 s, *Nochmals*", "10 bis 40 s, *Noch einmal*", "10 bis 40 s"])
def test_a_step_that_was_changed_in_one_language_alone_is_noticed(theirs):
    """The checks above can fail."""
    ours = "10 to 40 s, *Replay, same seed*"
    assert alike(ours, "10 bis 40 s, *Nochmals*", "de") and not alike(ours, theirs, "de")


@pytest.mark.parametrize(("code", "name"), SHEETS)
def test_a_sheet_says_its_language_and_speaks_it(code, name):
    written = sheets(code)[name].write()
    assert tree(written).get("lang") == code
    told = words(written)
    titles = {each.title for each in lessons()} | {item.question.title for item in lesson()}
    assert not [text for text in told if any(title in text for title in titles)]
    assert not [text for text in told if SMALL.search(QUOTED.sub("", text))]


@pytest.mark.parametrize("code", OTHERS)
def test_a_lesson_is_printed_whole(code):
    with speaking(code):
        theirs, questions, heads = lessons(), lesson(), [say(head) for head in HEADS]
        truths = [item.truth().sentence for item in questions]
    for about in theirs:
        for kind in ("students", "teacher"):
            told = " ".join(words(sheets(code)[f"lesson-{about.number}-{kind}.html"].write()))
            assert about.title in told and all(row.ask in told and row.minutes in told for row in about.rows)
            assert kind == "students" or all(head in told for head in heads)
    asked, answered = (
        " ".join(words(sheets(code)[f"lesson-2-{kind}.html"].write())) for kind in ("students", "teacher")
    )
    assert all(item.question.ask in asked for item in questions)
    assert all(truth in answered and truth not in asked for truth in truths)


@pytest.mark.parametrize("code", OTHERS)
def test_a_bet_stands_at_the_same_step_and_pages_have_their_outcomes(code):
    for about in lessons():
        name, notes = (f"lesson-{about.number}-{kind}.html" for kind in ("students", "teacher"))
        assert asked_in(sheets(code)[name].write()) == asked_in(sheets(ENGLISH)[name].write()), about.title
        ours, theirs = (sheets(each)[notes].write().count(b'class="evidence"') for each in (ENGLISH, code))
        assert ours == theirs > 0, about.title


@pytest.mark.parametrize("code", OTHERS)
def test_a_sheet_is_in_the_language_it_was_asked_for_in_whoever_writes_it(code):
    own, other = sheets(ENGLISH), sheets(code)
    assert [sheet.title for sheet in own.values()] != [sheet.title for sheet in other.values()]
    speak(code)
    assert tree(own["lesson-1-teacher.html"].write()).get("lang") == ENGLISH
    speak(ENGLISH)
    assert tree(other["lesson-1-teacher.html"].write()).get("lang") == code


@pytest.mark.parametrize("code", OTHERS)
def test_two_visitors_at_once_each_get_theirs(code):
    name, start, got = "lesson-3-teacher.html", threading.Barrier(2), {}

    def visit(language: str) -> None:
        speak(language)
        start.wait(30)
        got[language] = [{s.name: s for s in handouts()}[name].write() for _ in range(8)]

    visitors = [threading.Thread(target=visit, args=(each,)) for each in (ENGLISH, code)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    for language, written in got.items():
        assert set(written) == {sheets(language)[name].write()}
        assert tree(written[0]).get("lang") == language


@pytest.mark.parametrize("code", OTHERS)
def test_archive_and_command_are_in_the_language_that_is_asked_for(code, tmp_path):
    with speaking(code), zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert main(["handouts", "--to", str(tmp_path), "--language", code]) == 0
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == packed
    assert tree(packed["lesson-1-students.html"]).get("lang") == code


def test_a_language_that_is_not_there_is_a_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["handouts", "--to", str(tmp_path), "--language", "xx"])
    assert ended.value.code == 2 and "'xx'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_language_without_lessons_gets_the_english_ones(tmp_path, monkeypatch):
    (tmp_path / "teaching.md").write_text((DOCS / "teaching.md").read_text())
    monkeypatch.setattr(document, "DOCS", tmp_path)
    document._document.cache_clear()
    try:
        with speaking(OTHERS[0]):
            assert [each.title for each in lessons()] == [each.title for each in read_in_english()]
    finally:
        document._document.cache_clear()


def read_in_english() -> tuple[Lesson, ...]:
    with speaking(ENGLISH):
        return read((DOCS / "teaching.md").read_text())
