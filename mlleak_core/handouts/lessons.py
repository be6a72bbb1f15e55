"""The lessons, read from docs/teaching.md: what is printed and what is documented cannot disagree. A document
for each language, docs/teaching.CODE.md; what is asked for is in the language of who looks.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mlleak_core import installed
from mlleak_core.contract import BadInput
from mlleak_core.language import ENGLISH, mark, say, speaking, spoken

DOCS = installed.app_home() / "docs"
HEADS = (mark("min"), mark("page"), mark("what"), mark("question to ask"))
"""The columns of a lesson's table."""
ITSELF = 2
"""How many levels of heading deep a lesson begins: `## Its title`."""


@dataclass(frozen=True)
class Row:
    """A stretch of a lesson. minutes: from–to; page: of the app, as it is called there, empty for none;
    what, ask: Markdown.
    """

    minutes: str
    page: str
    what: str
    ask: str

    @property
    def span(self) -> tuple[int, int]:
        """Minutes from the lesson's beginning."""
        first, _, last = self.minutes.partition("–")
        return int(first), int(last)

    @property
    def names(self) -> tuple[str, ...]:
        """What the row says is written on its page, word for word."""
        return italics(self.what) + italics(self.ask)


@dataclass(frozen=True)
class Lesson:
    """number: from 1; before, after: paragraphs round its table, Markdown."""

    number: int
    title: str
    before: tuple[str, ...]
    rows: tuple[Row, ...]
    after: tuple[str, ...]

    @property
    def pages(self) -> tuple[str, ...]:
        """Of the app, in the lesson's order."""
        return tuple(dict.fromkeys(row.page for row in self.rows if row.page))


@functools.cache
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def shown(text: str) -> Markup:
    """A line of Markdown as HTML; all else in it is escaped."""
    return Markup(_reader().renderInline(text))  # noqa: S704  the reader lets no HTML through


def italics(text: str) -> tuple[str, ...]:
    """The words of a line that stand in *italics*."""
    found, inside = [], False
    for token in (_reader().parseInline(text)[0].children) or ():
        if token.type in {"em_open", "em_close"}:
            inside = token.type == "em_open"
            if inside:
                found.append("")
        elif inside:
            found[-1] += token.content
    return tuple(found)


def preface() -> tuple[str, ...]:
    """What goes for all lessons, a paragraph each; the first one is about the document."""
    return _document(spoken())[0]


def lessons() -> tuple[Lesson, ...]:
    """All of them, in the document's order."""
    return _document(spoken())[1]


def read(text: str) -> tuple[Lesson, ...]:
    """The lessons of a document in the language that is spoken.

    Raises BadInput where a table is not a lesson's.
    """
    return _parts(text)[1]


@functools.cache
def _document(language: str) -> tuple[tuple[str, ...], tuple[Lesson, ...]]:
    """Of a language that has no document of its own, the English one."""
    file = DOCS / f"teaching.{language}.md"
    there = file.is_file()
    with speaking(language if there else ENGLISH):
        return _parts((file if there else DOCS / "teaching.md").read_text(encoding="utf-8"))


def _parts(text: str) -> tuple[tuple[str, ...], tuple[Lesson, ...]]:
    first, *others = _sections(_reader().parse(text))
    return tuple(_paragraphs(first)), tuple(_lesson(i + 1, each) for i, each in enumerate(others))


def _sections(tokens: Sequence[Token]) -> list[list[Token]]:
    """What stands before the first lesson, then the lessons, each from its heading on."""
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.type == "heading_open" and token.tag == f"h{ITSELF}":
            found.append([])
        found[-1].append(token)
    return found


def _lesson(number: int, tokens: Sequence[Token]) -> Lesson:
    title = tokens[1].content
    ends = [i for i, token in enumerate(tokens) if token.type in {"table_open", "table_close"}]
    if len(ends) != 2:
        expected = say("one table in the lesson “{title}”", title=title)
        raise BadInput(expected, f"{len(ends) // 2}", say("Write it as one."))
    rows = tuple(_rows(title, tokens[ends[0] : ends[1]]))
    before, after = (tuple(_paragraphs(part)) for part in (tokens[3 : ends[0]], tokens[ends[1] :]))
    return Lesson(number, title, before, rows, after)


def _paragraphs(tokens: Sequence[Token]) -> Iterator[str]:
    for before, token in zip(tokens, tokens[1:], strict=False):
        if before.type == "paragraph_open":
            yield token.content.replace("\n", " ")


def _rows(title: str, tokens: Sequence[Token]) -> Iterator[Row]:
    cells = [token.content for token in tokens if token.type == "inline"]
    heads, width = tuple(map(say, HEADS)), len(HEADS)
    if tuple(cells[:width]) != heads:
        expected = say("a table {columns} in the lesson “{title}”", columns=" | ".join(heads), title=title)
        raise BadInput(expected, " | ".join(cells[:width]), say("Name its columns so."))
    for i in range(width, len(cells), width):
        minutes, page, what, ask = cells[i : i + width]
        yield Row(minutes, "" if page == "—" else page, what, ask)
