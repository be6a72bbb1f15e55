"""What an audit's exhibit keeps, and what is read off it at once. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.language import again
from mlleak_core.threat import Exhibit
from mlleak_core.threats.membership.attacks import CATALOGUE, title_of
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.judge import Numbers, strongest

GUESSES = 12
"""Records to bet on."""
SPRITE = 64
"""Side of a thumbnail."""


@dataclass(frozen=True, kw_only=True)
class Risk:
    """LT-IQR as a warning: of the n members it calls most at risk, the share above the line of the strongest
    attack; of all members, too.
    """

    top: float
    all: float
    n: int


@dataclass(frozen=True, kw_only=True)
class About:
    """reveal: what the service showed. names, words: of the records shown, words only where there are no
    pictures. shadows: 0 of a table of answers, whose accuracies may be unknown. tail: see `judge.tail_test`.
    """

    made: str
    settings: MembershipSettings
    reveal: str
    title: str
    classes: tuple[str, ...]
    reports: tuple[Numbers, ...]
    skipped: dict[str, str]
    lost: tuple[str, ...]
    train_accuracy: float | None
    test_accuracy: float | None
    shadows: int
    shadow_seconds: float
    seconds: float
    run: str
    names: tuple[str, ...]
    words: tuple[str, ...]
    pictures: bool
    risk: Risk | None
    tail: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A record in a grid. at: its place in the atlas; mark: a word in its corner; tone: good, bad, pin or
    empty.
    """

    at: int
    label: str
    mark: str = ""
    tone: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts(Exhibit):
    """arrays: `shown` [s], the records shown, to bet on first; `phi`, `inside` [k, s] of the shadows;
    `target_phi`, `member`, `y`, `person`, `risk` [n]; `score/attack` [n]; `roc/attack/part`, the curves.
    """

    about: About
    About: ClassVar[type] = About
    picture: ClassVar[str] = "jpg"

    @property
    def shown(self) -> NDArray[np.int64]:
        return self.arrays["shown"]

    @property
    def slugs(self) -> tuple[str, ...]:
        """The attacks that could run, as the catalogue lists them."""
        return tuple(numbers.attack for numbers in self.about.reports)

    @property
    def quick(self) -> tuple[str, ...]:
        """Those shown while shadows come in."""
        return tuple(s for s in self.slugs if CATALOGUE[s].quick) or self.slugs[:1]

    @property
    def shown_first(self) -> tuple[str, ...]:
        """The strongest, of whom the verdict speaks, before the quick ones."""
        return tuple(dict.fromkeys((self.leading.attack, *self.quick)))

    @property
    def titles(self) -> dict[str, str]:
        return {slug: title_of(slug) for slug in self.slugs}

    def numbers(self, attack: str) -> Numbers:
        return next(n for n in self.about.reports if n.attack == attack)

    @property
    def leading(self) -> Numbers:
        """The strongest speaks for all; its intervals are corrected for having been chosen."""
        return strongest(self.about.reports)

    @property
    def gap(self) -> float:
        """How much better the target does on what it was trained on."""
        return (self.about.train_accuracy or 0.0) - (self.about.test_accuracy or 0.0)

    def words_of(self, at: int) -> str:
        """What stands under a record shown that is no picture."""
        return again(self.about.words[at]) if self.about.words else ""


def span(estimate: Estimate, form: str = ".1%") -> str:
    """An interval as it is written."""
    return f"[{estimate.low:{form}}, {estimate.high:{form}}]"
