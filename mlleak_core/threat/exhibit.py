"""A result as a page, a report and a class see it, small enough to ship with the program."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import cattrs
import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.language import say
from mlleak_core.threat.finding import Conclusion, Finding, Headline

if TYPE_CHECKING:
    from mlleak_core.figures.roc import Curve


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


def plain(values: Sequence[Any] | NDArray[Any]) -> tuple[Any, ...]:
    """Python's own numbers, as an exhibit's `about` holds them."""
    return tuple(np.asarray(values).tolist())
