"""What is printed: strict HTML that needs nothing else, the truth on the teacher's sheets alone."""

from __future__ import annotations

import io
import zipfile

import html5lib
import pytest

from mlleak_core.__main__ import main
from mlleak_core.classroom.questions import lesson
from mlleak_core.handouts.lessons import lessons, read, shown
from mlleak_core.handouts.sheets import bundle, handouts
from mlleak_core.report.evidence import parts_of
from mlleak_core.threat import discover, threat

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
SHEETS = {sheet.name: sheet for sheet in handouts()}


def tree(name):
    return html5lib.HTMLParser(strict=True).parse(SHEETS[name].write(), transport_encoding="utf-8")


def words(name):
    return " ".join(" ".join(tree(name).itertext()).split())


@pytest.mark.parametrize("name", SHEETS)
def test_it_is_strict_and_asks_nobody_for_anything(name):
    parsed = tree(name)
    policy = next(m for m in parsed.iter(f"{NAMESPACE}meta") if m.get("http-equiv"))
    assert policy.get("content").startswith("default-src 'none'")
    tags = {element.tag.removeprefix(NAMESPACE) for element in parsed.iter() if isinstance(element.tag, str)}
    assert not tags & {"script", "link", "iframe", "object", "a"}
    assert all(i.get("src").startswith("data:image/") for i in parsed.iter(f"{NAMESPACE}img"))
    assert "url(" not in "".join(parsed.find(f".//{NAMESPACE}style").itertext())


def test_every_lesson_has_both_sheets_and_the_faces_are_cards():
    assert len(lessons()) == 6 and len(SHEETS) == 13
    assert len(list(tree("cards-membership.html").iter(f"{NAMESPACE}figure"))) == 12


@pytest.mark.parametrize("about", lessons(), ids=lambda each: each.title)
def test_a_lesson_fills_its_time_without_a_gap_and_is_printed_whole(about):
    spans = [row.span for row in about.rows]
    assert spans[0][0] == 0 and spans[-1][1] == 45
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert about.number == lessons().index(about) + 1
    for kind in ("students", "teacher"):
        printed = words(f"lesson-{about.number}-{kind}.html")
        assert all(row.ask in printed and row.minutes in printed for row in about.rows)


def test_a_bet_is_on_the_sheet_of_the_students_and_its_answer_on_the_teachers_alone():
    pages = {found.card.slug: found.card.title for found in discover()}
    seen = 0
    for about in lessons():
        theirs, mine = (words(f"lesson-{about.number}-{kind}.html") for kind in ("students", "teacher"))
        for item in lesson():
            whole = "Classroom" in about.pages
            assert item.truth().sentence not in theirs
            if whole or pages.get(item.key) in about.pages:
                seen += 1
                assert item.question.ask in theirs and item.truth().sentence in mine
    assert seen == len(lesson()) + 5, "each threat's bet has a lesson of its own, and one lesson has them all"


def test_what_comes_out_has_its_evidence():
    printed = words("lesson-5-teacher.html")
    for exhibit in threat("property").shipped_exhibits():
        assert " · ".join(parts_of(exhibit.findings()[0])) in printed
    assert "wrong in" in printed
    assert "test accuracy" in words("lesson-1-teacher.html")


def test_the_teacher_of_a_class_has_every_right_answer_with_its_number():
    printed = words("lesson-2-teacher.html")
    for item in lesson():
        if item.ticket:
            assert f"Right: {item.question.options[item.truth().right[0]]}." in printed
        else:
            numbers = [" · ".join(parts_of(f)) for f in threat(item.key).shipped_exhibits()[0].findings()]
            assert any(each in printed for each in numbers)


def test_a_bet_stands_where_it_is_made():
    printed = words("lesson-5-students.html")
    assert printed.index("5–14 Property") < printed.index("Bet first: Since when?") < printed.index("14–20")


def test_the_key_of_the_cards_is_marked_by_words_and_is_the_teachers():
    printed = words("cards-membership.html")
    asked = next(item for item in lesson() if item.key == "membership")
    faces, key = printed.split("For the teacher")
    assert "yes" not in faces and asked.truth().sentence in key
    told = [
        f"{name} {'✓ yes' if i in asked.truth().right else '✗ no'}"
        for i, name in enumerate(asked.question.options)
    ]
    assert all(each in key for each in told)


def test_the_archive_holds_all_and_is_the_same_twice():
    with zipfile.ZipFile(io.BytesIO(bundle())) as archive:
        assert archive.namelist() == list(SHEETS)
        assert archive.read("lesson-1-students.html") == SHEETS["lesson-1-students.html"].write()
    assert bundle() == bundle()


def test_the_command_writes_them_all(tmp_path, capsys):
    assert main(["handouts", "--to", str(tmp_path / "new" / "folder")]) == 0
    assert {f.name for f in (tmp_path / "new" / "folder").iterdir()} == set(SHEETS)
    assert "wrote 13 files" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["handouts", "--to", str(tmp_path / "file")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("mlleak: cannot use") and "Traceback" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# T\n\nx\n\n## A\n\nno table\n", "one table in the lesson “A”; got 0"),
        ("## A\n\n| min | what |\n| --- | --- |\n| 0–5 | x |\n", "min | page | what | question to ask"),
    ],
)
def test_a_document_that_is_no_lesson_is_a_sentence(text, told):
    with pytest.raises(Exception, match=told.replace("|", r"\|")):
        read(text)


def test_html_in_the_document_stays_words():
    head = "## A\n\n| min | page | what | question to ask |\n| - | - | - | - |\n"
    (about,) = read(f"{head}| 0–45 | — | <b>x</b> *y z* | ? |\n")
    assert about.rows[0].names == ("y z",) and about.pages == ()
    assert shown(about.rows[0].what) == "&lt;b&gt;x&lt;/b&gt; <em>y z</em>"
