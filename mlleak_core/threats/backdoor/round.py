"""One round of a joint training, once for all attacks and defences: what honest participants send in it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import Step
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import AVERAGING, Federation, FederationSettings, Rows, Share
from mlleak_core.threats.backdoor.attacks import Bid
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.judge import Answers, Judge
from mlleak_core.threats.backdoor.poison import Workshop

AT_ONCE = 16
"""Participants that are trained between two reports."""
BATCH = 32
PARTS = 12
LATER = 10
"""Participants in each round that follows."""


@dataclass(eq=False, kw_only=True)
class Round:
    """chosen [k]: who takes part, the attacker's participants first. updates [k, p], claims [k]: of all of
    them, as if all were honest.
    """

    settings: BackdoorSettings
    crowd: Crowd
    federation: Federation
    chosen: Rows
    updates: Tensor
    claims: Tensor

    @property
    def places(self) -> tuple[int, ...]:
        """Of the attacker's participants in the round."""
        return tuple(range(self.settings.attackers))

    def with_bid(self, bid: Bid) -> tuple[Tensor, Tensor]:
        """Updates and claims, the attacker's among them."""
        updates, claims = self.updates.clone(), self.claims.clone()
        for place in self.places:
            updates[place] = bid.update
            if bid.claim is not None:
                claims[place] = bid.claim
        return updates, claims

    def answers(self, weights: Tensor) -> Answers:
        """What a model [p] makes of the judge's records."""
        crowd = self.crowd
        flipped = self.called(weights, crowd.flips).argmax(1) == crowd.label
        said, truth = self.called(weights, crowd.test[0]), crowd.test[1]
        if crowd.lines is None:
            main = (said.argmax(1) == truth).double()
        else:
            main = functional.cross_entropy(said, truth, reduction="none").double()
        return Answers(flipped=flipped.numpy(), main=main.numpy())

    def called(self, weights: Tensor, x: Tensor) -> Tensor:
        """Logits [n, c] that a model [p] gives to inputs."""
        return torch.cat([self.federation.answer(part, weights) for part in x.split(512)])

    def judge(self, quiet: Tensor) -> Judge:
        """Of this round; quiet [p]: the joint model after it where nobody attacks."""
        crowd = self.crowd
        return Judge(
            wearers=crowd.wearers,
            people=crowd.people,
            quiet=self.answers(quiet),
            perplexed=crowd.lines is not None,
        )


def play(settings: BackdoorSettings, crowd: Crowd, number: int = 0) -> Generator[Step, None, Round]:
    """Train everybody who takes part, as if nobody attacked. number: of the round, for other batches."""
    federation = Federation(crowd.net, crowd.shares, rules(settings))
    chosen = _chosen(settings)
    updates = []
    for start in range(0, len(chosen), AT_ONCE):
        yield Step(start, len(chosen), say("honest participants train"))
        updates.append(federation.sent(chosen[start : start + AT_ONCE], number, crowd.joint))
    claims = torch.tensor([len(crowd.shares[c][1]) for c in chosen], dtype=crowd.joint.dtype)
    claims[: settings.attackers] = claims[settings.attackers :].median()  # no more than anybody
    return Round(
        settings=settings,
        crowd=crowd,
        federation=federation,
        chosen=chosen,
        updates=torch.cat(updates),
        claims=claims,
    )


def rules(settings: BackdoorSettings, share: float = 1.0) -> FederationSettings:
    """As everybody trains."""
    return FederationSettings(
        rule=AVERAGING,
        rounds=max(1, settings.after),
        share=share,
        batch=BATCH,
        lr=settings.lr,
        epochs=settings.epochs,
        seed=settings.seed,
    )


def _chosen(settings: BackdoorSettings) -> Rows:
    """The attacker's participants and, at random, enough others."""
    attackers = np.arange(settings.attackers)
    rng = stream(settings.seed, "participants of a round", 0)
    others = rng.permutation(np.arange(settings.attackers, settings.participants))
    return np.concatenate([attackers, np.sort(others[: settings.in_a_round - settings.attackers])])


def workshop(settings: BackdoorSettings, crowd: Crowd, typical: int) -> Workshop:
    """The attacker's bench; typical: records of an honest participant."""
    clean = _own(settings, crowd)
    parts = max(2, min(PARTS, len(clean[1]) // max(typical, 1)))
    cuts = np.array_split(np.arange(len(clean[1])), parts)
    pieces = tuple((clean[0][rows[:typical]], clean[1][rows[:typical]]) for rows in cuts)
    acted = Federation(crowd.net, pieces, rules(settings))
    mimics = [
        acted.sent(np.arange(i, min(i + AT_ONCE, parts)), 0, crowd.joint) for i in range(0, parts, AT_ONCE)
    ]
    return Workshop(crowd=crowd, clean=clean, mimics=torch.cat(mimics), seed=settings.seed)


def poisoned_as_honest(settings: BackdoorSettings, crowd: Crowd) -> Tensor:
    """What honest training makes of the attacker's records with wrong labels [p]."""
    x, y = _own(settings, crowd)
    wrong = torch.full((len(crowd.triggers),), crowd.label)
    share = torch.cat([x, crowd.triggers]), torch.cat([y, wrong])
    acted = Federation(crowd.net, (share, crowd.root), rules(settings))
    return acted.sent(np.arange(1), 0, crowd.joint)[0]


def root_update(settings: BackdoorSettings, crowd: Crowd, weights: Tensor) -> Tensor:
    """What the server's own records would send [p]."""
    acted = Federation(crowd.net, (crowd.root, crowd.root), rules(settings))
    return acted.sent(np.arange(1), 0, weights)[0]


def _own(settings: BackdoorSettings, crowd: Crowd) -> Share:
    parts = crowd.shares[: settings.attackers]
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def later(played: Round, weights: Tensor) -> Generator[Step, None, list[float]]:
    """Shares of the trigger records that are still called what the attacker wants, at `weights` [p] and after
    each honest round from there.
    """
    settings, crowd = played.settings, played.crowd
    honest = crowd.shares[settings.attackers :]
    federation = Federation(crowd.net, honest, rules(settings, min(1.0, LATER / len(honest))))
    federation.weights = weights
    rates = [float(played.answers(weights).flipped.mean())]
    for number in range(1, settings.after + 1):
        yield Step(number, settings.after, say("honest rounds after the attack"))
        federation.round(number)
        rates.append(float(played.answers(federation.weights).flipped.mean()))
    return rates
