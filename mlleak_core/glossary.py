"""The words that pages explain, read from docs/glossary.md: pages and documentation cannot disagree."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from mlleak_core import installed

FILE = installed.app_home() / "docs" / "glossary.md"
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


@functools.cache
def terms() -> tuple[Term, ...]:
    """All entries, in the list's order."""
    found = ENTRY.finditer(FILE.read_text(encoding="utf-8"))
    others = lambda m: tuple(filter(None, (m["others"] or "").split(", ")))  # noqa: E731
    return tuple(Term(m["name"], others(m), m["says"]) for m in found)


@functools.cache
def pattern() -> re.Pattern[str]:
    """Any spelling of any term, as a word of its own; the longest first."""
    spellings = sorted((s for term in terms() for s in term.spellings), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, spellings))})(?![\w-])")


def term_of(spelling: str) -> Term:
    """The entry of a spelling.

    Raises KeyError for one that is in no entry.
    """
    return _by_spelling()[spelling]


@functools.cache
def _by_spelling() -> dict[str, Term]:
    return {spelling: term for term in terms() for spelling in term.spellings}
