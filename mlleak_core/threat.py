"""A threat is a room with a face: its card is all that the rest of the house may know. Light to import.

An attack is a frozen dataclass whose fields are its knobs and whose one method turns what the attacker can
see into a claim; a judge, who alone knows the truth, turns the claim into findings. Pages, command line,
reports and tests are drawn from what stands here.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import math
import pkgutil
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar

import cattrs
import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk, installed
from mlleak_core.contract import BadInput, Estimate, Settings, Step, knobs
from mlleak_core.language import say

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.lines import Lines
    from mlleak_core.data.texts import Texts
    from mlleak_core.figures.roc import Curve
    from mlleak_core.target.blackbox import BlackBox
    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.store import Store
    from mlleak_core.target.training import Target

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
    return dataclasses.replace(chosen, **{name: getattr(settings, name) for name in own})  # type: ignore[no-any-return]


class Verdict(enum.Enum):
    """What the intervals allow to be said; a threat lists its own. The value is words; nobody parses them."""

    @property
    def words(self) -> str:
        return say(self.value)


@dataclass(frozen=True)
class Control:
    """The same number where there is nothing to find, or found without the attack."""

    what: str
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One number with all that it needs to be believed.

    key: its name in reports. what: in words. form, unit: how it is written, a format and what stands behind
    the number. chance: what guessing gets, None where that means nothing. counted: what the n of the estimate
    are. notes: what else belongs on its evidence line. source: live, or shipped and when. null: the key of
    the `Null` that says how often its verdict is wrong.
    """

    key: str
    what: str
    estimate: Estimate
    chance: float | None
    controls: tuple[Control, ...]
    counted: str
    seed: int
    seconds: float
    source: str
    verdict: Verdict | None = None
    null: str = ""
    form: str = ".2f"
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return self.estimate.n

    def row(self) -> dict[str, Any]:
        """The finding as a report writes it."""
        return {
            "key": self.key,
            "what": self.what,
            **_row(self.estimate),
            "chance": self.chance,
            "controls": {c.what: _row(c.estimate) for c in self.controls},
            "counted": self.counted,
            "seed": self.seed,
            "seconds": self.seconds,
            "source": self.source,
            "verdict": self.verdict and self.verdict.value,
            "null": self.null or None,
            "notes": list(self.notes),
        }

    def missing(self) -> tuple[str, ...]:
        """Which parts it lacks; a test wants none."""
        parts = {
            "words": bool(self.key and self.what and self.counted),
            "estimate": math.isfinite(self.estimate.value),
            "interval": self.estimate.low <= self.estimate.value <= self.estimate.high or self.n == 1,
            "n": self.n > 0,
            "chance or controls": self.chance is not None or bool(self.controls),
            "seed": self.seed >= 0,
            "seconds": self.seconds > 0,
            "source": self.source.startswith(("live", "shipped")),
            "null of the verdict": self.verdict is None or bool(self.null),
        }
        return tuple(name for name, there in parts.items() if not there)


def _row(estimate: Estimate) -> dict[str, float]:
    return dataclasses.asdict(estimate)


@dataclass(frozen=True)
class Conclusion:
    """What follows, in one sentence that may mark its key words *so*, with a small line below."""

    verdict: Verdict
    sentence: str
    small: str = ""


@dataclass(frozen=True)
class Figure:
    """A number set large: its text, the words beside it, and whether it is the one to look at."""

    text: str
    words: str
    hot: bool = False


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What Home says of a threat: a sentence that may mark words **so**, large figures, evidence, a picture.

    picture: a scene or a reel of `mlleak_core.figures`, which the pages know how to draw; small: words below.
    """

    title: str
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...] = ()
    picture: Any = None
    small: str = ""


class Asked(enum.Enum):
    """What kind of answer a question wants."""

    ONE = "one"
    MANY = "many"
    NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a class is asked before anything is revealed: nothing in it gives the answer away.

    options: to choose from; most: how many of them. picture: of all, as WebP or PNG; pictures: one an option;
    alt: the picture in words. low, high, unit: of a number. width: of a bar in its histogram.
    """

    title: str
    ask: str
    kind: Asked
    options: tuple[str, ...] = ()
    most: int = 1
    picture: bytes = b""
    pictures: tuple[bytes, ...] = ()
    alt: str = ""
    low: int = 0
    high: int = 100
    unit: str = ""
    width: int = 10


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is said after the reveal. right: the options that are right, or the number; sentence: why.

    attacker: what the attack finds, in words; empty where there is nothing to compare with.
    """

    right: tuple[int, ...]
    sentence: str
    attacker: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Drawing:
    """A figure that a report shows, with the same numbers as a table.

    picture: a Plotly figure, or a scene, reel or tape of `mlleak_core.figures`; None where the table is all.
    alt: what is to be seen, in words. findings: those whose evidence belongs below it. note: words below.
    """

    title: str
    picture: Any
    alt: str = ""
    rows: Sequence[Mapping[str, Any]] = ()
    findings: tuple[Finding, ...] = ()
    note: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Exhibit:
    """A result as a page shows it, small enough to ship with the program.

    about: a frozen dataclass of the threat, all the plain numbers and words. arrays: curves and scores.
    atlas: its thumbnails in one picture. job, source: which job it is of, and whether it is live or shipped.
    """

    about: Any
    arrays: Mapping[str, NDArray[Any]]
    atlas: bytes = b""
    job: str = ""
    source: str = "live"
    About: ClassVar[type]
    picture: ClassVar[str] = "webp"
    """The atlas's kind, as its file is called."""

    def labelled(self, job: str, source: str) -> Self:
        """The same exhibit, saying which job it is of and where it comes from."""
        return dataclasses.replace(self, job=job, source=source)

    def findings(self) -> tuple[Finding, ...]:
        """Its numbers, the most important first."""
        raise NotImplementedError

    def headlines(self) -> tuple[Headline, ...]:
        """What Home shows of it."""
        return ()

    def conclusions(self) -> tuple[Conclusion, ...]:
        """What follows, for reports, the first thing first; of a threat that concludes nothing, none."""
        return ()

    def drawings(self) -> tuple[Drawing, ...]:
        """What a report draws of it; where there is nothing, the pictures of its headlines are taken."""
        return ()

    def cautions(self) -> tuple[str, ...]:
        """What a reader of a report must know besides: what was given to the attacker, what is missing."""
        return ()

    def opening(self) -> str:
        """What the shipped model was taught, for Home's first sentence; of most threats nothing."""
        return ""

    def class_question(self) -> Question | None:
        """What a class may bet on; of some threats nothing."""
        return None

    def class_truth(self) -> Truth:
        """The answer to `class_question`, to be asked for after the reveal alone."""
        raise NotImplementedError

    def class_rivals(self) -> tuple[Curve, ...]:
        """The attacks' ROC curves, where the class can be a point on the same axes."""
        return ()

    def save(self, folder: Path, name: str) -> None:
        """Write it where `load` finds it. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        disk.write_json(folder / f"{name}.json", cattrs.unstructure(self.about))
        disk.write_arrays(folder / f"{name}.npz", dict(self.arrays), compressed=True)
        (folder / f"{name}.{self.picture}").write_bytes(self.atlas)

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Read what `save` wrote. Raises BadInput where it is missing or of another form."""
        try:
            about: Any = cattrs.structure(disk.read_json(folder / f"{name}.json"), cls.About)
            arrays = disk.read_arrays(folder / f"{name}.npz")
            atlas = (folder / f"{name}.{cls.picture}").read_bytes()
        except (*disk.DAMAGE, cattrs.BaseValidationError) as error:
            expected = say("the exhibit {name} in {folder}", name=name, folder=folder.name)
            got = say("none, or a damaged one ({problem})", problem=type(error).__name__)
            raise BadInput(expected, got, say("Make it anew with `mlleak ship`.")) from error
        return cls(about=about, arrays=arrays, atlas=atlas, job=name, source=f"shipped {about.made}")


class Result(Protocol):
    """What a run returns."""

    def row(self) -> dict[str, Any]:
        """The flat report of the command line."""
        ...

    def exhibit(self) -> Exhibit:
        """As a page shows it."""
        ...

    def artefact(self, name: str) -> bytes:
        """A file that the threat says it can write."""
        ...


class Desk(Protocol):
    """What a run works at: the same for page, command line and test. Nothing here can change an answer."""

    @property
    def remote(self) -> bool:
        """Whether a service is attacked in place of what is trained here."""
        ...

    @property
    def service(self) -> BlackBox | None:
        """That service; met when first wanted."""
        ...

    def faces(self, data: str) -> Generator[Step, None, Faces]:
        """The faces of a source, opened once for all."""
        ...

    def texts(self, data: str) -> Generator[Step, None, Texts]:
        """The texts of a source, opened once for all."""
        ...

    def lines(self, data: str) -> Generator[Step, None, Lines]:
        """What next-word prediction learns from: of a text or of reviews, opened once for all."""
        ...

    def target(self, settings: TrainSettings, *, stopped: bool = False) -> Generator[Step, None, Target]:
        """The run of these settings: kept from before, or trained now and kept.

        stopped: one that was stopped early will do.
        """
        ...

    def executor(self) -> Executor:
        """Where models are trained side by side."""
        ...

    def keep(self, data: str, save: Callable[[Store], Any]) -> str:
        """Write something down unless `data` is a visitor's own; returns what went wrong, in words."""
        ...

    def recall(self, key: str) -> Any:
        """What was remembered under `key`, or None."""
        ...

    def remember(self, key: str, value: Any, data: str = "") -> None:
        """Hold something in memory for later runs while there is room; data: what it was made from."""
        ...


@dataclass(frozen=True)
class SlowStart:
    """What takes long only the first time on a machine: `first` compiles it; who needs it takes `lock`."""

    lock: threading.Lock
    first: Callable[[], None]


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
    package = importlib.import_module(f"{__package__}.threats")
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


def plain(values: Sequence[Any] | NDArray[Any]) -> tuple[Any, ...]:
    """Python's own numbers, as an exhibit's `about` holds them."""
    return tuple(np.asarray(values).tolist())
