"""The contract that core, pages, command line and tests share.

A long computation is a generator of `Step`s that returns its result; settings are frozen dataclasses whose
annotated fields are at once validated values, controls on a page, options of the command line and cache keys.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import pkgutil
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class BadInput(ValueError):
    """What a person brought cannot be used: says what was expected, what came, and the remedy."""

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"Expected {expected}; got {got}. {remedy}")
        self.expected, self.got, self.remedy = expected, got, remedy


class Diverged(RuntimeError):
    """Training left the finite numbers."""


class Stop(Exception):
    """Thrown into a running generator that should wind up and return what it has."""


@dataclass(frozen=True)
class Step:
    """One step of progress: `done` of `total` units, a `note` in words, and a small payload for a live picture."""

    done: int
    total: int
    note: str
    peek: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Card:
    """What the sidebar, the command line and the docs say of a threat."""

    slug: str
    order: int
    title: str
    icon: str
    question: str
    papers: tuple[str, ...]


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


@dataclass(frozen=True)
class Knob:
    """A settings field that is also a control."""

    name: str
    kind: type
    default: Any
    rule: Range | Choice | str

    @property
    def help(self) -> str:
        return self.rule if isinstance(self.rule, str) else self.rule.help

    def check(self, value: Any) -> None:
        """Raise `BadInput` unless `value` is of the knob's kind and within its rule."""
        kinds: tuple[type, ...] = (int, float) if self.kind is float else (self.kind,)
        if not isinstance(value, kinds) or (self.kind is not bool and isinstance(value, bool)):
            raise BadInput(f"{self.name} to be {self.kind.__name__}", repr(value), "Give a value of that type.")
        if isinstance(self.rule, Range) and not self.rule.lo <= cast(float, value) <= self.rule.hi:
            raise BadInput(
                f"{self.name} between {self.rule.lo:g} and {self.rule.hi:g}", f"{value!r}", "Choose a value in that range."
            )
        if isinstance(self.rule, Choice) and value not in self.rule.options:
            raise BadInput(f"{self.name} to be one of {', '.join(self.rule.options)}", repr(value), "Choose one of these.")


def knobs(settings: type) -> tuple[Knob, ...]:
    """The controls of a frozen settings dataclass, in field order."""
    hints = get_type_hints(settings, include_extras=True)
    found = []
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        if get_origin(hint) is Annotated:
            kind, rule = get_args(hint)[:2]
            found.append(Knob(field.name, kind, field.default, rule))
    return tuple(found)


class Settings:
    """Base of frozen settings: checked on construction; hash, compare, print; cache key, URL and command line."""

    def __post_init__(self) -> None:
        for knob in knobs(type(self)):
            knob.check(getattr(self, knob.name))

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]


def fingerprint(*parts: Any) -> str:
    """Sixteen hex digits that name everything which can change an answer. Parts must be JSON-serialisable."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=lambda o: o.as_dict())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_aside = threading.local()


def now() -> float:
    """Seconds on this thread's clock, which stands still while a paused job is set aside; for what reports say of their time."""
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


def discover() -> tuple[ModuleType, ...]:
    """Every threat: the modules of `mlleak_core.attacks` that carry a CARD, in the card's order."""
    return tuple(sorted(_threats(), key=lambda module: module.CARD.order))


def _threats() -> Iterator[ModuleType]:
    package = importlib.import_module("mlleak_core.attacks")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"mlleak_core.attacks.{info.name}")
        if hasattr(module, "CARD"):
            yield module
