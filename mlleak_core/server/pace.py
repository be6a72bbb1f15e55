"""How long a run will still take: its own pace, laid along the course of a like run that ended here before.

A course is the seconds that each stage took, a stage being what a step's note says without its numbers.
Light to import.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cattrs

from mlleak_core import disk
from mlleak_core.contract import Settings, Step
from mlleak_core.data import source

NUMBER = re.compile(r"\d[\d.,]*")
KEPT = 12
"""Courses of a kind that are remembered."""
SOONEST, LATEST = 0.7, 1.5
"""The range that is said, as shares of what is reckoned; benchmarks/pace.py asks how often it holds."""
SLACK = 2.0
"""Seconds that may always be added: writing down, the first look at a result."""
TRUST = 3.0
"""Seconds for which the other run's pace counts like this one's own."""


@dataclass(frozen=True)
class Stage:
    """What one stage took. steps: how many were reported; total: how many the last of them had announced."""

    name: str
    seconds: float
    steps: int
    total: int


@dataclass(frozen=True)
class Course:
    """A run that ended: what was asked, and its stages in order."""

    asked: Mapping[str, Any]
    stages: tuple[Stage, ...]


@dataclass
class Pace:
    """One run's way so far. known: a like run's course, if there is one; keep: takes this one's when it
    ends.
    """

    known: Course | None = None
    keep: Callable[[tuple[Stage, ...]], None] | None = None
    _seen: dict[str, Stage] = field(default_factory=dict)
    _now: str = ""
    _share: float = 0.0
    _at: float = 0.0

    def note(self, step: Step, seconds: float) -> None:
        """Take in a step, reported `seconds` after the run began."""
        name = NUMBER.sub("#", step.note)
        last = self._seen.get(name, Stage(name, 0.0, 0, 0))
        spent = last.seconds + max(seconds - self._at, 0.0)
        self._seen[name] = Stage(name, spent, last.steps + 1, step.total)
        self._share = min(step.done / step.total, 1.0) if step.total > 0 else 0.0
        self._now = name
        self._at = seconds

    def left(self) -> tuple[float, float] | None:
        """Seconds to the end of the whole run, at soonest and at latest; None where nothing like it is
        known.
        """
        if self.known is None or (self._now not in self._ahead() and not self._share):
            return None
        speed = self._speed()
        rest = self._news() + sum(self._rest(stage, speed) for stage in self._ahead().values())
        return SOONEST * rest, LATEST * rest + SLACK

    def _news(self) -> float:
        """Seconds that the present stage still needs, if the other run had none such."""
        if self._now in self._ahead():
            return 0.0
        return self._seen[self._now].seconds * (1 - self._share) / self._share

    def ended(self) -> None:
        """The run came to its end: its course may serve the next."""
        if self.keep and self._seen:
            self.keep(tuple(self._seen.values()))

    def _ahead(self) -> dict[str, Stage]:
        """The known course's stages by name; what was passed over before the present one does not come
        again.
        """
        assert self.known is not None
        names = [stage.name for stage in self.known.stages]
        furthest = max((names.index(name) for name in self._seen if name in names), default=-1)
        return {s.name: s for at, s in enumerate(self.known.stages) if at > furthest or s.name in self._seen}

    def _speed(self) -> float:
        """How many times as long this run takes, over the stages that both have been through."""
        both = [(own, known) for name, known in self._ahead().items() if (own := self._seen.get(name))]
        spent = sum(mine.seconds for mine, _ in both)
        usual = sum(known.seconds * mine.steps / max(known.steps, 1) for mine, known in both)
        return (spent + TRUST) / (usual + TRUST)

    def _rest(self, known: Stage, speed: float) -> float:
        """Seconds that a stage of the known course still needs here."""
        own = self._seen.get(known.name)
        if own is None:
            return known.seconds * speed
        missing = max(_expected(known, own) - own.steps, 0.0)
        if known.name == self._now and own.steps == 1:
            return known.seconds * speed * (1 - self._share)
        return missing * known.seconds / max(known.steps, 1) * speed


def _expected(known: Stage, own: Stage) -> float:
    """How many steps a stage will have, if it announces another total than it did then."""
    return max(known.steps * (own.total / known.total if known.total and own.total else 1.0), 1.0)


class Courses:
    """What is remembered of earlier runs on this machine, else of those that came with the program."""

    def __init__(self, shipped: Path) -> None:
        self._shipped = shipped
        self._lock = threading.Lock()

    def pace(self, kind: str, settings: Any) -> Pace:
        """A pace for a run that begins, beside the most alike that ended; of an upload nothing is kept."""
        asked = wishes(settings)
        known = [*self._kept(kind), *self._came().get(kind, ())]
        alike = max(known, key=lambda course: _alike(course.asked, asked), default=None)
        if source.is_private(str(getattr(settings, "data", ""))):
            return Pace(alike)
        return Pace(alike, lambda stages: self._keep(kind, Course(asked, stages)))

    def ship(self, kinds: Sequence[str]) -> None:
        """Write what is remembered where the next machine's first run looks for it. Raises OSError."""
        came = {**self._came(), **{kind: kept for kind in kinds if (kept := self._kept(kind))}}
        disk.write_json(self._shipped, cattrs.unstructure(came))

    @functools.lru_cache(maxsize=1)  # noqa: B019  one object a process
    def _came(self) -> dict[str, list[Course]]:
        try:
            return cattrs.structure(disk.read_json(self._shipped), dict[str, list[Course]])
        except (*disk.DAMAGE, cattrs.BaseValidationError):
            return {}

    def _kept(self, kind: str) -> list[Course]:
        try:
            return cattrs.structure(disk.read_json(_file(kind)), list[Course])
        except (*disk.DAMAGE, cattrs.BaseValidationError):
            return []

    def _keep(self, kind: str, course: Course) -> None:
        """Write it down, newest first; where that is refused nothing but the guess is lost."""
        with self._lock:
            kept = self._kept(kind)
            before = next((known for known in kept if known.asked == course.asked), course)
            if {stage.name for stage in course.stages} < {stage.name for stage in before.stages}:
                return  # much of it was there already
            others = [known for known in kept if known.asked != course.asked]
            try:
                _file(kind).parent.mkdir(parents=True, exist_ok=True)
                disk.write_json(_file(kind), cattrs.unstructure([course, *others][:KEPT]))
            except OSError:
                return


def wishes(settings: Any) -> dict[str, Any]:
    """What was asked for, without the names of anybody's files."""
    asked = settings.as_dict() if isinstance(settings, Settings) else {}
    plain = {k: v for k, v in asked.items() if isinstance(v, (str, int, float, bool))}
    if "data" in plain:
        plain["data"] = str(plain["data"]).partition(":")[0]
    return {k: v for k, v in plain.items() if k != "seed"}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How many wishes agree; the data counts for three."""
    same: Sequence[str] = [k for k in other if one.get(k) == other[k]]
    return len(same) + 2 * ("data" in same)


def _file(kind: str) -> Path:
    return disk.cache_home() / "pace" / f"{kind}.json"
