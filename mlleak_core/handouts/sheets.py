"""The printed sheets: HTML files that need nothing else, made for A4 and a printer without colours."""

from __future__ import annotations

import base64
import functools
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from mlleak_core import __version__
from mlleak_core.classroom.questions import Item, lesson
from mlleak_core.handouts.lessons import HEADS, Lesson, lessons, preface, shown
from mlleak_core.language import kept, mark, say, speaking, spoken
from mlleak_core.report.evidence import how_often_wrong, parts_of, whence
from mlleak_core.report.page import marked
from mlleak_core.report.templates import environment
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Conclusion, Exhibit, Finding, Threat, discover

LOOKS = Path(__file__).parent / "looks"
NUMBERS = 4
"""Evidence lines of a page: more are on the page itself, and in its report."""
TRAIN, CLASSROOM = mark("Train"), mark("Classroom")
BETS = mark("bet, bets, Guess first")
"""How a row says that something is bet on: by one of these."""
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Equal files make equal archives."""


@dataclass(frozen=True)
class Handout:
    """A file to print. name: of the file; title: what it is, in words; about: of which lesson, 0 for none."""

    name: str
    title: str
    about: int
    write: Callable[[], bytes]


@dataclass(frozen=True)
class Outcome:
    """What comes out on a page, for the teacher: from the exhibit that ships."""

    page: str
    bet: Item | None
    conclusions: tuple[Conclusion, ...]
    findings: tuple[Finding, ...]
    others: tuple[tuple[str, Finding], ...]


def handouts() -> tuple[Handout, ...]:
    """All of them, in the language that is spoken; each is made in it when it is asked for, by whomever."""
    return _handouts(spoken())


@functools.cache
def _handouts(language: str) -> tuple[Handout, ...]:
    with speaking(language):
        cards = [_of_cards(item) for item in lesson() if item.question.pictures]
        return (*cards, *(sheet for each in lessons() for sheet in _of_lesson(each)))


def _of_cards(item: Item) -> Handout:
    title = say("Cards: {title}", title=item.question.title)
    return Handout(f"cards-{item.key}.html", title, 0, kept(functools.partial(_cards, item)))


def _of_lesson(about: Lesson) -> Iterator[Handout]:
    kinds: tuple[tuple[str, str, Callable[[Lesson], bytes]], ...] = (
        ("students", say("Sheet for students"), _students),
        ("teacher", say("Notes for the teacher"), _teacher),
    )
    for kind, words, write in kinds:
        name = f"lesson-{about.number}-{kind}.html"
        yield Handout(name, words, about.number, kept(functools.partial(write, about)))


def bundle() -> bytes:
    """All of them in one ZIP, in the language that is spoken."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in handouts():
            entry = zipfile.ZipInfo(each.name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, each.write())
    return file.getvalue()


def _cards(item: Item) -> bytes:
    return _render("cards.html", item=item, question=item.question, truth=item.truth())


def _students(about: Lesson) -> bytes:
    return _render("students.html", lesson=about, bets=_of_class(about) or _bets(about))


def _teacher(about: Lesson) -> bytes:
    outcomes = [_outcome(page) for page in about.pages]
    found = [outcome for outcome in outcomes if outcome is not None]
    around: dict[str, Any] = {"heads": tuple(map(say, HEADS)), "preface": preface()[1:]}
    return _render("teacher.html", lesson=about, outcomes=found, questions=_all(about), **around)


def _bets(about: Lesson) -> dict[int, tuple[Item, ...]]:
    """The row of a lesson in which a page's bet is made -> that bet."""
    found = ((item, _row_of(about, _page(item))) for item in lesson() if not item.ticket)
    return {at: (item,) for item, at in found if at is not None}


def _row_of(about: Lesson, page: str) -> int | None:
    """Where a page's bet is made: the first row on it that speaks of betting, else the first one."""
    rows = [at for at, row in enumerate(about.rows) if row.page == page]
    bets = re.compile(rf"\b({'|'.join(say(BETS).split(', '))})\b")
    return next((at for at in rows if bets.search(about.rows[at].what)), rows[0] if rows else None)


def _of_class(about: Lesson) -> dict[int, tuple[Item, ...]]:
    """The same where a lesson goes through all questions: where they are revealed, and the exit ticket's."""
    here = say(CLASSROOM)
    at = {name: i for i, row in enumerate(about.rows) for name in row.names if row.page == here}
    if not at:
        return {}
    asked = {ticket: tuple(i for i in lesson() if i.ticket is ticket) for ticket in (False, True)}
    return {at[say("Reveal")]: asked[False], at[say("Exit ticket")]: asked[True]}


def _all(about: Lesson) -> list[tuple[Item, tuple[Finding, ...]]]:
    """All questions, each with the number behind its answer, where a lesson goes through all of them."""
    outcomes = {item.key: _outcome(_page(item)) for item in lesson() if not item.ticket}
    asked = lesson() if say(CLASSROOM) in about.pages else ()
    return [(item, _first(outcomes.get(item.key))) for item in asked]


def _first(outcome: Outcome | None) -> tuple[Finding, ...]:
    return outcome.findings[:1] if outcome else ()


def _page(item: Item) -> str:
    """What the page is called on which a question is explored further."""
    return next(say(found.card.title) for found in discover() if f"pages/{found.card.slug}.py" == item.page)


def _outcome(page: str) -> Outcome | None:
    """What the shipped run of a page says; of a page without a threat None."""
    if page == say(TRAIN):
        return _taught()
    found = next((each for each in discover() if say(each.card.title) == page), None)
    return None if found is None else _of_threat(page, found)


def _taught() -> Outcome:
    """How well the net of the Train page does its task, which the threat tells that opens it."""
    found = next(each for each in discover() if issubclass(each.settings, TrainSettings))
    numbers = tuple(f for f in _shipped(found)[0].findings() if f.key == "task")
    return Outcome(say(TRAIN), None, (), numbers, ())


def _of_threat(page: str, found: Threat) -> Outcome:
    first, *others = _shipped(found)
    bet = next((item for item in lesson() if not item.ticket and _page(item) == page), None)
    told = [finding for headline in first.headlines() for finding in headline.findings]
    numbers = {finding.key: finding for finding in (*told, *first.findings())}
    rest = tuple((_first_words(each), each.findings()[0]) for each in others)
    return Outcome(page, bet, first.conclusions(), tuple(numbers.values())[:NUMBERS], rest)


@functools.cache
def _shipped(found: Threat) -> tuple[Exhibit, ...]:
    return found.shipped_exhibits()


def _first_words(exhibit: Exhibit) -> str:
    return next((conclusion.sentence for conclusion in exhibit.conclusions()), "")


def _render(name: str, **words: Any) -> bytes:
    style = (LOOKS / "print.css").read_text(encoding="utf-8")
    around = {"style": style, "version": __version__, "lang": spoken()}
    return _room().get_template(name).render(**around, **words).encode()


@functools.cache
def _room() -> jinja2.Environment:
    room = environment(LOOKS)
    evidence = lambda finding: " · ".join(parts_of(finding))  # noqa: E731
    room.filters |= {
        "md": shown,
        "marked": marked,
        "picture": _picture,
        "evidence": evidence,
        "whence": whence,
    }
    room.globals |= {"how_often_wrong": how_often_wrong}
    return room


def _picture(image: bytes) -> str:
    """A picture within the file."""
    kind = "png" if image.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
