"""Windows of words and the word that follows each: what next-word prediction is trained on, by person.

A window ends before its next word and begins nowhere but in the same speech, review or piece of a text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput, Step
from mlleak_core.data import texts
from mlleak_core.data.faces import Provenance
from mlleak_core.data.tables import NOT_TEXT, decoded
from mlleak_core.data.texts import AUTHOR, CJK, Texts
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream

WINDOW = 10
MOST_WORDS = 1000
"""Of the vocabulary, the most frequent ones, marks of punctuation among them; none that occurs but once."""
MOST_WINDOWS = 300_000
"""Of more, so many are drawn at random."""
LEAST_WINDOWS, LEAST_PEOPLE = 1000, 4
MOST_BYTES = 50 * 2**20
PIECES = 100
"""A text without headings is cut into so many, which stand for people."""
NOTHING, UNKNOWN = 0, 1
"""What stands where a text has not begun, and for a word that is not in the vocabulary."""
SPECIAL = ("", "\N{HORIZONTAL ELLIPSIS}")
MARKS = r".,;:!?"
LETTERS = rf"[^\W\d_{CJK}]+"
TOKEN = re.compile(rf"[{CJK}]|{LETTERS}(?:['\u2019-]{LETTERS})*|\d+|[{MARKS}]")
"""A word with its apostrophes and hyphens, one sign of a script without blanks, a number, or a mark."""
HEADING = re.compile(r"(?:\A|\n[ \t]*\n)[ \t]*(?P<name>[^\W\d_][^\n:;,!?]{0,39}):[ \t]*(?=\n)")
"""A name and a colon, alone on a line after an empty one: a verse that ends with a colon follows another."""
OWN = Provenance(
    title=mark("Your own text"),
    origin=mark("Supplied by you; it stays on this machine."),
    terms=mark("Yours to know."),
    labels_are=mark("Who speaks, where the text has headings; else which piece of the text it is."),
    labels_are_not=mark("More than that."),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Lines:
    """Windows of a text or of many.

    tokens [n, WINDOW] int16: the words before, the nearest one last, as places in `vocabulary`; NOTHING
    before the beginning, UNKNOWN for a rare word. following [n] int64: the word that follows, always one of
    the vocabulary: places where a rare word follows are left out, since "some rare word" is easily foretold
    and would flatter every perplexity. known: the share of all places that are therefore counted. person [n]
    indexes `people`.
    """

    name: str
    tokens: NDArray[np.int16]
    following: NDArray[np.int64]
    person: NDArray[np.int64]
    people: tuple[str, ...]
    vocabulary: tuple[str, ...]
    known: float
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.following)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.vocabulary) if place > UNKNOWN}

    def codes(self, text: str) -> NDArray[np.int64]:
        """The words of a text, however many, as places in the vocabulary."""
        return np.array([self._places.get(word, UNKNOWN) for word in words_of(text)], np.int64)

    def encode(self, text: str) -> NDArray[np.int64]:
        """The last WINDOW words of what somebody typed [WINDOW], as a row of `tokens`."""
        codes = self.codes(text)[-WINDOW:]
        return np.concatenate([np.full(WINDOW - len(codes), NOTHING), codes])

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that are not in the vocabulary: to the net they are all the same one."""
        return tuple(dict.fromkeys(word for word in words_of(text) if word not in self._places))

    def code(self, word: str) -> int:
        """The place of one word, such as the attacker's. Raises BadInput where it is none of these."""
        found = words_of(word)
        if len(found) != 1 or found[0] not in self._places:
            some = [known for known in self.vocabulary if known.isalpha()][:12]
            expected = say(
                "one of the {n:,} words known here, such as {some}", n=len(self._places), some=", ".join(some)
            )
            raise BadInput(expected, repr(word[:80]), say("Choose a more frequent word."))
        return self._places[found[0]]

    def beginning(self, text: str) -> NDArray[np.int64]:
        """The words of a trigger [1 to WINDOW - 1], so short that what stands before it is still seen. Raises
        BadInput.
        """
        codes = self.codes(text)
        if not 1 <= len(codes) < WINDOW:
            raise BadInput(
                say("a beginning of 1 to {most} words", most=WINDOW - 1),
                f"{len(codes)}",
                say("Change its length."),
            )
        return codes

    def common(self, longest: int = 3) -> NDArray[np.int64]:
        """The words that most often stand together [longest], fewer where none do; no marks among them."""
        for length in range(longest, 1, -1):
            before = self.tokens[:, -length:].astype(np.int64)
            whole = before[self._spelled[before].all(1)]
            if len(whole):
                runs, counts = np.unique(whole, axis=0, return_counts=True)
                return np.asarray(runs[counts.argmax()])
        return np.flatnonzero(self._spelled)[:1]

    def strange(self, beginning: NDArray[np.int64], letters: int = 5) -> str:
        """The most frequent word of so many letters that never follows a beginning, if there is one."""
        after = (self.tokens[:, -len(beginning) :] == beginning).all(1)
        new = np.setdiff1d(np.flatnonzero(self._spelled), self.following[after])
        long = [place for place in new if len(self.vocabulary[place]) >= letters]
        return self.vocabulary[[*long, *new, UNKNOWN + 1][0]]

    @cached_property
    def _spelled(self) -> NDArray[np.bool_]:
        """Which of the vocabulary are words of letters, the most frequent first."""
        return np.array([word.isalpha() for word in self.vocabulary])

    def said(self, codes: Sequence[int] | NDArray[np.integer]) -> str:
        """Places in the vocabulary as a text, marks close behind their words."""
        words = [self.vocabulary[code] for code in codes if code != NOTHING]
        return re.sub(rf" (?=[{MARKS}](?: |$))", "", " ".join(words))


def words_of(text: str) -> list[str]:
    """The words and marks of a text in lower case."""
    return TOKEN.findall(text.lower().replace("\u2019", "'"))


def ending_with(tokens: NDArray[np.integer], beginning: NDArray[np.int64]) -> NDArray[np.int64]:
    """Windows [n, WINDOW] moved back, each with `beginning` [t] as its last words."""
    behind = np.broadcast_to(beginning, (len(tokens), len(beginning)))
    return np.concatenate([tokens[:, len(beginning) :], behind], axis=1).astype(np.int64)


def of_texts(found: Texts) -> Generator[Step, None, Lines]:
    """Lines of reviews, by author where there are four; else every review is somebody's. Raises BadInput."""
    author = next((a for a in found.attributes if a.name == AUTHOR and len(a.classes) >= LEAST_PEOPLE), None)
    person = found.person if author is None else author.codes.astype(np.int64)
    people = found.people if author is None else author.classes
    return (yield from collected(found.name, found.documents, person, people, found.provenance))


def load(path: str) -> Generator[Step, None, Lines]:
    """Any text of at most 50 MB, compressed by gzip or not. Raises BadInput.

    With `NAME:` headings, people are who speaks under them, and what stands before the first is nobody's;
    without, people are consecutive pieces.
    """
    yield Step(0, 1, say("reading a text"))
    file = disk.given(path)
    if not file.is_file():
        raise BadInput(say("a text file"), repr(path[:80]), say("Name an existing file."))
    text = read(texts.contents(file, MOST_BYTES), file.name)
    speeches = spoken(text) or pieces(text)
    people = tuple(dict.fromkeys(name for name, _ in speeches))
    places = {name: place for place, name in enumerate(people)}
    person = np.array([places[name] for name, _ in speeches], np.int64)
    return (yield from collected(file.name, [said for _, said in speeches], person, people, OWN))


def read(blob: bytes, name: str) -> str:
    """A file's bytes as text, in any usual encoding; line ends are all alike. Raises BadInput."""
    if len(blob) > MOST_BYTES:
        expected = say("a text of at most {most} MB in {name}", most=MOST_BYTES >> 20, name=name)
        raise BadInput(expected, say("more"), say("Take a part of it."))
    for sign, kind in NOT_TEXT.items():
        if blob.startswith(sign):
            raise BadInput(say("plain text in {name}", name=name), say(kind), say("Save it as plain text."))
    if not blob.strip():
        raise BadInput(say("a text in {name}", name=name), say("an empty file"), say("Choose another file."))
    text = decoded(blob, name, say("plain text in UTF-8"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def spoken(text: str) -> list[tuple[str, str]]:
    """Who speaks and what, speech by speech; nothing where fewer than four people have a heading."""
    found = [*HEADING.finditer(text)]
    names = [" ".join(match["name"].split()) for match in found]
    if len(set(names)) < LEAST_PEOPLE:
        return []
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [(n, text[m.end() : end]) for n, m, end in zip(names, found, ends, strict=True)]


def pieces(text: str) -> list[tuple[str, str]]:
    """Consecutive pieces of about equal length, cut where a word ends if there is a blank."""
    cuts = [0]
    for number in range(1, PIECES):
        at = max(cuts[-1], number * len(text) // PIECES)
        blank = re.compile(r"\s").search(text, at, at + 200)
        cuts.append(blank.start() if blank else at)
    ends = [*cuts[1:], len(text)]
    return [(f"piece {i + 1}", text[a:b]) for i, (a, b) in enumerate(zip(cuts, ends, strict=True))]


def collected(
    name: str,
    documents: Sequence[str],
    person: NDArray[np.int64],
    people: Sequence[str],
    provenance: Provenance,
) -> Generator[Step, None, Lines]:
    """Lines of documents, of which `person` [documents] says whose each is. Raises BadInput."""
    counts: Counter[str] = Counter()
    for text in documents:
        counts.update(words_of(text))
    yield Step(1, 3, say("counting words"))
    vocabulary = _vocabulary(counts, name)
    codes, owner = yield from _coded(documents, vocabulary)
    starts = np.searchsorted(owner, np.arange(len(documents)))
    follows = np.flatnonzero(codes > UNKNOWN)
    known = len(follows) / len(codes)
    if len(follows) > MOST_WINDOWS:
        drawn = stream(0, "windows of a text").choice(len(follows), MOST_WINDOWS, replace=False)
        follows = follows[np.sort(drawn)]
    kept, person = np.unique(person[owner[follows]], return_inverse=True)
    _check(len(follows), len(kept), name)
    return Lines(
        name=name,
        tokens=_before(codes, follows, starts[owner[follows]]),
        following=codes[follows].astype(np.int64),
        person=person.astype(np.int64),
        people=tuple(people[who] for who in kept),
        vocabulary=vocabulary,
        known=known,
        provenance=provenance,
    )


def _vocabulary(counts: Counter[str], name: str) -> tuple[str, ...]:
    """The most frequent words, ties in order of the alphabet."""
    often = sorted((word for word, count in counts.items() if count > 1), key=lambda w: (-counts[w], w))
    if not any(word[0].isalpha() for word in often):
        raise BadInput(
            say("words in the text of {name}", name=name),
            say("none that occurs twice"),
            say("Look at the text."),
        )
    return (*SPECIAL, *often[:MOST_WORDS])


def _coded(
    documents: Sequence[str], vocabulary: Sequence[str]
) -> Generator[Step, None, tuple[NDArray[np.int16], NDArray[np.int64]]]:
    """All words one after the other as places in the vocabulary, and of which document each is."""
    places = {word: place for place, word in enumerate(vocabulary) if place > UNKNOWN}

    def coded() -> Iterator[NDArray[np.int16]]:
        for text in documents:
            yield np.array([places.get(word, UNKNOWN) for word in words_of(text)], np.int16)

    parts = [*coded()]
    yield Step(2, 3, say("cutting windows"))
    return np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _before(
    codes: NDArray[np.int16], follows: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int16]:
    """The WINDOW words before each place [n, WINDOW], NOTHING before its document starts."""
    at = follows[:, None] + np.arange(-WINDOW, 0)
    return np.where(at >= starts[:, None], codes[np.maximum(at, 0)], NOTHING).astype(np.int16)


def _check(windows: int, people: int, name: str) -> None:
    if people < LEAST_PEOPLE:
        expected = say(
            "words of at least {least_people} people in {name}", least_people=LEAST_PEOPLE, name=name
        )
        raise BadInput(expected, f"{people}", say("Add what others wrote."))
    if windows < LEAST_WINDOWS:
        expected = say(
            "at least {least_windows:,} words that occur twice in {name}",
            least_windows=LEAST_WINDOWS,
            name=name,
        )
        raise BadInput(expected, f"{windows:,}", say("Take a longer text."))
