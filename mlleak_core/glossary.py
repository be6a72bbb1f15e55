"""The words that pages explain, read from docs/glossary.md: pages and documentation cannot disagree. A list
for each language, docs/glossary.CODE.md; what is asked for is in the language of who looks.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from mlleak_core import installed
from mlleak_core.language import spoken

DOCS = installed.app_home() / "docs"
ENTRY = re.compile(r"^\* \*\*(?P<name>[^*]+)\*\*(?: \((?P<others>[^)]+)\))?: (?P<says>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Term:
    """name: as the list has it; others: further spellings; says: one sentence without its name."""

    name: str
    others: tuple[str, ...]
    says: str

    @property
    def spellings(self) -> tuple[str, ...]:
        return (self.name, *self.others)


def terms() -> tuple[Term, ...]:
    """All entries, in the list's order."""
    return _terms(spoken())


def pattern() -> re.Pattern[str]:
    """Any spelling of any term, as a word of its own; the longest first."""
    return _pattern(spoken())


def term_of(spelling: str) -> Term:
    """The entry of a spelling.

    Raises KeyError for one that is in no entry.
    """
    return _by_spelling(spoken())[spelling]


@functools.cache
def _terms(language: str) -> tuple[Term, ...]:
    file = DOCS / f"glossary.{language}.md"
    text = (file if file.is_file() else DOCS / "glossary.md").read_text(encoding="utf-8")
    others = lambda m: tuple(filter(None, (m["others"] or "").split(", ")))  # noqa: E731
    return tuple(Term(m["name"], others(m), m["says"]) for m in ENTRY.finditer(text))


@functools.cache
def _pattern(language: str) -> re.Pattern[str]:
    spellings = sorted((s for term in _terms(language) for s in term.spellings), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, spellings))})(?![\w-])")


@functools.cache
def _by_spelling(language: str) -> dict[str, Term]:
    return {spelling: term for term in _terms(language) for spelling in term.spellings}
