"""The whole room: an attack, a judge, a result and its exhibit."""

from __future__ import annotations

import datetime
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from mlleak_core.threats.toy.card import ToySettings
from numpy.typing import NDArray

from mlleak_core.contract import Estimate, Settings, Step, now
from mlleak_core.measure import auc_with_interval
from mlleak_core.threat import Attack, Control, Desk, Exhibit, Figure, Finding, Headline, Verdict


class ToyVerdict(Verdict):
    LOADED = "the coin gives its owner away"
    FAIR = "the coins are alike"


@final
@dataclass(frozen=True)
class Lean(Attack):
    """Heads come from the loaded coin."""

    slug: ClassVar[str] = "lean"
    title: ClassVar[str] = "Leaning on heads"
    why: ClassVar[str] = "counts heads"
    colour: ClassVar[str] = "#0072B2"

    def run(self, view: NDArray[np.float64]) -> Generator[Step, None, NDArray[np.float64]]:
        yield Step(0, 1, "counting heads")
        return view


CATALOGUE = {"lean": Lean()}


@dataclass(frozen=True, eq=False, kw_only=True)
class Toss:
    """The result: AUC of the claim, and where both coins are fair."""

    settings: ToySettings
    found: Estimate
    fair: Estimate
    seconds: float
    tosses: NDArray[np.float64]

    def row(self) -> dict[str, Any]:
        return {"auc": self.found.value, "auc_low": self.found.low, "auc_high": self.found.high}

    def artefact(self, name: str) -> bytes:
        return " ".join(f"{t:g}" for t in self.tosses).encode()

    def exhibit(self) -> ToyExhibit:
        about = ToyAbout(
            settings=self.settings,
            found=self.found,
            fair=self.fair,
            seconds=self.seconds,
            made=datetime.date.today().isoformat(),
        )
        return ToyExhibit(about=about, arrays={"tosses": self.tosses})


@dataclass(frozen=True, kw_only=True)
class ToyAbout:
    settings: ToySettings
    found: Estimate
    fair: Estimate
    seconds: float
    made: str


@dataclass(frozen=True, eq=False, kw_only=True)
class ToyExhibit(Exhibit):
    about: ToyAbout
    About: ClassVar[type] = ToyAbout

    def findings(self) -> tuple[Finding, ...]:
        about = self.about
        return (
            Finding(
                key="auc",
                what="AUC",
                estimate=about.found,
                chance=0.5,
                controls=(Control("two fair coins", about.fair),),
                counted="tosses",
                seed=about.settings.seed,
                seconds=about.seconds,
                source=self.source,
                verdict=ToyVerdict.LOADED if about.found.low > 0.5 else ToyVerdict.FAIR,
                null="toy-verdict",
            ),
        )

    def headlines(self) -> tuple[Headline, ...]:
        figure = Figure(f"{self.about.found.value:.2f}", "AUC of a toy", hot=True)
        return (Headline(title="A loaded coin talks", findings=self.findings(), figures=(figure,)),)


def two_fair_coins(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """How often two coins that are alike are told apart."""
    found = []
    for draw in range(draws):
        toss = yield from run(ToySettings(seed=(seed + draw) % 10000), desk)
        found.append(toss.fair.low > 0.5)
    return found


def run(settings: Settings, desk: Desk) -> Generator[Step, None, Toss]:
    """Toss, attack, judge."""
    assert isinstance(settings, ToySettings)
    began = now()
    rng = np.random.default_rng([settings.seed, 9999])
    loaded = np.arange(2 * settings.tosses) < settings.tosses
    tosses, fair = ((rng.random(len(loaded)) < p).astype(float) for p in (np.where(loaded, 0.8, 0.5), 0.5))
    who = np.arange(len(loaded))
    estimates = []
    for seen in (tosses, fair):
        claim = yield from CATALOGUE["lean"].run(seen)
        estimates.append(auc_with_interval(claim, loaded, who))
    return Toss(
        settings=settings, found=estimates[0], fair=estimates[1], seconds=now() - began + 1e-6, tosses=tosses
    )
