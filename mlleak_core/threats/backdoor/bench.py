"""One round and all that its attacks and defences have in common."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from torch import Tensor

from mlleak_core.contract import BadInput, Diverged, Step
from mlleak_core.defences.distances import TINY, norms, products
from mlleak_core.figures.crowd import Point
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.threats.backdoor import server
from mlleak_core.threats.backdoor.attacks import BackdoorAttack, Bid, View
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.facts import Cell, Walk
from mlleak_core.threats.backdoor.judge import Answers, Judge
from mlleak_core.threats.backdoor.poison import Recipe, Workshop
from mlleak_core.threats.backdoor.round import Round, play, poisoned_as_honest, root_update, workshop

LENGTHS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
"""Of the step of the joint model, in lengths of X minus it: the δ axis."""
WALKS = ("mean", "outliers", "tuning", "outliers-tuning")


@dataclass(eq=False, kw_only=True)
class Bench:
    """All that attacks and defences of one round have in common."""

    settings: BackdoorSettings
    played: Round
    workshop: Workshop
    poisoned: Tensor
    before: Answers
    judges: dict[str, Judge] = field(default_factory=dict)

    def judge(self, slug: str) -> Judge:
        """Against the same round under the same defence, in which nobody attacks."""
        if slug not in self.judges:
            quiet, _ = self.after(slug, self.played.updates, self.played.claims)
            self.judges[slug] = self.played.judge(quiet)
        return self.judges[slug]

    def root(self) -> Tensor:
        return root_update(self.settings, self.played.crowd, self.played.crowd.joint)

    def bid(self, attack: BackdoorAttack, slug: str) -> Generator[Step, None, Bid]:
        """What this attack sends to a server with this defence."""
        chosen = server.arm(slug, self.settings, self.played.updates, self.root)
        view = View(
            workshop=self.workshop,
            rule=chosen.rule,
            claims=self.played.claims,
            places=self.played.places,
            honest=self.poisoned,
            oops=self.settings.oops,
            everybody=self.settings.participants,
        )
        return (yield from attack.run(view))

    def after(self, slug: str, updates: Tensor, claims: Tensor) -> tuple[Tensor, Tensor]:
        """The joint model [p] after the round, and whom the rule kept [k]."""
        settings, crowd = self.settings, self.played.crowd
        chosen = server.arm(slug, settings, updates, self.root)
        rule = chosen.rule.in_round(0)
        weights = crowd.joint + rule(updates, claims)
        if chosen.repairs:
            weights = server.repaired(crowd.net, weights, crowd.root, settings.seed)
        return weights, rule.whom(updates, claims)

    def cell(self, attack: BackdoorAttack, slug: str) -> Generator[Step, None, tuple[Cell, Bid, Tensor]]:
        """One attack under one defence."""
        bid = yield from self.bid(attack, slug)
        updates, claims = self.played.with_bid(bid)
        weights, kept = self.after(slug, updates, claims)
        places = len(self.played.places)
        cell = Cell(
            attack=attack.slug,
            arm=slug,
            outcome=self.judge(slug).outcome(self.played.answers(weights)),
            gamma=bid.gamma,
            length=float(bid.update.double().norm()),
            attacker_kept=bool(kept[:places].any()),
            honest_dropped=int((~kept[places:]).sum()),
        )
        return cell, bid, weights


def prepared(settings: BackdoorSettings, crowd: Crowd) -> Generator[Step, None, Bench]:
    """Play the round, and make ready what every attack on it needs."""
    played = yield from play(settings, crowd)
    own = workshop(settings, crowd, int(played.claims[settings.attackers :].median()))
    return Bench(
        settings=settings,
        played=played,
        workshop=own,
        poisoned=poisoned_as_honest(settings, crowd),
        before=played.answers(crowd.joint),
    )


def dots(bench: Bench, bid: Bid) -> tuple[Point, ...]:
    """Every update by its length and its cosine to the median of all, in an order that says nothing."""
    updates, _ = bench.played.with_bid(bid)
    middle = updates.median(0).values.double()
    lengths = norms(updates)
    cosines = products(updates, middle) / lengths.clamp_min(TINY) / middle.norm().clamp_min(TINY)
    places = len(bench.played.places)
    shuffled = stream(bench.settings.seed, "faces with a trigger", 1).permutation(len(lengths))
    found = [
        Point(who=int(who), norm=float(length), cosine=float(cosine), attacks=i < places)
        for i, (who, length, cosine) in enumerate(zip(shuffled, lengths, cosines, strict=True))
    ]
    return tuple(sorted(found, key=lambda dot: dot.who))


def walked(bench: Bench) -> Generator[Step, None, list[Walk]]:
    """The δ axis: the update at every length, under no defence, either, and both."""
    played = bench.played
    step = yield from bench.workshop.step(Recipe())
    equal, found = len(played.updates) / len(played.places), []
    for number, length in enumerate(LENGTHS):
        yield Step(number, len(LENGTHS), say("the same update, shorter and longer"))
        updates, claims = played.with_bid(Bid(update=equal * length * step, gamma=equal * length))
        for slug in WALKS:
            try:
                weights, _ = bench.after(slug, updates, claims)
            except (BadInput, Diverged):
                continue
            outcome = bench.judge(slug).outcome(played.answers(weights))
            found.append(Walk(arm=slug, delta=float(equal * length * step.norm()), outcome=outcome))
    return found
