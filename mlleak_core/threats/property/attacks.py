"""The attacks: from what one participant sees of the rounds to when the property was in the others' batches.

Source: Melis, Song, De Cristofaro & Shmatikov, S&P 2019, sections 4 and 6, and the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import Range, Step, Stop
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Glimpse, Share
from mlleak_core.target.models import ConvNet, WordNet
from mlleak_core.threat import Attack
from mlleak_core.threats.property.gradients import pooled
from mlleak_core.threats.property.judge import Claim
from mlleak_core.threats.property.parties import Labelled
from mlleak_core.threats.property.readers import Forest, Logistic, Reader, log_ratio

MIXES = (1.0, 1.0, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8)
"""Shares of the property in the authors' batches that have it."""
SHARES = (1.0, 0.9, 0.8, 0.6)
"""The same of the online attack: smaller ones teach its reader more noise than signal."""
FALSE_ALARMS = 0.01
"""How often an alarm may come in a whole training in which there is nothing."""
MOST = 4.0
"""A single round's log ratio counts for no more."""
FAINT = 1e-4
"""Added to a pooled update's values, whose squares sum to one, before their logarithm is taken."""
Weights = NDArray[np.float32]
Floats = NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """All that the attacker has. glimpses: what he sees of the rounds he looks at, `looks` of them.

    gradient(weights [p], x, y): of the mean loss of a batch [p], as every participant computes it. shapes: of
    the net's parameters. net: a copy of the joint one. learn, check: his own records.
    """

    glimpses: Iterator[Glimpse]
    looks: int
    gradient: Callable[[Tensor, Tensor, Tensor], Tensor]
    shapes: Sequence[torch.Size]
    net: ConvNet | WordNet
    learn: Labelled
    check: Labelled
    participants: int
    batch: int
    lr: float
    seed: int


def chunks(view: View, weights: Tensor, share: Share, count: int, rng: np.random.Generator) -> Tensor:
    """Gradients of `count` half batches of the attacker's photos [count, p]."""
    x, y = share
    size, found = max(1, view.batch // 2), []
    for _ in range(count):
        rows = rng.choice(len(y), size, replace=len(y) < size)
        found.append(view.gradient(weights, x[rows], y[rows]))
    return torch.stack(found)


def rehearsed(
    view: View, weights: Tensor, photos: Labelled, many: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int8]]:
    """What he would see of others like his own photos, pooled: 2 x `many` rows, and which have the property.

    A gradient of a mixed batch is the mean of its parts' gradients: a few half batches make any number of
    batches.
    """
    having = chunks(view, weights, photos.having, max(2, many // 2), rng)
    lacking = chunks(view, weights, photos.lacking, many, rng)
    k = len(having)
    mix = np.zeros((2 * many, k + len(lacking)), np.float32)
    for row in range(2 * many):
        share = SHARES[row % len(SHARES)] if row < many else 0.0
        mix[row, :k] = share * _pair(k, rng)
        mix[row, k:] = (1 - share) * _pair(len(lacking), rng)
        mix[row, k:] += sum(_pair(len(lacking), rng) for _ in range(view.participants - 2))
    sums = torch.from_numpy(mix) @ torch.cat([having, lacking])
    return pooled(sums, view.shapes), np.repeat(np.array([1, 0], np.int8), many)


def _pair(count: int, rng: np.random.Generator) -> Weights:
    """Half each of two among `count`."""
    weights = np.zeros(count, np.float32)
    weights[rng.choice(count, 2, replace=False)] = 0.5
    return weights


@dataclass(eq=False)
class _Alarm:
    """A cumulative sum of log ratios that starts anew below nought (Page 1954), for a property that comes and
    stays in half of the rounds; where nothing is there it exceeds h once in e^h rounds at most (Lorden 1971).
    """

    looks: int
    height: float = 0.0
    rung: int = -1

    def hear(self, ratio: float, round_: int) -> None:
        stays = float(np.log((1 + np.exp(np.clip(ratio, -MOST, MOST))) / 2))
        self.height = max(0.0, self.height + stays)
        if self.rung < 0 and self.height > np.log(self.looks / FALSE_ALARMS):
            self.rung = round_


class PropertyAttack(Attack):
    """Base: may send something of its own."""

    def sends(self, view: View) -> Callable[[int, Tensor], Tensor] | None:
        """The update that is sent in place of the honest one: of a passive attack, none."""
        return None


@final
@dataclass(frozen=True)
class Online(PropertyAttack):
    """Judges every round from what was seen up to it: a reader is trained anew every few rounds, on the
    rehearsals so far; photos held back say how sure to be. Updates are read against own ones without the
    property at the same weights, so that what drifts with the joint model cancels.

    Ours; section 4.4 of the paper, without its hindsight. Guarantees: nothing of a later round is used.
    """

    slug: ClassVar[str] = "online"
    title: ClassVar[str] = mark("Online")
    why: ClassVar[str] = "judges each round from the rounds so far"
    colour: ClassVar[str] = "#0072B2"
    renew: Annotated[int, Range(1, 50, 1, "Looks between two trainings of the reader.")] = 8
    memory: Annotated[int, Range(4, 500, 4, "Looks that the reader learns from.")] = 150

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Look, rehearse, judge, look on."""
        rng, seen = stream(view.seed, "batches of an attacker"), _Seen(alarm=_Alarm(view.looks))
        reader: Reader | None = None
        with suppress(Stop):
            for look, glimpse in enumerate(view.glimpses):
                rows, labels = rehearsed(view, glimpse.before, view.learn, 8, rng)
                usual = _logs(rows[labels == 0]).mean(0)
                seen.learn(_logs(rows) - usual, labels, self.memory)
                if reader is None or look % self.renew == 0:
                    reader = Logistic(view.seed).fit(*seen.lessons())
                rows, labels = rehearsed(view, glimpse.before, view.check, 4, rng)
                seen.check(reader, _logs(rows) - usual, labels, self.memory)
                row = pooled(glimpse.others[None], view.shapes)
                seen.judge(reader, _logs(row) - usual, glimpse.number)
                yield Step(look + 1, view.looks, say("watching the rounds"), peek={"claim": seen.claim()})
        return seen.claim()


def _logs(rows: Floats) -> Floats:
    return np.asarray(np.log(rows + FAINT))


@dataclass(eq=False)
class _Seen:
    """What the online attack remembers."""

    alarm: _Alarm
    rows: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    checks: list[tuple[Floats, NDArray[np.int8]]] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)
    posterior: list[float] = field(default_factory=list)

    def learn(self, rows: Floats, labels: NDArray[np.int8], memory: int) -> None:
        self.rows, self.labels = [*self.rows, rows][-memory:], [*self.labels, labels][-memory:]

    def lessons(self) -> tuple[Floats, NDArray[np.int8]]:
        return np.concatenate(self.rows), np.concatenate(self.labels)

    def check(self, reader: Reader, rows: Floats, labels: NDArray[np.int8], memory: int) -> None:
        self.checks = [*self.checks, (reader.score(rows), labels)][-memory:]

    def judge(self, reader: Reader, row: Floats, round_: int) -> None:
        scores, labels = (np.concatenate(part) for part in zip(*self.checks, strict=True))
        ratio = float(log_ratio(reader.score(row), scores, labels)[0])
        self.rounds.append(round_)
        self.posterior.append(float(expit(ratio)))
        self.alarm.hear(ratio, round_)

    def claim(self) -> Claim:
        rounds, posterior = np.array(self.rounds, np.int64), np.array(self.posterior)
        return Claim(rounds=rounds, posterior=posterior, alarm=self.alarm.rung)


class InHindsight(PropertyAttack):
    """Base of the paper's attacks: one forest over all rounds, after the last one, with the authors' numbers:
    8 batches with the property and 8 without at every look, a forest of 100. Abstract.
    """

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Watch to the end, then learn, then judge."""
        rng = stream(view.seed, "batches of an attacker")
        rows, checks, seen, rounds = [], [], [], []
        with suppress(Stop):
            for look, glimpse in enumerate(view.glimpses):
                rows.append(_batches(view, glimpse.before, rng))
                checks.append(rehearsed(view, glimpse.before, view.check, 4, rng))
                seen.append(pooled(glimpse.others[None], view.shapes))
                rounds.append(glimpse.number)
                yield Step(look + 1, view.looks, say("watching the rounds"))
        if not rows:
            return Claim(rounds=np.zeros(0, np.int64), posterior=np.zeros(0))
        with suppress(Stop):
            yield Step(view.looks, view.looks, say("learning from all rounds"))
        labels = np.tile(np.repeat(np.array([1, 0], np.int8), len(MIXES)), len(rows))
        reader = Forest(view.seed).fit(np.concatenate(rows), labels)
        known = reader.score(np.concatenate([c for c, _ in checks])), np.concatenate([c for _, c in checks])
        ratios, alarm = log_ratio(reader.score(np.concatenate(seen)), *known), _Alarm(view.looks)
        for ratio, round_ in zip(ratios, rounds, strict=True):
            alarm.hear(float(ratio), round_)
        return Claim(rounds=np.array(rounds), posterior=expit(ratios), alarm=alarm.rung)


@final
@dataclass(frozen=True)
class Passive(InHindsight):
    """Compares what the others sent with rehearsals on own photos.

    Melis et al. 2019, section 4.4. Named generosity: later rounds date earlier ones.
    """

    slug: ClassVar[str] = "passive"
    title: ClassVar[str] = mark("Passive")
    why: ClassVar[str] = "compares what the others sent with rehearsals on own photos"
    colour: ClassVar[str] = "#009E73"


@final
@dataclass(frozen=True)
class Active(InHindsight):
    """As passive, but the attacker's own updates teach the joint net a second task: to tell the property.

    Melis et al. 2019, section 4.5: loss (1 - alpha) task + alpha property, by a head that stays with him;
    a fifth of his batch has the property.
    """

    slug: ClassVar[str] = "active"
    title: ClassVar[str] = mark("Active")
    why: ClassVar[str] = "teaches the joint net to look for the property"
    colour: ClassVar[str] = "#D55E00"
    alpha: Annotated[float, Range(0.1, 0.9, 0.1, "Weight of the second task.")] = 0.5

    def sends(self, view: View) -> Callable[[int, Tensor], Tensor]:
        """His update of a round; the head learns along."""
        net, width = view.net, view.net.logits.in_features
        made = torch.Generator().manual_seed(view.seed)
        head = [torch.randn(2, width, generator=made) / width**0.5, torch.zeros(2)]

        def update(number: int, weights: Tensor) -> Tensor:
            torch.nn.utils.vector_to_parameters(weights, net.parameters())
            x, y, has = _mixed(view, stream(view.seed, "batches of an attacker", number + 1))
            parts = [part.requires_grad_() for part in head]
            hidden = net.features(x)
            task = functional.cross_entropy(net.logits(hidden), y)
            second = functional.cross_entropy(functional.linear(hidden, *parts), has)
            loss = (1 - self.alpha) * task + self.alpha * second
            *own, of_weight, of_bias = torch.autograd.grad(loss, [*net.parameters(), *parts])
            for i, slope in enumerate((of_weight, of_bias)):
                head[i] = head[i].detach() - view.lr * slope
            return -view.lr * torch.cat([g.reshape(-1) for g in own])

        return update


def _mixed(view: View, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of the attacker's, a fifth with the property: inputs, task labels, property labels."""
    some = max(1, view.batch // 5)
    drawn = ((view.learn.having, some), (view.learn.lacking, view.batch - some))
    rows = [rng.choice(len(share[1]), count, replace=len(share[1]) < count) for share, count in drawn]
    x, y = (torch.cat([share[i][r] for (share, _), r in zip(drawn, rows, strict=True)]) for i in (0, 1))
    return x, y, torch.tensor([1] * some + [0] * (view.batch - some))


def _batches(view: View, weights: Tensor, rng: np.random.Generator) -> Floats:
    """The authors' rehearsal: 8 whole batches with the property, in their mixes, and 8 without, each beside
    n - 2 others, of which a few more than that are computed and drawn from.
    """
    others = [_batch(view, weights, 0.0, rng) for _ in range(_pool(view.participants))]
    made = []
    for share in (*MIXES, *(0.0 for _ in MIXES)):
        beside = rng.choice(len(others), view.participants - 2, replace=False) if others else ()
        made.append(_batch(view, weights, share, rng) + sum(others[int(i)] for i in beside))
    return pooled(torch.stack(made), view.shapes)


def _pool(participants: int) -> int:
    return 2 * (participants - 2) + 4 if participants > 2 else 0


def _batch(view: View, weights: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    some = round(share * view.batch)
    (hx, hy), (lx, ly) = view.learn.having, view.learn.lacking
    a = rng.choice(len(hy), some, replace=len(hy) < some)
    b = rng.choice(len(ly), view.batch - some, replace=len(ly) < view.batch - some)
    return view.gradient(weights, torch.cat([hx[a], lx[b]]), torch.cat([hy[a], ly[b]]))


CATALOGUE: dict[str, PropertyAttack] = {attack.slug: attack for attack in (Online(), Passive(), Active())}
