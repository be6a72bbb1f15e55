"""A threat is a room with a face: its card is all that the rest of the house may know. Light to import.

An attack is a frozen dataclass whose fields are its knobs and whose one method turns what the attacker can
see into a claim; a judge, who alone knows the truth, turns the claim into findings. Pages, command line,
reports and tests are drawn from what stands here.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mlleak_core import installed
from mlleak_core.contract import BadInput, Settings, Step, knobs
from mlleak_core.language import say
from mlleak_core.threat.desk import Desk, SlowStart
from mlleak_core.threat.exhibit import Asked, Drawing, Exhibit, Question, Result, Truth, plain
from mlleak_core.threat.finding import Conclusion, Control, Figure, Finding, Headline, Verdict

__all__ = [
    "SHIPPED",
    "Artefact",
    "Asked",
    "Attack",
    "Card",
    "Conclusion",
    "Control",
    "Desk",
    "Drawing",
    "Exhibit",
    "Figure",
    "Finding",
    "Headline",
    "Null",
    "Question",
    "Result",
    "SlowStart",
    "Threat",
    "Truth",
    "Verdict",
    "configured",
    "discover",
    "imported",
    "plain",
    "threat",
]

SHIPPED = installed.app_home() / "assets" / "shipped"
"""Where the exhibits lie that come with the program."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What sidebar, Home, command line and docs say of a threat. call: the words on the way to its page."""

    slug: str
    order: int
    title: str
    icon: str
    question: str
    call: str
    papers: tuple[str, ...]


@dataclass(frozen=True)
class Artefact:
    """A file that the command line can write of a result: `--name FILE`; the result makes its bytes."""

    name: str
    metavar: str
    help: str


A = TypeVar("A", bound="Attack")


class Attack(Settings):
    """Base of all attacks. Abstract: a subclass says what it is called, and writes `run(view)`.

    slug: on the command line and in reports. why: half a sentence after "because it …". colour: in every
    chart.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    why: ClassVar[str]
    colour: ClassVar[str]

    def run(self, view: Any) -> Generator[Step, None, Any]:
        """From what the attacker can see to what he claims."""
        raise NotImplementedError


def configured(catalogue: Mapping[str, A], settings: Any) -> A:
    """The attack that `settings.attack` names, with the knobs that these settings have for it."""
    chosen: Any = catalogue[settings.attack]
    own = [knob.name for knob in knobs(type(chosen)) if hasattr(settings, knob.name)]
    made: A = dataclasses.replace(chosen, **{name: getattr(settings, name) for name in own})
    return made


@dataclass(frozen=True, kw_only=True)
class Null:
    """A situation in which there is nothing to find: how often is something claimed all the same?

    key: its name in reports and findings. situation, claim: in words. allowed: the rate that is not to be
    exceeded. draws: how many a full calibration makes. draw: "module:name" of a `draw(draws, seed, desk)`, a
    generator of steps that returns a bool a draw, True where the claim was made. interval: what is counted is
    an interval that misses the truth.
    """

    key: str
    situation: str
    claim: str
    allowed: float
    draw: str
    draws: int = 200
    interval: bool = False


@dataclass(frozen=True, kw_only=True)
class Threat:
    """A room's face. Functions are named "module:name" and imported when wanted.

    run(settings, desk): a generator of steps that returns a `Result`; a step's peek may carry the "result" so
    far. exhibit: its class of `Exhibit`. shipped: the settings whose exhibits come with the program; the
    first is the page's own. elsewhere: what a demo shows on other data, of which no exhibits come. attacks:
    the catalogue, slug -> configured attack. nulls: where nothing is to be found, for every verdict. scores:
    a run(table, settings, desk) on answers of a model that was trained elsewhere. remote: whether a service
    can be attacked instead. slow_start: a `SlowStart`.
    serve(settings, vocabulary, address, wait, on_step), join(settings, sample, who, server, wait, on_step):
    lead a joint training over a network, and take part in it. sends_on: attacks that another room keeps, each
    with the words of its command.
    """

    card: Card
    settings: type[Settings]
    shipped: tuple[Settings, ...]
    run: str
    exhibit: str
    attacks: str
    elsewhere: tuple[Settings, ...] = ()
    nulls: tuple[Null, ...] = ()
    scores: str = ""
    remote: bool = False
    writes: tuple[Artefact, ...] = ()
    slow_start: str = ""
    serve: str = ""
    join: str = ""
    sends_on: tuple[tuple[str, tuple[str, ...]], ...] = ()
    swept: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def start(self, settings: Settings, desk: Desk) -> Generator[Step, None, Any]:
        """Begin a run."""
        return imported(self.run)(settings, desk)  # type: ignore[no-any-return]

    def catalogue(self) -> Mapping[str, Attack]:
        return imported(self.attacks)  # type: ignore[no-any-return]

    def shipped_name(self, settings: Settings) -> str:
        """What the files of a shipped exhibit are called."""
        return f"{self.card.slug}-{self.shipped.index(settings)}"

    def shipped_exhibits(self, folder: Path = SHIPPED) -> tuple[Exhibit, ...]:
        """The exhibits that came with the program, in the order of `shipped`."""
        kind: type[Exhibit] = imported(self.exhibit)
        return tuple(kind.load(folder, self.shipped_name(settings)) for settings in self.shipped)


def imported(path: str) -> Any:
    """What "module:name" names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@functools.cache
def discover() -> tuple[Threat, ...]:
    """Every threat, by reading the cards alone: the rooms of `mlleak_core.threats`, in order."""
    package = importlib.import_module("mlleak_core.threats")
    rooms = [info.name for info in pkgutil.iter_modules(package.__path__) if info.ispkg]
    found = [importlib.import_module(f"{package.__name__}.{room}.card").THREAT for room in rooms]
    return tuple(sorted(found, key=lambda threat: threat.card.order))


def threat(slug: str) -> Threat:
    """The threat of this name. Raises BadInput."""
    for found in discover():
        if found.card.slug == slug:
            return found
    known = ", ".join(t.card.slug for t in discover())
    raise BadInput(say("a threat: {known}", known=known), repr(slug[:80]), say("Choose one of these."))
