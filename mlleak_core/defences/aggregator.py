"""What aggregation rules share: what they are asked, what they refuse, noise, and rules by coordinates."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput, Diverged, Range, When
from mlleak_core.defences import Defence
from mlleak_core.defences.distances import WIDTH, combined
from mlleak_core.language import say
from mlleak_core.seeds import stream


class Aggregator(Defence):
    """Base of all rules. Abstract: a subclass says what it is called, and writes `factors`.

    slug: on the command line. why: half a sentence after "because it ...". Public knowledge is a field; the
    updates [k, p] (float32 or float64, to be added to the joint model) and the claims [k] (numbers of
    records said to stand behind them) are arguments. An aggregator keeps nothing from round to round.
    """

    slug: ClassVar[str]
    why: ClassVar[str]

    def __call__(self, updates: Tensor, claims: Tensor) -> Tensor:
        """What `aggregate` says: an aggregator is an `Aggregate` of a federation."""
        return self.aggregate(updates, claims)

    def aggregate(self, updates: Tensor, claims: Tensor) -> Tensor:
        """The step of the joint model [p], in the type of the updates.

        Raises BadInput where shapes, claims or too few updates do not allow it, Diverged where an update or
        the step is not finite.
        """
        _check(updates, claims)
        step = self.step(updates, claims).to(updates.dtype)
        if not torch.isfinite(step).all():
            raise Diverged(say("the step of the joint model is no finite number"))
        return step

    def weights(self, updates: Tensor, claims: Tensor) -> Tensor:
        """How much of each update is in the step [k], float64: without noise, the step is their sum with
        these factors; for a rule that goes by coordinates, the mean over these. Raises as `aggregate` does.
        """
        _check(updates, claims)
        return self.factors(updates, claims)

    def whom(self, updates: Tensor, claims: Tensor) -> Tensor:
        """Whom the rule kept, at least in part [k], bool. Raises as `aggregate` does."""
        return self.weights(updates, claims) > 0

    def gamma(self, place: int, claims: Tensor, rate: float = 1.0) -> float | None:
        """By what the update at `place` must be scaled to be the whole step (model replacement, Bagdasaryan
        et al. 2020, section 3.2), the server following the step at `rate`. None where no number does,
        because the rule looks at the updates. Raises BadInput where the participant does not count.
        """
        del place, claims, rate
        return None

    def in_round(self, number: int) -> Self:
        """The same rule in this round: noise must be new in every one."""
        del number
        return self

    def step(self, updates: Tensor, claims: Tensor) -> Tensor:
        """`aggregate` in float64, unchecked [p]."""
        return combined(self.factors(updates, claims), updates)

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        """`weights`, unchecked [k]."""
        raise NotImplementedError


class Linear(Aggregator):
    """Base of the rules that do not look at the updates. Abstract: write `shares`."""

    def shares(self, claims: Tensor) -> Tensor:
        """How much each counts [k], float64, one in all."""
        raise NotImplementedError

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        return self.shares(claims)

    def gamma(self, place: int, claims: Tensor, rate: float = 1.0) -> float | None:
        _check_claims(claims)
        weight = rate * float(self.shares(claims)[place])
        if not weight > 0:
            got, remedy = say("weight {weight:g}", weight=weight), say("Claim at least one record.")
            raise BadInput(say("a participant who counts"), got, remedy)
        return 1 / weight


def _noisy(noise: float) -> bool:
    return noise > 0


@dataclass(frozen=True, kw_only=True)
class Noisy(Aggregator):
    """Base of the rules that end with normal noise. Abstract: write `deviation`, and a knob `noise`.

    number: of the round; a noisy rule must be told by `in_round`.
    """

    seed: Annotated[int, Range(0, 9999, 1, "Fixes the noise."), When("noise", _noisy)] = 0
    number: int | None = None

    def deviation(self, updates: Tensor) -> float:
        """Standard deviation of the noise on a coordinate of the step."""
        raise NotImplementedError

    def in_round(self, number: int) -> Self:
        return dataclasses.replace(self, number=number)

    def step(self, updates: Tensor, claims: Tensor) -> Tensor:
        quiet, deviation = super().step(updates, claims), self.deviation(updates)
        if not deviation:
            return quiet
        if self.number is None:
            remedy = say("Ask `in_round(number)` first: noise that is the same in every round hides nothing.")
            raise BadInput(say("the number of the round"), say("none"), remedy)
        rng = stream(self.seed, "noise on an aggregate", self.number)
        return quiet + torch.from_numpy(rng.normal(0, deviation, len(quiet)))


class CoordinateRule(Aggregator):
    """Base of the rules that sort each coordinate and average the middle. Abstract: write `cut`."""

    def cut(self, k: int) -> int:
        """How many are left out at each end, of k."""
        raise NotImplementedError

    def step(self, updates: Tensor, claims: Tensor) -> Tensor:
        kept = self._kept(len(updates))
        middles = [_sorted(part)[:, kept].mean(1, dtype=np.float64) for part in updates.split(WIDTH, 1)]
        return torch.from_numpy(np.concatenate(middles))

    def factors(self, updates: Tensor, claims: Tensor) -> Tensor:
        """Whoever is equal to one that was kept counts as much: who comes first is no merit."""
        kept, total = self._kept(len(updates)), np.zeros(len(updates))
        for part in updates.split(WIDTH, 1):
            middle = _sorted(part)[:, kept]
            inside = (part.numpy() >= middle[:, 0]) & (part.numpy() <= middle[:, -1])
            total += (inside / inside.sum(0)).sum(1)
        return torch.from_numpy(total / updates.shape[1])

    def _kept(self, k: int) -> slice:
        cut = self.cut(k)
        if 2 * cut >= k:
            expected = say("more than {count} updates", count=2 * cut)
            raise BadInput(expected, str(k), say("Trim less: nobody is left."))
        return slice(cut, k - cut)


def _sorted(part: Tensor) -> NDArray[Any]:
    """A row a coordinate, ascending: [k, n] -> [n, k]."""
    return np.sort(np.ascontiguousarray(part.numpy().T), axis=1)


def _check(updates: Tensor, claims: Tensor) -> None:
    if updates.dim() != 2 or not updates.numel() or updates.dtype not in {torch.float32, torch.float64}:
        kind = str(updates.dtype).removeprefix("torch.")
        got = say("{kind} of shape {shape}", kind=kind, shape=tuple(updates.shape))
        expected = say("updates [k, p] in float32 or float64, one at least")
        raise BadInput(expected, got, say("Send whole updates."))
    if claims.shape != updates.shape[:1]:
        expected = say("a claim for each of {count} updates", count=len(updates))
        got = say("shape {shape}", shape=tuple(claims.shape))
        raise BadInput(expected, got, say("Send one beside each."))
    _check_claims(claims)
    low, high = updates.aminmax(dim=1)  # both are NaN where one number is
    bad = ~(torch.isfinite(low) & torch.isfinite(high))
    if bad.any():
        places = ", ".join(map(str, bad.nonzero().flatten().tolist()))
        raise Diverged(say("the update at place {places} is no finite number", places=places))


def _check_claims(claims: Tensor) -> None:
    total = float(claims.double().sum())
    if not bool((claims >= 0).all()) or not 0 < total < math.inf:
        got = str(claims.tolist()[:8])
        raise BadInput(say("claims of at least 0 records, some in all"), got, say("Claim what is there."))
