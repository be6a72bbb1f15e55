"""What became of the joint model, by people nobody trained on; the judge alone knows who attacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.language import mark
from mlleak_core.measure import DIFFERENCE, SHARE, cluster_mean, proportion
from mlleak_core.threat import Verdict

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
SEEN = 0.01
"""A loss of accuracy that somebody would look into."""
GONE = 0.5
"""A backdoor that works less often has gone."""


class BackdoorVerdict(Verdict):
    """What one round did."""

    IN = mark("is in, and shows nowhere else")
    SEEN = mark("is in, and the rest suffers")
    PARTLY = mark("works now and then")
    OUT = mark("was kept out")


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """Of one model. flipped [n]: of which records with the trigger it says what the attacker wants; main [m]:
    of those without, 1 where it is right and else 0, or how surprised it is by the next word, in nats.
    """

    flipped: Flags
    main: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one update did. after: share of the records with the trigger that the model calls what the
    attacker wants; gain: that minus the same in the round without the attack; main: accuracy on records
    without the trigger, or perplexity; cost: by how much it is worse than after the round without the attack,
    in accuracy, or as a share of the perplexity.
    """

    after: Estimate
    gain: Estimate
    main: Estimate
    cost: Estimate

    @property
    def verdict(self) -> BackdoorVerdict:
        """From the intervals."""
        if self.gain.low <= 0:
            return BackdoorVerdict.OUT
        if self.after.low <= GONE:
            return BackdoorVerdict.PARTLY
        return BackdoorVerdict.SEEN if self.cost.low > SEEN else BackdoorVerdict.IN


@dataclass(frozen=True, eq=False, kw_only=True)
class Judge:
    """wearers [n], people [m]: whose the records with and without the trigger are. quiet: the round without
    the attack. perplexed: the main task is to foretell words.
    """

    wearers: Rows
    people: Rows
    quiet: Answers
    perplexed: bool = False

    def outcome(self, found: Answers) -> Outcome:
        """Against the round without the attack; all photos of a person count as one draw in differences."""
        return Outcome(
            after=rate(found.flipped),
            gain=cluster_mean(found.flipped * 1.0 - self.quiet.flipped, self.wearers, DIFFERENCE),
            main=self.main(found),
            cost=self._cost(found),
        )

    def main(self, found: Answers) -> Estimate:
        """Accuracy, or perplexity: exp of the mean surprise, which is among how many words it hesitates."""
        if self.perplexed:
            return _exponential(cluster_mean(found.main, self.people))
        return cluster_mean(found.main, self.people, SHARE)

    def _cost(self, found: Answers) -> Estimate:
        if not self.perplexed:
            return cluster_mean(self.quiet.main - found.main, self.people, DIFFERENCE)
        more = _exponential(cluster_mean(found.main - self.quiet.main, self.people))
        return Estimate(more.value - 1, more.low - 1, more.high - 1, more.n)


def _exponential(estimate: Estimate) -> Estimate:
    value, low, high = np.exp(np.minimum([estimate.value, estimate.low, estimate.high], 700.0)).tolist()
    return Estimate(value, low, high, estimate.n)


def rate(flags: Flags) -> Estimate:
    """A share with its exact interval."""
    return proportion(int(flags.sum()), len(flags))


def persistence(rates: list[float]) -> int | None:
    """Rounds until the backdoor works less than half of the time; None where it never does in these."""
    return next((i for i, value in enumerate(rates) if value < GONE), None)


def row(found: Outcome, suffix: str = "") -> dict[str, Any]:
    """Flat numbers of the command line. suffix: of the names of the backdoor's rate and the main task's."""
    return {
        f"backdoor{suffix}": found.after.value,
        "backdoor_low": found.after.low,
        "backdoor_high": found.after.high,
        "n_trigger": found.after.n,
        f"main{suffix}": found.main.value,
        "main_cost": found.cost.value,
        "main_cost_low": found.cost.low,
        "main_cost_high": found.cost.high,
    }
