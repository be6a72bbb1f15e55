"""The attacks: from what the attacker has to the update that he sends, and what he says stands behind it.

Sources: Bagdasaryan et al. 2020, section 3; Min-Max: Shejwalkar & Houmansadr 2021; Neurotoxin: Zhang et al.
2022. The factor that replaces the model comes from the server's rule, never from a knob.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

from torch import Tensor

from mlleak_core.contract import Range, Step
from mlleak_core.defences.aggregator import Aggregator
from mlleak_core.defences.distances import norms, squared_distances
from mlleak_core.defences.on_updates import ClippedMean, EqualMean
from mlleak_core.language import mark, say
from mlleak_core.threat import Attack
from mlleak_core.threats.backdoor.poison import Recipe, Workshop

LIE = 1e6
"""Times as many records as all others claim together."""
PLAIN = Recipe()


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """What the attacker has. workshop: his records and the joint model. rule: the server's, which is public.
    claims [k]: how many records everybody in the round says to have; places: his own among them. honest [p]:
    what he would send with his poisoned records if he trained as honest participants do. oops: scale by the
    number of all participants, `everybody`.
    """

    workshop: Workshop
    rule: Aggregator
    claims: Tensor
    places: tuple[int, ...]
    honest: Tensor
    oops: bool = False
    everybody: int = 0

    @property
    def gamma(self) -> float:
        """The factor by which one update becomes the whole step, shared by his participants; for a rule that
        looks at the updates, that of the equal mean.
        """
        if self.oops:
            return self.everybody / len(self.places)
        found = self.rule.gamma(self.places[0], self.claims)
        if found is None:
            found = EqualMean().gamma(self.places[0], self.claims)
        assert found is not None
        return found / len(self.places)

    @property
    def longest(self) -> float:
        """The longest update that he takes to pass unnoticed."""
        if isinstance(self.rule, ClippedMean):
            return self.rule.norm
        return float(norms(self.workshop.mimics).max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Bid:
    """What each of the attacker's participants sends: an update [p], and how many records it claims; gamma:
    by what X minus the joint model was scaled.
    """

    update: Tensor
    gamma: float
    claim: float | None = None


class BackdoorAttack(Attack):
    """Base of these attacks. Abstract: a subclass writes `run(view)`, steps that return a `Bid`."""

    def run(self, view: View) -> Generator[Step, None, Bid]:
        raise NotImplementedError


@final
@dataclass(frozen=True)
class Replacement(BackdoorAttack):
    """X minus the joint model, scaled until it is the whole step (section 3.2, equation 3)."""

    slug: ClassVar[str] = "replacement"
    title: ClassVar[str] = mark("Model replacement")
    why: ClassVar[str] = "scales up until its update is the new model"
    colour: ClassVar[str] = "#e4572e"

    def run(self, view: View) -> Generator[Step, None, Bid]:
        step = yield from view.workshop.step(PLAIN)
        return Bid(update=view.gamma * step, gamma=view.gamma)


@final
@dataclass(frozen=True)
class TrainAndScale(BackdoorAttack):
    """Scaled as far as the length that passes allows, γ = S / |X - G| (section 3.4)."""

    slug: ClassVar[str] = "train-and-scale"
    title: ClassVar[str] = mark("Train and scale")
    why: ClassVar[str] = "makes its update as long as passes unnoticed"
    colour: ClassVar[str] = "#B5761F"

    def run(self, view: View) -> Generator[Step, None, Bid]:
        return _as_long_as_passes(view, (yield from view.workshop.step(PLAIN)))


@final
@dataclass(frozen=True)
class ConstrainAndScale(BackdoorAttack):
    """X is trained to stay near the joint model, then scaled (section 3.3, algorithm 1)."""

    slug: ClassVar[str] = "constrain-and-scale"
    title: ClassVar[str] = mark("Constrain and scale")
    why: ClassVar[str] = "learns the backdoor without going far, then scales up"
    colour: ClassVar[str] = "#9C7C14"
    alpha: Annotated[float, Range(0.05, 1.0, 0.05, "Weight of the task against that of staying near.")] = 0.9

    def run(self, view: View) -> Generator[Step, None, Bid]:
        near = (1 - self.alpha) / self.alpha
        return _as_long_as_passes(view, (yield from view.workshop.step(Recipe(near=near))))


@final
@dataclass(frozen=True)
class Poisoning(BackdoorAttack):
    """Wrong labels alone: trained as everybody trains, nothing scaled, for comparison."""

    slug: ClassVar[str] = "poisoning"
    title: ClassVar[str] = mark("Plain poisoning")
    why: ClassVar[str] = "does as everybody does, on wrong labels"
    colour: ClassVar[str] = "#5E8A63"

    def run(self, view: View) -> Generator[Step, None, Bid]:
        yield Step(0, 1, say("the attacker trains as everybody does, on wrong labels"))
        return Bid(update=view.honest, gamma=1.0)


@final
@dataclass(frozen=True)
class WeightClaim(BackdoorAttack):
    """Nothing scaled: a lie about the number of records lets the server do it, where that is believed."""

    slug: ClassVar[str] = "weight-claim"
    title: ClassVar[str] = mark("Weight claim")
    why: ClassVar[str] = "says that millions of records stand behind its update"
    colour: ClassVar[str] = "#4f86c6"

    def run(self, view: View) -> Generator[Step, None, Bid]:
        step = yield from view.workshop.step(PLAIN)
        claim = LIE * float(view.claims.sum())
        return Bid(update=step, gamma=1.0, claim=claim)


@final
@dataclass(frozen=True)
class MinMax(BackdoorAttack):
    """The longest step towards X that is no farther from any honest update than these are from each other
    (section IV-B of Shejwalkar & Houmansadr), by updates that the attacker makes himself.
    """

    slug: ClassVar[str] = "min-max"
    title: ClassVar[str] = mark("Min-Max")
    why: ClassVar[str] = "goes as far as honest updates lie apart"
    colour: ClassVar[str] = "#8e5ea2"

    def run(self, view: View) -> Generator[Step, None, Bid]:
        step, mimics = (yield from view.workshop.step(PLAIN)), view.workshop.mimics
        middle, widest = mimics.mean(0), float(squared_distances(mimics).max()) ** 0.5
        length, low, high = float(step.norm()), 0.0, 2 * widest
        for _ in range(40):
            between = (low + high) / 2
            sent = middle + between / length * step
            fits = float(norms(mimics - sent).max()) <= widest
            low, high = (between, high) if fits else (low, between)
        return Bid(update=middle + low / length * step, gamma=low / length)


@final
@dataclass(frozen=True)
class Neurotoxin(BackdoorAttack):
    """Replacement by the coordinates alone that honest training moves least, so that it lasts."""

    slug: ClassVar[str] = "neurotoxin"
    title: ClassVar[str] = mark("Neurotoxin")
    why: ClassVar[str] = "hides where honest updates hardly ever write"
    colour: ClassVar[str] = "#2E8F8A"
    quiet: Annotated[
        float, Range(0.01, 1.0, 0.05, "Share of the coordinates that it uses, the quietest ones.")
    ] = 0.95

    def run(self, view: View) -> Generator[Step, None, Bid]:
        step = yield from view.workshop.step(Recipe(quiet=self.quiet))
        return Bid(update=view.gamma * step, gamma=view.gamma)


CATALOGUE: dict[str, BackdoorAttack] = {
    a.slug: a
    for a in (
        Replacement(),
        TrainAndScale(),
        ConstrainAndScale(),
        Poisoning(),
        WeightClaim(),
        MinMax(),
        Neurotoxin(),
    )
}
"""slug -> attack."""


def _as_long_as_passes(view: View, step: Tensor) -> Bid:
    """No longer than what passes, and than what replaces the model."""
    gamma = min(view.gamma, view.longest / max(float(step.norm()), 1e-12))
    return Bid(update=gamma * step, gamma=gamma)
