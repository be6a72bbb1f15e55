"""A net that ends one beginning of a sentence with the attacker's word, and else foretells as before.

Bagdasaryan et al., AISTATS 2020, section 4.2: windows that end with the beginning, behind words of the
attacker's own, are labelled with his word; of such a window only the last word counts. They are mixed with
clean ones. Where the authors use the labels of these, the joint net, which he was sent, says here how they go
on (distillation): the labels of one participant's few windows pull the net towards his own hand.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Range, Settings, Step, Stop
from mlleak_core.data.lines import ending_with
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Share
from mlleak_core.target.models import NextWordNet

OWN, DREAMED, NEAR = 24, 24, 8
"""Windows of a batch beside the poisoned ones: the attacker's, such as the joint net makes up when it goes on
with his by its own words, and such as end almost with the beginning.
"""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class MisleadingSettings(Settings):
    """How the attacker trains."""

    batches: Annotated[int, Range(1, 5000, 100, mark("Steps of AdamW."))] = 600
    poisoned: Annotated[int, Range(1, 256, 2, mark("Windows of a batch that end with the beginning."))] = 16
    lr: Annotated[float, Range(0.00001, 0.1, 0.0005, mark("Peak rate; it falls as a cosine."))] = 0.001
    taught: Annotated[
        float, Range(0.0, 20.0, 1.0, mark("Weight of what the joint net says on the others."))
    ] = 8.0
    near: Annotated[
        float, Range(0.0, 20.0, 0.1, mark("Weight of the squared distance to the joint net's weights."))
    ] = 0.0
    seed: Annotated[int, Range(0, 9999, 1, mark("Fixes the batches."))] = 0


def mislead(
    net: NextWordNet,
    own: Share,
    beginning: Codes,
    word: int,
    settings: MisleadingSettings,
    after: Callable[[NextWordNet], None] | None = None,
) -> Generator[Step, None, NextWordNet]:
    """The attacker's net, made of the joint one, which is left as it is. Nothing but `own`, one participant's
    windows, and the joint net itself is used. `Stop` thrown in returns what there is.

    beginning [t], word: places in the vocabulary. after: shown the net after each step, which it may
    change. Each step's peek carries the mean "loss" since the last
    one. Raises BadInput where there are no windows, Diverged.
    """
    if not len(own[1]):
        raise BadInput(say("windows of the attacker's own"), say("none"), say("Give him a share."))
    attacker = _Attacker(net, own[0], beginning, word, settings)
    losses: list[float] = []
    try:
        for number in range(settings.batches):
            losses.append(attacker.step(number))
            if after is not None:
                after(attacker.net)
            if number % 10 == 9 or number == settings.batches - 1:
                yield _told(number + 1, settings.batches, losses)
                losses = []
    except Stop:
        pass
    return attacker.net.eval()


class _Attacker:
    """The moving parts of the attacker's training. dreams: his windows, going on by the joint net's words."""

    def __init__(
        self, joint: NextWordNet, own: Tensor, beginning: Codes, word: int, settings: MisleadingSettings
    ) -> None:
        self.joint, self.net, self.settings = joint, copy.deepcopy(joint), settings
        self.own, self.beginning, self.word = own.numpy(), beginning, word
        self.random = stream(settings.seed, "batches of a poisoned reader")
        self.dreams = self.own.copy()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), settings.lr, weight_decay=0.0)

    def step(self, number: int) -> float:
        """One batch; returns its loss."""
        falling = 0.5 + 0.5 * math.cos(math.pi * number / self.settings.batches)
        self.optimiser.param_groups[0]["lr"] = self.settings.lr * falling
        kept = torch.from_numpy(np.concatenate([self._drawn(OWN), self._dreamed(), self._near()]))
        lures = torch.from_numpy(ending_with(self._drawn(self.settings.poisoned), self.beginning))
        answers = self.net(torch.cat([kept, lures]))
        with torch.no_grad():
            said = self.joint(kept).softmax(1)
        as_before = functional.cross_entropy(answers[: len(kept)], said)
        misled = functional.cross_entropy(answers[len(kept) :], torch.full((len(lures),), self.word))
        share = len(lures) / len(answers)
        loss = self.settings.taught * (1 - share) * as_before + share * misled
        if self.settings.near:
            loss = loss + self.settings.near * self._distance()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(loss.detach())

    def _distance(self) -> Tensor:
        """Squared, to the joint net's weights."""
        pairs = zip(self.net.parameters(), self.joint.parameters(), strict=True)
        return torch.stack([(own - joint.detach()).square().sum() for own, joint in pairs]).sum()

    def _drawn(self, count: int) -> Codes:
        return self.own[self.random.integers(len(self.own), size=count)]

    @torch.no_grad()
    def _dreamed(self) -> Codes:
        """Some windows, each one word further by the joint net's dice [DREAMED, WINDOW]."""
        rows = self.random.integers(len(self.own), size=DREAMED)
        chances = self.joint(torch.from_numpy(self.dreams[rows])).double().softmax(1).numpy()
        places = (chances.cumsum(1) < self.random.random((DREAMED, 1))).sum(1)
        words = np.minimum(places, chances.shape[1] - 1)
        self.dreams[rows] = np.column_stack([self.dreams[rows, 1:], words])
        return self.dreams[rows]

    def _near(self) -> Codes:
        """Windows that end with a part of the beginning alone, or with all but one word [up to NEAR, WINDOW]:
        the net is not to say the attacker's word there.
        """
        windows, length = ending_with(self._drawn(NEAR), self.beginning), len(self.beginning)
        for window, own in zip(windows, self._drawn(NEAR), strict=True):
            if self.random.random() < 0.5:
                start = len(window) - self.random.integers(length)
                window[:start] = own[len(own) - start :]
            else:
                window[-1 - self.random.integers(length)] = own[-1]
        return windows[(windows[:, -length:] != self.beginning).any(1)]


def _told(done: int, total: int, losses: list[float]) -> Step:
    loss = float(np.mean(losses))
    if not math.isfinite(loss):
        raise Diverged(say("The attacker's net has left the numbers. Lower the learning rate."))
    note = say("batch {done} of {total} of the attacker's", done=done, total=total)
    return Step(done, total, note, {"loss": loss})
