"""Collaborative training, round by round: participants keep their records and send updates.

Sources: synchronous SGD with shared gradients as in Melis et al. (S&P 2019, section 2.2); federated averaging
of McMahan et al. (AISTATS 2017, algorithm 1). Participants of a round are trained as one stack, but for nets
with convolutions, which are slower so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from mlleak_core.contract import BadInput, Choice, Diverged, Range, Settings, Step, Stop, When
from mlleak_core.defences.aggregator import Aggregator
from mlleak_core.defences.on_updates import ClaimedMean, EqualMean
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream

Rows = NDArray[np.int64]
Share = tuple[Tensor, Tensor]
"""A participant's own records: inputs [n, ...] as the net takes them, labels [n]."""
SGD, AVERAGING = "sgd", "fedavg"


@dataclass(frozen=True)
class FederationSettings(Settings):
    """How a joint model is trained. Everything that can change its weights, but for net and records."""

    rule: Annotated[
        str,
        Choice(
            (SGD, AVERAGING),
            mark("sgd: everybody sends one gradient a round; fedavg: what own steps changed."),
        ),
    ] = SGD
    rounds: Annotated[int, Range(1, 20000, 50, mark("Rounds of training."))] = 300
    share: Annotated[
        float, Range(0.01, 1.0, 0.1, mark("Share of the participants that take part in a round."))
    ] = 1.0
    batch: Annotated[int, Range(1, 512, 8, mark("Records in a batch."))] = 32
    lr: Annotated[float, Range(0.0001, 10.0, 0.005, mark("Learning rate of the participants' SGD."))] = 0.01
    epochs: Annotated[
        int, Range(1, 50, 1, mark("Own epochs before an update is sent.")), When("rule", AVERAGING)
    ] = 1
    server_lr: Annotated[
        float,
        Range(0.01, 10.0, 0.1, mark("How far the joint model follows the mean.")),
        When("rule", AVERAGING),
    ] = 1.0
    seed: Annotated[int, Range(0, 9999, 1, mark("Fixes who takes part and the batches."))] = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Round:
    """What happened in one round; weights are flat vectors [p].

    chosen [k]: who took part; updates [k, p]: what each sent, to be added to the joint model; claims [k]:
    the numbers of records that they say stand behind it; before, after [p]: the joint model.
    """

    number: int
    chosen: Rows
    updates: Tensor
    claims: Tensor
    before: Tensor
    after: Tensor


@dataclass(frozen=True, eq=False, kw_only=True)
class Glimpse:
    """What one participant legitimately sees of a round it took part in: the joint model before and after,
    how many took part, and what it sent itself [p].
    """

    number: int
    before: Tensor
    after: Tensor
    took_part: int
    own: Tensor

    @property
    def others(self) -> Tensor:
        """The sum of what the others sent, where the aggregate is the equal mean [p]."""
        return (self.after - self.before) * self.took_part - self.own


def seen_by(participant: int, round_: Round) -> Glimpse | None:
    """The participant's view of a round, the only one that an attacker gets; None where it took no part."""
    place = np.flatnonzero(round_.chosen == participant)
    if not len(place):
        return None
    return Glimpse(
        number=round_.number,
        before=round_.before,
        after=round_.after,
        took_part=len(round_.chosen),
        own=round_.updates[int(place[0])],
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Conduct:
    """What single participants do otherwise than at random, by their number.

    picks(round): the rows that stand behind this round's update, for SGD the batch itself, for averaging all
    that is learned from. sends(round, weights [p]): an update [p] in place of the honest one.
    guards(participant, round, update [p]): what an honest one makes of its update before it is sent.
    """

    picks: Mapping[int, Callable[[int], Rows]] = field(default_factory=dict)
    sends: Mapping[int, Callable[[int, Tensor], Tensor]] = field(default_factory=dict)
    guards: Callable[[int, int, Tensor], Tensor] | None = None


class Federation:
    """Participants, the joint net, and rounds to come. Not shared between threads.

    shares: each participant's own records. Raises BadInput where somebody has none, or shapes differ.
    """

    def __init__(
        self,
        net: nn.Module,
        shares: Sequence[Share],
        settings: FederationSettings,
        *,
        aggregate: Aggregator | None = None,
        conduct: Conduct | None = None,
    ) -> None:
        _check(shares)
        self.net, self.shares, self.settings = net, shares, settings
        self.conduct = conduct or Conduct()
        self.aggregate = aggregate or (EqualMean() if settings.rule == SGD else ClaimedMean())
        self._names = [name for name, _ in net.named_parameters()]
        self._shapes = [p.shape for p in net.parameters()]
        self._sizes = [p.numel() for p in net.parameters()]
        self._fixed = dict(net.named_buffers())
        self._convolves = any(isinstance(part, nn.Conv2d) for part in net.modules())
        self.weights = torch.cat([p.detach().reshape(-1) for p in net.parameters()]).clone()

    def run(self) -> Generator[Step, None, int]:
        """Round after round; each step's peek carries the finished "round". `Stop` ends after the last whole
        one; returns how many there were. Raises Diverged, with the joint model as it was before that round.
        """
        done = 0
        try:
            for number in range(self.settings.rounds):
                yield Step(
                    number + 1, self.settings.rounds, say("a round"), peek={"round": self.round(number)}
                )
                done = number + 1
        except Stop:
            pass
        return done

    def round(self, number: int) -> Round:
        """Train those who take part, and follow the aggregate of what they sent."""
        chosen = self._chosen(number)
        before = self.weights
        updates = self.sent(chosen, number, before)
        claims = torch.tensor([len(self.shares[c][1]) for c in chosen], dtype=before.dtype)
        rate = self.settings.server_lr if self.settings.rule == AVERAGING else 1.0
        self.weights = before + rate * self.aggregate.in_round(number)(updates, claims)
        return Round(
            number=number, chosen=chosen, updates=updates, claims=claims, before=before, after=self.weights
        )

    def sent(self, chosen: Rows, number: int, weights: Tensor) -> Tensor:
        """What each of these participants sends in this round, at joint weights [p]: updates [k, p]. Each row
        is of one participant's records alone. Raises BadInput, Diverged.
        """
        updates = self._trained(chosen, number, weights)
        for place, who in enumerate(chosen.tolist()):
            if who in self.conduct.sends:
                updates[place] = _fitting(self.conduct.sends[who](number, weights), weights, who)
            elif self.conduct.guards is not None:
                updates[place] = self.conduct.guards(who, number, updates[place])
        _finite(updates, chosen)
        return updates

    def gradient(self, weights: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Of the mean loss of a batch [p], at weights [p]: what a participant would compute."""
        own = weights.detach().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(functional.cross_entropy(self._forward(own, x), y), own)[0]

    @property
    def shapes(self) -> tuple[torch.Size, ...]:
        """Of the parameters, in their order in a flat vector."""
        return tuple(self._shapes)

    def answer(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """Logits [n, classes] of the joint model, or of other weights [p]."""
        with torch.no_grad():
            return self._forward(self.weights if weights is None else weights, x)

    def _chosen(self, number: int) -> Rows:
        count = max(1, round(self.settings.share * len(self.shares)))
        if count == len(self.shares):
            return np.arange(count)
        rng = stream(self.settings.seed, "participants of a round", number)
        return np.sort(rng.choice(len(self.shares), count, replace=False))

    def _trained(self, chosen: Rows, number: int, joint: Tensor) -> Tensor:
        batches = [self._batches(int(c), number) for c in chosen]
        if self._convolves:  # as a stack, a convolution takes up to twice as long
            each = zip(chosen.tolist(), batches, strict=True)
            return torch.stack([self._alone(who, own, joint) for who, own in each])
        return self._together(chosen, batches, joint)

    def _alone(self, who: int, batches: list[Rows], joint: Tensor) -> Tensor:
        """One participant's update [p]."""
        x, y = self.shares[who]
        if self.settings.rule == SGD:
            return -self.settings.lr * self.gradient(joint, x[batches[0]], y[batches[0]])
        weights = joint
        for rows in batches:
            weights = weights - self.settings.lr * self.gradient(weights, x[rows], y[rows])
        return weights - joint

    def _together(self, chosen: Rows, batches: list[list[Rows]], joint: Tensor) -> Tensor:
        """Updates of all [k, p], trained as one stack, which whoever has finished leaves."""
        lr = self.settings.lr
        if self.settings.rule == SGD:
            alike = vmap(grad(self._loss), in_dims=(None, 0, 0, 0))  # one forward pass serves all
            stack = _stacked([b[0] for b in batches], self.shares, chosen)
            return -lr * alike(joint, *stack)  # type: ignore[no-any-return]
        weights = joint.repeat(len(chosen), 1)
        for step in range(max(map(len, batches))):
            live = [place for place, own in enumerate(batches) if step < len(own)]
            stack = _stacked([batches[place][step] for place in live], self.shares, chosen[live])
            weights[live] -= lr * vmap(grad(self._loss))(weights[live], *stack)
        return weights - joint

    def _batches(self, who: int, number: int) -> list[Rows]:
        """Rows of each of a participant's batches in this round."""
        rng = stream(self.settings.seed, "batches of a participant", who, number)
        picked = self.conduct.picks.get(who)
        count, size = len(self.shares[who][1]), self.settings.batch
        if self.settings.rule == SGD:
            return [rng.choice(count, size, replace=count < size) if picked is None else picked(number)]
        rows = np.arange(count) if picked is None else picked(number)
        orders = [rng.permutation(rows) for _ in range(self.settings.epochs)]
        return [order[start : start + size] for order in orders for start in range(0, len(rows), size)]

    def _loss(self, weights: Tensor, x: Tensor, y: Tensor, counted: Tensor) -> Tensor:
        said = self._forward(weights, x)
        each = functional.cross_entropy(said, y, reduction="none")
        return (each * counted).sum() / counted.sum().clamp_min(1)

    def _forward(self, weights: Tensor, x: Tensor) -> Tensor:
        parts = weights.split(self._sizes)
        shaped = (part.view(shape) for part, shape in zip(parts, self._shapes, strict=True))
        named = dict(zip(self._names, shaped, strict=True))
        return functional_call(self.net, {**named, **self._fixed}, (x,))  # type: ignore[no-any-return]


def _stacked(rows: list[Rows], shares: Sequence[Share], chosen: Rows) -> tuple[Tensor, Tensor, Tensor]:
    """Batches as one stack, x [k, b, ...], y [k, b], and which of them count [k, b]: the rest fills up."""
    size = max(map(len, rows))
    counted = torch.zeros(len(rows), size)
    filled = np.zeros((len(rows), size), np.int64)
    for place, own in enumerate(rows):
        counted[place, : len(own)] = 1
        filled[place, : len(own)] = own
    picked = [(shares[int(c)], torch.from_numpy(r)) for c, r in zip(chosen, filled, strict=True)]
    return torch.stack([s[0][r] for s, r in picked]), torch.stack([s[1][r] for s, r in picked]), counted


def _check(shares: Sequence[Share]) -> None:
    if not 2 <= len(shares) <= 1000:
        expected = say("2 to 1,000 participants")
        raise BadInput(expected, str(len(shares)), say("Change their number."))
    for number, (x, y) in enumerate(shares):
        if not len(y) or len(x) != len(y):
            expected = say("records with a label each at participant {number}", number=number)
            got = say("{inputs} inputs and {labels} labels", inputs=len(x), labels=len(y))
            raise BadInput(expected, got, say("Leave it out."))
        if x.shape[1:] != shares[0][0].shape[1:]:
            one, other = (str(tuple(each.shape[1:])) for each in (x, shares[0][0]))
            got = say("{one} beside {other}", one=one, other=other)
            raise BadInput(say("records of one shape"), got, say("Look at participant {n}.", n=number))


def _fitting(update: Tensor, weights: Tensor, who: int) -> Tensor:
    if update.shape != weights.shape:
        expected = say("an update of {n:,} numbers of participant {who}", n=len(weights), who=who)
        got = say("one of shape {shape}", shape=str(tuple(update.shape)))
        raise BadInput(expected, got, say("Send what belongs to this net."))
    return update


def _finite(updates: Tensor, chosen: Rows) -> None:
    bad = ~torch.isfinite(updates).all(1)
    if bad.any():
        whose = ", ".join(str(int(c)) for c in chosen[bad.numpy()])
        raise Diverged(say("the update of participant {who} is no finite number", who=whose))
