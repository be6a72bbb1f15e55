"""Open rooms, kept in one small database so that a restart loses none; what is in them is a tally.

No names: a phone is a random token, of which a hash is kept while the room is open. Nothing of bets leaves
this file but counts, and none for fewer than `LEAST` phones. When a room closes or expires, all of it is
overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlleak_core import disk
from mlleak_core.classroom import own
from mlleak_core.classroom.questions import Item, lesson, slots, slots_of
from mlleak_core.contract import BadInput
from mlleak_core.language import ENGLISH, mark, say, spoken
from mlleak_core.threat import Asked

LEAST = 3
"""Nothing is shown for fewer phones."""
PHONES = 60
"""In a room."""
ROOMS = 50
"""On a server."""
SECONDS = 8 * 3600.0
"""After which a room closes by itself."""
LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"
"""Of a code: none that looks like another, no vowels, so that no words come about."""
LENGTH = 6
ROOM = (
    "SELECT step, own_pace, version, expires, coalesce(spoken.language, ?) "
    "FROM rooms LEFT JOIN spoken USING (code) WHERE code = ?"
)
COLUMNS = (
    mark("step"),
    mark("question"),
    mark("answer"),
    mark("bets"),
    mark("phones"),
    mark("right"),
)
"""Of the table of results."""
SCHEMA = (Path(__file__).parent / "rooms.sql").read_text(encoding="utf-8")


class NoRoom(BadInput):
    """No open room has this code."""

    def __init__(self, code: str) -> None:
        shown = repr(code) if tidy(code) and len(code) < 20 else say("another one")
        super().__init__(
            say("the code of an open room"),
            say("{code}, which is wrong, closed or expired", code=shown),
            say("Ask for today's code."),
        )


class Full(BadInput):
    """There is no more room."""


class Late(BadInput):
    """A bet that cannot count any more."""


class NotTheTeacher(BadInput):
    """Somebody without the teacher's key."""

    def __init__(self) -> None:
        super().__init__(
            say("the teacher's link of this room"),
            say("another one"),
            say("Ask who opened the room for the link, or open a room of your own."),
        )


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where a class stands. version grows with every change that phones have to see; expires: Unix time;
    language: in which the teacher opened it.
    """

    code: str
    step: int
    own_pace: bool
    revealed: frozenset[int]
    version: int
    expires: float
    language: str = ENGLISH


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Phones that joined and that locked; counts: of each bar, None for fewer than LEAST locked."""

    joined: int
    locked: int
    counts: tuple[int, ...] | None


def home() -> Path:
    """Where the rooms of this machine are kept."""
    return disk.cache_home() / "classroom" / "rooms.sqlite"


def tidy(code: str) -> str:
    """A code as it is kept, however it was typed; empty where it cannot be one."""
    plain = "".join(code[:40].upper().split()).replace("-", "")
    return plain if len(plain) == LENGTH and set(plain) <= set(LETTERS) else ""


class Rooms:
    """All rooms of a server. For several threads and processes at once; every call is one transaction.

    Methods raise NoRoom for a code that is not open, and BadInput where the database cannot be used.
    """

    def __init__(
        self, path: Path, steps: Sequence[Item] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.path, self.clock = path, clock
        self._steps = None if steps is None else tuple(steps)
        self._lock = threading.Lock()
        with _said():
            self._db = disk.database(path)
            self._db.executescript(SCHEMA)

    @property
    def steps(self) -> tuple[Item, ...]:
        """The lesson, in the language that is spoken."""
        return lesson() if self._steps is None else self._steps

    def close_all(self) -> None:
        """Let go of the database; the rooms stay open."""
        with self._lock:
            self._db.close()

    # What anybody may.

    def open(self) -> tuple[str, str]:
        """A new room, in the language that is spoken: its code, and the teacher's key, which is kept nowhere.
        Raises Full.
        """
        key, code = secrets.token_urlsafe(16), "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        with self._work() as db:
            if db.execute("SELECT count(*) FROM rooms").fetchone()[0] >= ROOMS:
                raise Full(
                    say("at most {rooms} open rooms", rooms=ROOMS),
                    say("one more"),
                    say("Close a room, or wait until one expires."),
                )
            row = (code, _hash(code, key), self.clock() + SECONDS)
            db.execute("INSERT INTO rooms (code, key, expires) VALUES (?, ?, ?)", row)
            db.execute("INSERT INTO spoken VALUES (?, ?)", (code, spoken()))
        return code, key

    def room(self, code: str) -> Room:
        """Where the class stands."""
        with self._work(code) as db:
            return _room(db, tidy(code))

    def join(self, code: str, token: str) -> None:
        """Let a phone in; one that is in already stays. Raises Full."""
        with self._work(code) as db:
            code, phone = tidy(code), _hash(tidy(code), token)
            if _joined(db, code, phone):
                return
            if _count(db, code) >= PHONES:
                raise Full(
                    say("at most {phones} phones in a room", phones=PHONES),
                    say("one more"),
                    say("Look on with a neighbour."),
                )
            db.execute("INSERT INTO phones VALUES (?, ?)", (code, phone))

    def knows(self, code: str, token: str) -> bool:
        """Whether this phone has joined."""
        with self._work(code) as db:
            return _joined(db, tidy(code), _hash(tidy(code), token))

    def mine(self, code: str, step: int, token: str) -> tuple[int, ...] | None:
        """What this phone has locked, for itself alone; None before."""
        with self._work(code) as db:
            return _locked(db, tidy(code), step, _hash(tidy(code), token))

    def lock(self, code: str, step: int, token: str, picks: Sequence[int]) -> None:
        """Lock a bet. Raises Late where one is locked already, or the class is elsewhere."""
        with self._work(code) as db:
            code, phone = tidy(code), _hash(tidy(code), token)
            room = _room(db, code)
            if not _joined(db, code, phone):
                raise Late(
                    say("a phone that has joined"), say("one that has not"), say("Join with the code first.")
                )
            if _locked(db, code, step, phone) is not None:
                raise Late(say("one bet on a question"), say("a second one"), say("Your first one stands."))
            if step != room.step and not room.own_pace:
                raise Late(
                    say("a bet on the present question"),
                    say("one on another"),
                    say("This bet does not count."),
                )
            if step in room.revealed:
                raise Late(
                    say("a bet before the reveal"), say("one after it"), say("Wait for the next question.")
                )
            db.execute("INSERT INTO bets VALUES (?, ?, ?, ?)", (code, step, phone, json.dumps(list(picks))))

    def tally(self, code: str, step: int) -> Tally:
        """How the class has bet."""
        with self._work(code) as db:
            return self._tally(db, tidy(code), step)

    def _tally(self, db: sqlite3.Connection, code: str, step: int) -> Tally:
        found, joined = _bets(db, code, step), _count(db, code)
        if len(found) < LEAST:
            return Tally(joined=joined, locked=len(found), counts=None)
        return Tally(
            joined=joined, locked=len(found), counts=tuple(self._matrix(step, found).sum(0).tolist())
        )

    def _matrix(self, step: int, found: Sequence[Sequence[int]]) -> own.Bets:
        question = self.steps[step].question
        return own.as_bets([slots_of(question, picks) for picks in found], len(slots(question)))

    # What the teacher may: each raises NotTheTeacher for another key.

    def check(self, code: str, key: str) -> Room:
        """Where the class stands, for who holds the key."""
        with self._led(code, key) as (db, name):
            return _room(db, name)

    def turn(self, code: str, key: str, step: int) -> None:
        """Go to a step; the one after the last is the class's own histogram."""
        with self._led(code, key) as (db, name):
            step = min(max(step, 0), len(self.steps))
            db.execute("UPDATE rooms SET step = ?, version = version + 1 WHERE code = ?", (step, name))

    def pace(self, code: str, key: str, own_pace: bool) -> None:
        """Let everybody go through the questions alone, or call them together again."""
        with self._led(code, key) as (db, name):
            row = (own_pace, name)
            db.execute("UPDATE rooms SET own_pace = ?, version = version + 1 WHERE code = ?", row)

    def reveal(self, code: str, key: str, step: int) -> None:
        """Show the answer; no bet counts after it."""
        with self._led(code, key) as (db, name):
            db.execute("INSERT OR IGNORE INTO revealed VALUES (?, ?)", (name, step))
            _changed(db, name)

    def reset(self, code: str, key: str, step: int) -> None:
        """Forget the bets of a step, so that it can be bet on again."""
        with self._led(code, key) as (db, name):
            db.execute("DELETE FROM revealed WHERE code = ? AND step = ?", (name, step))
            db.execute("DELETE FROM bets WHERE code = ? AND step = ?", (name, step))
            _changed(db, name)

    def close(self, code: str, key: str) -> None:
        """Close a room and overwrite all that was in it."""
        with self._led(code, key) as (db, name):
            db.execute("DELETE FROM rooms WHERE code = ?", (name,))
        self._wipe()

    def leak(self, code: str, key: str, step: int, epsilon: float) -> own.Leak | None:
        """The attack on the class's own histogram; None where the bars before one phone would be of fewer
        than LEAST.
        """
        with self._led(code, key) as (db, name):
            found = _bets(db, name, step)
        if len(found) <= LEAST:
            return None
        return own.leak(self.steps[step].question, self._matrix(step, found), epsilon)

    def published(self, code: str, key: str, step: int, epsilon: float) -> tuple[int, ...] | None:
        """A step's counts with noise, as they could have been shown; the same noise whenever it is asked for,
        so that asking often takes none of it away. None for fewer than LEAST.
        """
        with self._led(code, key) as (db, name):
            tally = self._tally(db, name, step)
        if tally.counts is None:
            return None
        dice = np.random.default_rng(list(_hash(name, f"{key}:{step}:{epsilon}:{tally.counts}").encode()))
        scale = own.scale_of(self.steps[step].question)
        noisy = np.asarray(tally.counts) + own.noise(dice, epsilon, scale, len(tally.counts))
        return tuple(np.maximum(noisy, 0).tolist())

    def rows(self, code: str, key: str) -> list[dict[str, Any]]:
        """The class's results, a row a bar, without persons; the answers of what is revealed."""
        with self._led(code, key) as (db, name):
            room = _room(db, name)
            tallies = [self._tally(db, name, step) for step in range(len(self.steps))]
        return [
            row
            for step, tally in enumerate(tallies)
            for row in _result(self.steps[step], tally, step in room.revealed)
        ]

    # How it is kept.

    def purge(self) -> None:
        """Overwrite rooms that have expired, and what the database's log still has of others."""
        with self._lock, _said():
            self._expire()
        self._wipe()

    def _expire(self) -> None:
        old = (self.clock(),)
        if self._db.execute("SELECT 1 FROM rooms WHERE expires <= ?", old).fetchone():
            self._db.execute("DELETE FROM rooms WHERE expires <= ?", old)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def _work(self, code: str | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction among rooms that are open now; of the room `code`, where one is named."""
        with self._lock, _said():
            self._expire()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if code is not None and _room_row(self._db, tidy(code)) is None:
                    raise NoRoom(code)
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _led(self, code: str, key: str) -> Iterator[tuple[sqlite3.Connection, str]]:
        with self._work(code) as db:
            name = tidy(code)
            kept = db.execute("SELECT key FROM rooms WHERE code = ?", (name,)).fetchone()[0]
            if not hmac.compare_digest(kept, _hash(name, key)):
                raise NotTheTeacher
            yield db, name

    def _wipe(self) -> None:
        """What was deleted leaves the log of the database, too."""
        with self._lock, _said():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """What the database refuses, in a sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        remedy = say("Free some space, or set MLLEAK_CACHE_HOME to a folder that can be written.")
        raise BadInput(say("a cache folder in which rooms can be kept"), str(error), remedy) from error


def _hash(code: str, secret: str) -> str:
    """Of a key or a phone; another one in every room."""
    return hashlib.sha256(f"{code}:{secret}".encode()).hexdigest()


def _room_row(db: sqlite3.Connection, code: str) -> tuple[Any, ...] | None:
    return db.execute(ROOM, (ENGLISH, code)).fetchone()  # type: ignore[no-any-return]


def _room(db: sqlite3.Connection, code: str) -> Room:
    row = _room_row(db, code)
    assert row is not None
    shown = db.execute("SELECT step FROM revealed WHERE code = ?", (code,))
    return Room(
        code=code,
        step=row[0],
        own_pace=bool(row[1]),
        revealed=frozenset(step for (step,) in shown),
        version=row[2],
        expires=row[3],
        language=row[4],
    )


def _changed(db: sqlite3.Connection, code: str) -> None:
    db.execute("UPDATE rooms SET version = version + 1 WHERE code = ?", (code,))


def _count(db: sqlite3.Connection, code: str) -> int:
    return int(db.execute("SELECT count(*) FROM phones WHERE code = ?", (code,)).fetchone()[0])


def _joined(db: sqlite3.Connection, code: str, phone: str) -> bool:
    there = db.execute("SELECT 1 FROM phones WHERE code = ? AND phone = ?", (code, phone))
    return there.fetchone() is not None


def _locked(db: sqlite3.Connection, code: str, step: int, phone: str) -> tuple[int, ...] | None:
    wanted = "SELECT picks FROM bets WHERE code = ? AND step = ? AND phone = ?"
    row = db.execute(wanted, (code, step, phone)).fetchone()
    return None if row is None else tuple(json.loads(row[0]))


def _bets(db: sqlite3.Connection, code: str, step: int) -> list[list[int]]:
    """All bets on a step, in no order that tells whose they are."""
    rows = db.execute("SELECT picks FROM bets WHERE code = ? AND step = ? ORDER BY picks", (code, step))
    return [json.loads(picks) for (picks,) in rows]


def _result(item: Item, tally: Tally, revealed: bool) -> list[dict[str, Any]]:
    """A step's rows of the table."""
    question, right = item.question, set(slots_of(item.question, item.truth().right)) if revealed else None
    if tally.counts is None:
        return [_row(item, say("fewer than {least} phones", least=LEAST), "", "", "")]
    faces = question.kind is Asked.MANY and question.pictures
    return [
        _row(
            item,
            say("face {name}", name=name) if faces else name,
            count,
            tally.locked,
            "" if right is None else say("yes") if place in right else say("no"),
        )
        for place, (name, count) in enumerate(zip(slots(question), tally.counts, strict=True))
    ]


def _row(item: Item, *cells: Any) -> dict[str, Any]:
    return dict(zip(COLUMNS, (item.key, item.question.title, *cells), strict=True))
