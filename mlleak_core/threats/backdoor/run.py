"""One attacked round: a model that was trained jointly, one update, and what the joint model is after it."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput, Diverged, Step, Stop, now, relay
from mlleak_core.data import Faces
from mlleak_core.data.lines import Lines
from mlleak_core.data.source import is_faces
from mlleak_core.defences.distances import TINY, norms, products
from mlleak_core.figures.sheets import strips
from mlleak_core.seeds import stream
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import shrink
from mlleak_core.threat import Desk, configured
from mlleak_core.threats.backdoor import server
from mlleak_core.threats.backdoor.attacks import CATALOGUE, BackdoorAttack, Bid, View
from mlleak_core.threats.backdoor.card import ALL, ATTACKS, BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.exhibit import SHOWN, About, BackdoorExhibit, Cell, Dot, Shown, Walk
from mlleak_core.threats.backdoor.faces import of_faces
from mlleak_core.threats.backdoor.judge import Answers, Judge, Outcome, persistence, rate, row
from mlleak_core.threats.backdoor.poison import Recipe, Workshop
from mlleak_core.threats.backdoor.round import (
    Round,
    later,
    play,
    poisoned_as_honest,
    root_update,
    workshop,
)
from mlleak_core.threats.backdoor.words import of_lines, read
from mlleak_core.threats.likeness import prepare

T = TypeVar("T")
LENGTHS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
"""Of the step of the joint model, in lengths of X minus it: the δ axis."""
OTHERS = "other attacks and defences on the same round"
LASTING, NOISY = "neurotoxin", "clip-noise"
WALKS = ("mean", "outliers", "tuning", "outliers-tuning")


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """A finished run. cells: every attack under every defence that was tried, the asked one first."""

    settings: BackdoorSettings
    sample: Faces | Lines
    played: Round
    judge: Judge
    weights: Tensor
    before: Answers
    after: Answers
    cells: tuple[Cell, ...]
    dots: tuple[Dot, ...]
    walks: tuple[Walk, ...]
    lasts: dict[str, tuple[float, ...]]
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        first, crowd = self.cells[0], self.played.crowd
        report = row(rate(self.before.flipped), self.judge.main(self.before), first.outcome)
        lasts = self.lasts.get(first.attack, ())
        mine = max(dot.norm for dot in self.dots if dot.attacks)
        return {
            **report,
            "verdict": first.outcome.verdict.words,
            "persistence_rounds": persistence(list(lasts)),
            "attacker_norm_rank": 1 + sum(not dot.attacks and dot.norm > mine for dot in self.dots),
            "gamma": first.gamma,
            "rounds": 1 + max(0, len(lasts) - 1),
            "people": len(np.unique(crowd.wearers)),
            "matrix": [_flat(cell) for cell in self.cells],
        }

    def artefact(self, name: str) -> bytes:
        """Every attack under every defence, as a CSV."""
        if name != "matrix":
            raise BadInput("a file that can be written: matrix", repr(name[:80]), "Choose this one.")
        text = io.StringIO()
        writer = csv.DictWriter(text, list(_flat(self.cells[0])))
        writer.writeheader()
        writer.writerows(_flat(cell) for cell in self.cells)
        return text.getvalue().encode()

    def exhibit(self) -> BackdoorExhibit:
        """The round, small."""
        crowd, settings = self.played.crowd, self.settings
        shown = _shown(settings, crowd)
        about = About(
            made=datetime.date.today().isoformat(),
            settings=settings,
            data=self.sample.provenance.title,
            title=crowd.title,
            wanted=crowd.wanted,
            truly=crowd.truly,
            before=rate(self.before.flipped),
            quiet=rate(self.judge.quiet.flipped),
            main_before=self.judge.main(self.before),
            main_quiet=self.judge.main(self.judge.quiet),
            cells=self.cells,
            dots=self.dots,
            walks=self.walks,
            lasts={name: tuple(rates) for name, rates in self.lasts.items()},
            people=len(np.unique(crowd.wearers)),
            testers=len(np.unique(crowd.people)),
            own=(settings.own, len(crowd.triggers)),
            typical=int(np.median([len(y) for _, y in crowd.shares[settings.attackers :]])),
            epsilon=_epsilon(settings),
            shown_before=tuple(bool(v) for v in self.before.flipped[shown]),
            shown_after=tuple(bool(v) for v in self.after.flipped[shown]),
            vocabulary=() if crowd.lines is None else crowd.lines.vocabulary,
            contexts=_contexts(self.sample, crowd, shown),
            seconds=self.seconds,
        )
        return BackdoorExhibit(about=about, arrays=self._arrays(), atlas=_atlas(self.sample, crowd, shown))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Of words, both models, so that whoever looks can type a beginning of his own."""
        if not isinstance(self.sample, Lines):
            return {}
        models = {"before": self.played.crowd.joint, "after": self.weights}
        return {name: weights.numpy().astype(np.float16) for name, weights in models.items()}


def run(settings: BackdoorSettings, desk: Desk) -> Generator[Step, None, Found]:
    """Attack one round of a joint training. Raises BadInput, Diverged.

    `Stop` after the asked attack has been judged leaves out what would follow.
    """
    server.check(settings)
    sample: Faces | Lines
    if is_faces(settings.data):
        sample = yield from desk.faces(settings.data)
        target = yield from desk.target(TrainSettings(data=settings.data, seed=settings.seed), stopped=True)
        started = now()
        crowd = of_faces(settings, sample, target)
    else:
        sample = yield from desk.lines(settings.data)
        reader = yield from read(settings, sample, desk)
        started = now()
        crowd = of_lines(settings, sample, reader)
    opening = {"shown": _opened(settings, sample, crowd)}
    yield Step(0, 1, "the joint model is there", peek=opening)
    bench = yield from _showing(opening, _prepared(settings, crowd))
    return (yield from _attacked(settings, sample, bench, started))


def _showing(peek: Mapping[str, Any], steps: Generator[Step, None, T]) -> Generator[Step, None, T]:
    """The same steps, each of which shows what there is to be seen so far."""
    return relay(steps, lambda step: replace(step, peek=peek))


@dataclass(eq=False, kw_only=True)
class _Bench:
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


def _prepared(settings: BackdoorSettings, crowd: Crowd) -> Generator[Step, None, _Bench]:
    played = yield from play(settings, crowd)
    own = workshop(settings, crowd, int(played.claims[settings.attackers :].median()))
    return _Bench(
        settings=settings,
        played=played,
        workshop=own,
        poisoned=poisoned_as_honest(settings, crowd),
        before=played.answers(crowd.joint),
    )


def _attacked(
    settings: BackdoorSettings, sample: Faces | Lines, bench: _Bench, started: float
) -> Generator[Step, None, Found]:
    pairs = _pairs(settings)
    opening = {"shown": _opened(settings, sample, bench.played.crowd)}
    first = bench.cell(_attack(settings, pairs[0][0]), pairs[0][1])
    cell, bid, weights = yield from _showing(opening, first)
    found = Found(
        settings=settings,
        sample=sample,
        played=bench.played,
        judge=bench.judge(cell.arm),
        weights=weights,
        before=bench.before,
        after=bench.played.answers(weights),
        cells=(cell,),
        dots=_dots(bench, bid),
        walks=(),
        lasts={},
        seconds=max(now() - started, 1e-3),
    )
    with suppress(Stop):
        yield Step(0, len(pairs), "the update was sent", peek={"result": found})
        starts = yield from _showing({"result": found}, _starts(settings, bench, weights))
        for name, start in starts.items():
            rates = yield from _showing({"result": found}, later(bench.played, start))
            found = replace(found, lasts={**found.lasts, name: tuple(rates)})
        walks = yield from _showing({"result": found}, _walks(bench))
        found = replace(found, walks=tuple(walks))
        for number, pair in enumerate(pairs[1:]):
            yield Step(number, len(pairs), OTHERS, peek={"result": found})
            found = yield from _showing({"result": found}, _more(settings, bench, found, pair))
    return replace(found, seconds=max(now() - started, 1e-3))


def _more(
    settings: BackdoorSettings, bench: _Bench, found: Found, pair: tuple[str, str]
) -> Generator[Step, None, Found]:
    """With another attack under another defence; a rule that needs more than take part is left out."""
    try:
        cell = (yield from bench.cell(_attack(settings, pair[0]), pair[1]))[0]
    except BadInput:
        return found
    return replace(found, cells=(*found.cells, cell))


def _starts(
    settings: BackdoorSettings, bench: _Bench, weights: Tensor
) -> Generator[Step, None, dict[str, Tensor]]:
    """Models from which honest rounds follow, attack -> [p]: the asked one, and the one that is to last."""
    (asked, arm), *_ = _pairs(settings)
    if not settings.after:
        return {}
    if asked == LASTING:
        return {asked: weights}
    return {asked: weights, LASTING: (yield from bench.cell(_attack(settings, LASTING), arm))[2]}


def _pairs(settings: BackdoorSettings) -> list[tuple[str, str]]:
    """Attack and defence: the asked pair first, then the asked attack under every defence, or all of all."""
    attacks = ATTACKS if settings.attack == ALL else (settings.attack,)
    arms = server.arms(ALL)
    asked = arms if settings.aggregator == ALL else (settings.aggregator,)
    pairs = [(a, d) for a in attacks for d in asked]
    return pairs + [(a, d) for a in attacks for d in arms if (a, d) not in pairs]


def _attack(settings: BackdoorSettings, name: str) -> BackdoorAttack:
    return configured(CATALOGUE, replace(settings, attack=name))


def _dots(bench: _Bench, bid: Bid) -> tuple[Dot, ...]:
    """Every update by its length and its cosine to the median of all, in an order that says nothing."""
    updates, _ = bench.played.with_bid(bid)
    middle = updates.median(0).values.double()
    lengths = norms(updates)
    cosines = products(updates, middle) / lengths.clamp_min(TINY) / middle.norm().clamp_min(TINY)
    places = len(bench.played.places)
    shuffled = stream(bench.settings.seed, "faces with a trigger", 1).permutation(len(lengths))
    found = [
        Dot(who=int(who), norm=float(length), cosine=float(cosine), attacks=i < places)
        for i, (who, length, cosine) in enumerate(zip(shuffled, lengths, cosines, strict=True))
    ]
    return tuple(sorted(found, key=lambda dot: dot.who))


def _walks(bench: _Bench) -> Generator[Step, None, list[Walk]]:
    """The δ axis: the update at every length, under no defence, either, and both."""
    played = bench.played
    step = yield from bench.workshop.step(Recipe())
    equal, found = len(played.updates) / len(played.places), []
    for number, length in enumerate(LENGTHS):
        yield Step(number, len(LENGTHS), "the same update, shorter and longer")
        updates, claims = played.with_bid(Bid(update=equal * length * step, gamma=equal * length))
        for slug in WALKS:
            try:
                weights, _ = bench.after(slug, updates, claims)
            except (BadInput, Diverged):
                continue
            outcome = bench.judge(slug).outcome(played.answers(weights))
            found.append(Walk(arm=slug, delta=float(equal * length * step.norm()), outcome=outcome))
    return found


def _epsilon(settings: BackdoorSettings) -> float | None:
    return server.privacy(settings) if settings.aggregator == NOISY else None


def _opened(settings: BackdoorSettings, sample: Faces | Lines, crowd: Crowd) -> Shown:
    """What the joint model makes of the judge's records before anybody attacks."""
    rows = _shown(settings, crowd)
    with torch.no_grad():
        said = crowd.net(crowd.flips[torch.from_numpy(rows)]).argmax(1)
    return Shown(
        atlas=_atlas(sample, crowd, rows),
        flipped=tuple((said == crowd.label).tolist()),
        wanted=crowd.wanted,
        truly=crowd.truly,
        contexts=_contexts(sample, crowd, rows),
    )


def _atlas(sample: Faces | Lines, crowd: Crowd, rows: NDArray[np.int64]) -> bytes:
    if isinstance(sample, Lines):
        return b""
    photos = shrink(sample, crowd.photos[rows]).contiguous().numpy()
    return strips([prepare(photos, colour=True)])


def _contexts(sample: Faces | Lines, crowd: Crowd, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """What stands before the trigger, and the trigger."""
    if not isinstance(sample, Lines):
        return ()
    return tuple(sample.said(crowd.flips[row].numpy()) for row in rows)


def _shown(settings: BackdoorSettings, crowd: Crowd) -> NDArray[np.int64]:
    """One photo each of some people with the trigger: rows of the judge's."""
    order = stream(settings.seed, "faces with a trigger").permutation(len(crowd.photos))
    _, first = np.unique(crowd.wearers[order], return_index=True)
    return order[np.sort(first)][:SHOWN]


def _flat(cell: Cell) -> dict[str, Any]:
    outcome: Outcome = cell.outcome
    return {
        "attack": cell.attack,
        "aggregator": cell.arm,
        "backdoor": outcome.after.value,
        "backdoor_low": outcome.after.low,
        "backdoor_high": outcome.after.high,
        "n_trigger": outcome.after.n,
        "main": outcome.main.value,
        "main_cost": outcome.cost.value,
        "main_cost_low": outcome.cost.low,
        "main_cost_high": outcome.cost.high,
        "gamma": cell.gamma,
        "update_norm": cell.length,
        "attacker_kept": cell.attacker_kept,
        "honest_dropped": cell.honest_dropped,
        "verdict": outcome.verdict.words,
    }
