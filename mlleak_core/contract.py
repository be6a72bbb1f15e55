"""The contract that core, pages, command line and tests share. Light to import: the standard library alone.

A long computation is a generator of `Step`s that returns its result; settings are frozen dataclasses whose
annotated fields are at once validated values, controls on a page, options of the command line and cache keys.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from mlleak_core.language import mark, say

T = TypeVar("T")
BETWEEN = mark("{name} between {low:g} and {high:g}")


class BadInput(ValueError):
    """What a person brought cannot be used: says what was expected, what came, and the remedy."""

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        super().__init__(
            say("Expected {expected}; got {got}. {remedy}", expected=expected, got=got, remedy=remedy)
        )
        self.expected, self.got, self.remedy = expected, got, remedy


class Diverged(RuntimeError):
    """Training left the finite numbers."""


class Stop(Exception):
    """Thrown into a running generator that should wind up and return what it has."""


@dataclass(frozen=True)
class Step:
    """One step of progress: `done` of `total` units, a `note` in words, and a small payload for a live
    picture.
    """

    done: int
    total: int
    note: str
    peek: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval and the number of observations behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Range:
    """Allowed values of a number, both ends included."""

    lo: float
    hi: float
    step: float
    help: str


@dataclass(frozen=True)
class Choice:
    """Allowed values of a string."""

    options: tuple[str, ...]
    help: str


@dataclass(frozen=True, init=False)
class When:
    """A knob applies only while the field `name` holds one of `values`; a callable among them is asked.

    Elsewhere the knob is at its default: it is in no key and no comparison, grey on a page, refused by the
    command line.
    """

    name: str
    values: tuple[Any, ...]

    def __init__(self, name: str, *values: Any) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "values", values)

    def holds(self, value: Any) -> bool:
        """Whether the knob applies beside this value of the other field."""
        return any(v(value) if callable(v) else v == value for v in self.values)


@dataclass(frozen=True)
class Knob:
    """A settings field that is also a control."""

    name: str
    kind: type
    default: Any
    rule: Range | Choice | str
    when: tuple[When, ...] = ()

    @property
    def help(self) -> str:
        return self.rule if isinstance(self.rule, str) else self.rule.help

    def check(self, value: Any) -> None:
        """Raise `BadInput` unless `value` is of the knob's kind and within its rule."""
        kinds: tuple[type, ...] = (int, float) if self.kind is float else (self.kind,)
        if not isinstance(value, kinds) or (self.kind is not bool and isinstance(value, bool)):
            expected = say("{name} to be {kind}", name=self.name, kind=self.kind.__name__)
            raise BadInput(expected, repr(value), say("Give a value of that type."))
        if isinstance(self.rule, Range) and not self.rule.lo <= cast(float, value) <= self.rule.hi:
            between = say(BETWEEN, name=self.name, low=self.rule.lo, high=self.rule.hi)
            raise BadInput(between, f"{value!r}", say("Choose a value in that range."))
        if isinstance(self.rule, Choice) and value not in self.rule.options:
            one_of = say("{name} to be one of {known}", name=self.name, known=", ".join(self.rule.options))
            raise BadInput(one_of, repr(value), say("Choose one of these."))


def knobs(settings: type) -> tuple[Knob, ...]:
    """The controls of a frozen settings dataclass, in field order."""
    return _knobs(cast(Any, settings))


@functools.cache
def _knobs(settings: Any) -> tuple[Knob, ...]:
    hints = get_type_hints(settings, include_extras=True)
    found = []
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        if get_origin(hint) is Annotated:
            kind, rule, *when = get_args(hint)
            found.append(Knob(field.name, kind, field.default, rule, tuple(when)))
    return tuple(found)


class Settings:
    """Base of frozen settings: checked on construction; hash, compare, print; key, address and command line.

    A knob that does not apply is set back to its default, so that equal work has equal settings.
    """

    def __post_init__(self) -> None:
        for knob in knobs(type(self)):
            knob.check(getattr(self, knob.name))
        for knob in knobs(type(self)):
            if not self.applies(knob):
                object.__setattr__(self, knob.name, knob.default)

    def applies(self, knob: Knob) -> bool:
        """Whether the knob means anything beside the other values."""
        return all(when.holds(getattr(self, when.name)) for when in knob.when)

    def as_dict(self) -> dict[str, Any]:
        """What applies, name to value: as it stands in keys and reports."""
        idle = {knob.name for knob in knobs(type(self)) if not self.applies(knob)}
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {name: value for name, value in values.items() if name not in idle}


def fingerprint(*parts: Any) -> str:
    """Sixteen hex digits that name everything which can change an answer. Parts must be JSON-serialisable."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=lambda o: o.as_dict())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_aside = threading.local()


def now() -> float:
    """Seconds on this thread's clock, which stands still while a paused job is set aside; for what reports
    say of their time.
    """
    return time.perf_counter() - float(getattr(_aside, "seconds", 0.0))


def stood_still(seconds: float) -> None:
    """Set how long the work that this thread goes on with has been set aside in all."""
    _aside.seconds = seconds


def ignore(_: Step) -> None:
    """A step listener that listens to nothing."""


def drain(run: Generator[Step, None, T], on_step: Callable[[Step], None] = ignore) -> T:
    """Run a generator of steps to its end and return its result."""
    while True:
        try:
            on_step(next(run))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def relay(run: Generator[Step, None, T], change: Callable[[Step], Step]) -> Generator[Step, None, T]:
    """Pass a run's steps on, each as `change` makes it. `Stop` thrown in reaches the run; its result is
    returned.
    """
    try:
        step = next(run)
        while True:
            try:
                yield change(step)
            except Stop:
                step = run.throw(Stop())
            else:
                step = next(run)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        run.close()
