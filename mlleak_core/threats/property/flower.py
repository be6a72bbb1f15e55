"""The same joint training among real Flower clients, one of them the attacker.

Source: Melis et al., S&P 2019, section 4.4; the attacker is a client who follows the protocol to the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import BadInput, Step, drain, fingerprint
from mlleak_core.data.source import is_faces
from mlleak_core.data.texts import Texts
from mlleak_core.target import flower
from mlleak_core.target.federated import Glimpse
from mlleak_core.target.flower import Lead, Served
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.judge import judge
from mlleak_core.threats.property.parties import ATTACKER, Sample, parties
from mlleak_core.threats.property.run import Training, joint_net, truth

Listener = Callable[[Step], None]


def serve(
    settings: PropertySettings, vocabulary: Sequence[str], address: str, wait: float, on_step: Listener
) -> Served:
    """Lead the joint training; needs no records. vocabulary: the words of texts, in their order; of faces,
    none. Raises BadInput.
    """
    if is_faces(settings.data) == bool(vocabulary):
        expected = "faces, or texts with their vocabulary, for a training over a network"
        raise BadInput(expected, repr(settings.data[:80]), "Take synthetic or reviews, for instance.")
    net = [p.detach() for p in joint_net(settings, len(vocabulary)).parameters()]

    def on_round(number: int, took_part: int) -> None:
        on_step(Step(number + 1, settings.rounds, f"a round of {took_part}"))

    lead = Lead(
        participants=settings.participants,
        rounds=settings.rounds,
        recipe=recipe(settings, vocabulary),
        wait=wait,
        on_round=on_round,
    )
    return flower.serve(flower.flat([p.numpy() for p in net]), [p.shape for p in net], address, lead)


def recipe(settings: PropertySettings, vocabulary: Sequence[str]) -> str:
    """Names what all must have alike; where the records lie may differ from machine to machine."""
    alike = {name: value for name, value in settings.as_dict().items() if name != "data"}
    return fingerprint(alike, vocabulary)


def join(
    settings: PropertySettings, sample: Sample, who: int, server: str, wait: float, on_step: Listener
) -> dict[str, Any]:
    """Take part as number `who`, the attacker being 0; returns the report. Raises BadInput."""
    if not 0 <= who < settings.participants:
        last = settings.participants - 1
        raise BadInput(f"a participant from 0 to {last}", str(who), "Give one of these numbers.")
    training = Training(settings=settings, deal=parties(settings, sample))
    made = recipe(settings, sample.vocabulary if isinstance(sample, Texts) else ())

    def along(participant: Honest) -> None:
        shapes = training.federation.shapes
        flower.join(participant, shapes, who=who, server=server, recipe=made, wait=wait)

    if who != ATTACKER:
        honest = Honest(training, who, on_step)
        along(honest)
        return honest.row()
    return _attacked(training, on_step, along)


def _attacked(training: Training, on_step: Listener, along: Callable[[Honest], None]) -> dict[str, Any]:
    """The attack judges in a thread of its own, while the rounds go on."""
    glimpses: SimpleQueue[Glimpse | None] = SimpleQueue()
    attacker = Attacker(training, ATTACKER, on_step, glimpses)
    own = replace(training)  # a net is not shared between threads
    view = replace(own.view, glimpses=iter(glimpses.get, None))
    with ThreadPoolExecutor(1) as aside:
        claimed = aside.submit(drain, own.attack.run(view))
        try:
            along(attacker)
        finally:
            glimpses.put(None)
        claim = claimed.result()
    settings = training.settings
    report = judge(claim, truth(settings, training.deal, attacker.rounds), settings.seed)
    return {
        **attacker.row(),
        **report.row(),
        "verdict": report.verdict.words,
        "alarm": claim.alarm if claim.alarm >= 0 else None,
        "looks": len(claim.rounds),
    }


@dataclass(eq=False)
class Honest:
    """Sends what it would send in a `Federation`. Of the deal, only its own share is used."""

    training: Training
    who: int
    on_step: Listener
    rounds: int = 0
    loss: float | None = None

    def sends(self, number: int, weights: Tensor, behind: int) -> Tensor:
        del behind
        self.rounds = number + 1
        self.on_step(Step(self.rounds, self.training.settings.rounds, "a round"))
        return self.training.federation.sent(np.array([self.who]), number, weights)[0]

    def ends(self, weights: Tensor, behind: int) -> float:
        del behind
        x, y = self.training.deal.shares[self.who]
        self.loss = float(functional.cross_entropy(self.training.federation.answer(x, weights), y))
        return self.loss

    def row(self) -> dict[str, Any]:
        return {"participant": self.who, "rounds": self.rounds, "own_loss": self.loss}


class Attacker(Honest):
    """Remembers a round's model and its own update until the next model comes: together a `Glimpse`."""

    def __init__(
        self, training: Training, who: int, on_step: Listener, glimpses: SimpleQueue[Glimpse | None]
    ) -> None:
        super().__init__(training, who, on_step)
        self.glimpses = glimpses
        self._last: tuple[int, Tensor, Tensor] | None = None

    def sends(self, number: int, weights: Tensor, behind: int) -> Tensor:
        self._look(weights, behind)
        own = super().sends(number, weights, behind)
        self._last = number, weights, own
        return own

    def ends(self, weights: Tensor, behind: int) -> float:
        self._look(weights, behind)
        return super().ends(weights, behind)

    def _look(self, after: Tensor, behind: int) -> None:
        if self._last is None:
            return
        number, before, own = self._last
        if number % self.training.settings.every == 0:
            self.glimpses.put(Glimpse(number=number, before=before, after=after, took_part=behind, own=own))
