"""Texts and who wrote them: reviews from any table with a text, a label and other columns."""

from __future__ import annotations

import functools
import gzip
import zlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput, Step
from mlleak_core.data.faces import Labels, Provenance
from mlleak_core.data.tables import MOST_BYTES, Table, read_table
from mlleak_core.language import mark, say

TEXT, TASK = ("text", "review"), ("label", "sentiment", "rating", "stars")
AUTHOR = "author"
LEAST, MOST_TEXTS, MOST_WORDS = 60, 20_000, 2000
MENTIONS = 3
"""A column is left out whose values occur less often on average: it numbers the texts."""
FEW_AUTHORS = 12
"""With fewer, people cannot be dealt out: texts are."""
CJK = r"぀-ヿ㐀-鿿가-힯"
TOKEN = rf"[{CJK}]|[^\W\d_{CJK}]{{2,}}"
"""A word: two letters or more, or one sign of a script that sets no blanks between words."""
OWN = Provenance(
    title=mark("Your own reviews"),
    origin=mark("Supplied by you; they stay on this machine."),
    terms=mark("Yours to know."),
    labels_are=mark("What your columns say."),
    labels_are_not=mark("More than that."),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Texts:
    """A set of texts.

    words [n, v] bool: which of the vocabulary occur in each; person [n] indexes `people`: authors where there
    are enough of them, else every text is its own; task is binary and never UNKNOWN; attributes: the other
    columns, one class a value.
    """

    name: str
    documents: tuple[str, ...]
    words: NDArray[np.bool_]
    vocabulary: tuple[str, ...]
    person: NDArray[np.int64]
    people: tuple[str, ...]
    task: Labels
    attributes: tuple[Labels, ...]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every yes/no question there is, as "column:value", the most frequent value of a column first."""
        return tuple(
            f"{a.name}:{a.classes[i]}" for a in self.attributes for i in np.bincount(a.codes).argsort()[::-1]
        )

    def target(self, name: str) -> NDArray[np.int8]:
        """Whose column has that value [n], 1 or 0; case does not matter. Raises BadInput."""
        column, _, value = name.partition(":")
        for labels in self.attributes:
            low = [known.lower() for known in labels.classes]
            if labels.name.lower() == column.lower() and value.lower() in low:
                return (labels.codes == low.index(value.lower())).astype(np.int8)
        known = ", ".join(self._examples()) or say("none, since there is no other column")
        raise BadInput(
            say("a column and its value in {name}: {known}", name=say(self.name), known=known),
            repr(name[:80]),
            say("Name one."),
        )

    def _examples(self) -> list[str]:
        firsts = {name.partition(":")[0]: name for name in reversed(self.targets)}
        return [*reversed(firsts.values())][:5]


def collected(
    name: str,
    documents: Sequence[str],
    task: Labels,
    columns: Mapping[str, Sequence[str]],
    provenance: Provenance,
) -> Texts:
    """Texts with a binary task label each and further columns. Raises BadInput where there are no words."""
    words, vocabulary = _occurring(name, documents)
    attributes = tuple(_labels(column, values) for column, values in columns.items())
    author = next((a for a in attributes if a.name == AUTHOR and len(a.classes) >= FEW_AUTHORS), None)
    if author is None:
        person, people = np.arange(len(documents)), tuple(f"text {i + 1}" for i in range(len(documents)))
    else:
        person, people = author.codes.astype(np.int64), author.classes
    return Texts(
        name=name,
        documents=tuple(documents),
        words=words,
        vocabulary=vocabulary,
        person=person,
        people=people,
        task=task,
        attributes=attributes,
        provenance=provenance,
    )


def _occurring(name: str, documents: Sequence[str]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(binary=True, token_pattern=TOKEN, min_df=2, max_features=MOST_WORDS)
    try:
        found = counter.fit_transform(documents)
    except ValueError as error:
        raise BadInput(
            say("words in the texts of {name}", name=say(name)),
            say("none that occurs twice"),
            say("Look at its text."),
        ) from error
    return found.toarray().astype(bool), tuple(counter.get_feature_names_out().tolist())


def _labels(column: str, values: Sequence[str]) -> Labels:
    classes, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
    return Labels(column, tuple(classes.tolist()), codes.astype(np.int16))


def load(path: str) -> Generator[Step, None, Texts]:
    """A CSV with a column `text`, a column `label` (or sentiment, rating, stars: two values, or numbers that
    are cut at their median) and any others, such as `author`. Raises BadInput.
    """
    yield Step(0, 1, say("reading texts"))
    file = disk.given(path)
    if not file.is_file():
        raise BadInput(say("a CSV of texts"), repr(path[:80]), say("Name an existing table."))
    return from_table(read_table(contents(file, MOST_BYTES), file.name, most_bytes=MOST_BYTES), file.name)


def contents(file: Path, most: int) -> bytes:
    """What lies there, compressed by gzip or not, and no more than `most` bytes and one. Raises BadInput."""
    try:
        with file.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as opened:
            return opened.read(most + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(
            say("a whole file in {name}", name=file.name), say("a cut or damaged one"), say("Copy it again.")
        ) from error


def from_table(table: Table, name: str) -> Texts:
    """What `load` reads, of a table that is open."""
    text, task = _column(table, TEXT, name), _column(table, TASK, name)
    filled = [i for i, cell in enumerate(table.column(text)) if cell]
    if not LEAST <= len(filled) <= MOST_TEXTS:
        expected = say(
            "{least} to {most_texts:,} texts in column {text!r} of {name}",
            least=LEAST,
            most_texts=MOST_TEXTS,
            text=text,
            name=name,
        )
        raise BadInput(expected, f"{len(filled):,}", say("Take more, or a sample."))
    rows = [table.rows[i] for i in filled]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(table.columns)}
    documents, answers = columns[text], columns[task]
    others = {}
    for column, cells in columns.items():
        values = [cell or "none" for cell in cells]
        if column not in (text, task) and 2 <= len(set(values)) <= len(filled) // MENTIONS:
            others[column.lower()] = values
    return collected(name, documents, _task(table, task, answers, name), others, OWN)


def _column(table: Table, wanted: Sequence[str], name: str) -> str:
    for column in wanted:
        if table.place(column) >= 0:
            return table.columns[table.place(column)]
    there = ", ".join(table.columns[:8])[:200]
    raise BadInput(
        say("a column {wanted} in {name}", wanted=_either(wanted), name=name),
        there,
        say("Rename the column."),
    )


def _either(names: Sequence[str]) -> str:
    return functools.reduce(lambda a, b: say("{a} or {b}", a=a, b=b), map(repr, names))


def _task(table: Table, column: str, cells: Sequence[str], name: str) -> Labels:
    """Two values as they are, numbers cut at their median. Raises BadInput."""
    classes = sorted(set(cells))
    if len(classes) == 2 and "" not in classes:
        return Labels(column, tuple(classes), np.array([classes.index(c) for c in cells], np.int8))
    try:
        numbers = np.array([table.number(cell) for cell in cells])
    except ValueError:
        numbers = np.full(1, np.nan)
    middle = float(np.median(numbers))
    above = numbers > middle
    if not np.isfinite(numbers).all() or not above.any():
        expected = say("two values, or numbers, in column {column!r} of {name}", column=column, name=name)
        shown = ", ".join(repr(c[:20]) for c in classes[:4])
        raise BadInput(
            expected,
            say("{n} values such as {shown}", n=len(classes), shown=shown),
            say("Leave two of them."),
        )
    return Labels(column, (f"up to {middle:g}", f"above {middle:g}"), above.astype(np.int8))
