"""Where there is nothing to find in a net, and what the ladder claims all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence

import numpy as np
import torch

from mlleak_core.contract import Step, drain
from mlleak_core.data import Faces, Labels, Split
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import choose_faces
from mlleak_core.threat import Desk
from mlleak_core.threats.features.judge import judge
from mlleak_core.threats.features.ladder import SAME, Alone, Claim, LayerLadder, View, claimed
from mlleak_core.threats.features.run import opened
from mlleak_core.threats.features.rungs import LadderVerdict, LiftVerdict, Rung

PHOTOS = 2500
"""Synthetic faces that are looked at."""
GAINS = {LadderVerdict.EASIER, LadderVerdict.FORGOTTEN}
TOGETHER = 20
"""Null attributes that are looked for in one net."""
QUICK = LayerLadder(draws=10, nulls=10, controls=8)
"""As few controls as there may be: with more of them a claim rests on more."""
FRESH = TrainSettings(faces=PHOTOS)


def reads_better(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """A net that was never trained is looked at as if it were: is anything made easier, or forgotten?"""
    return (yield from _posing(draws, seed, desk, lambda rung: rung.verdict in GAINS))


def draws_together(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The same for neighbours: are those with an attribute nearer together, or further apart?"""
    return (yield from _posing(draws, seed, desk, lambda rung: rung.lift_verdict is not LiftVerdict.SAME))


def _posing(
    draws: int, seed: int, desk: Desk, false: Callable[[Rung], bool]
) -> Generator[Step, None, list[bool]]:
    """Whether `false` is true of any rung of a report, for one net after the other.

    Each of `draws` nets poses as trained once, beside the next ones in the ring.
    """
    faces = choose_faces((yield from desk.faces(FRESH.data)), FRESH)
    split, attack = Split.by_person(faces, seed), dataclasses.replace(QUICK, seed=seed)
    like, rows = ConvNet(FRESH.net, torch.Generator()), np.arange(len(split.members))
    view = opened(like, split, faces, faces.headline, seed)
    nets: list[Alone] = []
    for net in range(max(draws, attack.controls + 1)):
        yield Step(net, draws, say("opening a net that was never trained"))
        side = view.untrained(net, rows)
        nets.append(drain(attack.alone(dataclasses.replace(view, trained=side))))
    found = []
    for draw in range(draws):
        ring = [nets[(draw + 1 + i) % len(nets)] for i in range(attack.controls)]
        report = judge(_beside(view, nets[draw], ring), faces, view.held_rows, attack)
        found.append(any(false(rung) for rung in report.rungs))
    return found


def _beside(view: View, one: Alone, ring: Sequence[Alone]) -> Claim:
    few = {key: np.stack([net[0][key].few_shot for net in ring]) for key in one[0] if key[0] != SAME}
    far = {layer: np.stack([net[1][layer] for net in ring]) for layer in one[1] if layer != SAME}
    return claimed(view, one, few, far)


def coin_is_read(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """A coin was thrown for every person: is how it fell read from any layer of a trained net?"""
    target = yield from desk.target(FRESH)
    faces = choose_faces((yield from desk.faces(FRESH.data)), FRESH)
    found: list[bool] = []
    for batch in range(-(-draws // TOGETHER)):
        yield Step(len(found), draws, say("looking for what is not there"))
        coins = _with_coins(faces, seed, batch, min(TOGETHER, draws - len(found)))
        attack = dataclasses.replace(QUICK, seed=batch)
        view = opened(target.net(), target.split, coins, tuple(coins.targets), batch)
        report = judge(drain(attack.run(view)), coins, view.held_rows, attack)
        for name in report.attributes:
            own = [rung for rung in report.rungs if rung.attribute == name]
            found.append(any(rung.verdict is not LadderVerdict.CHANCE for rung in own))
    return found


def _with_coins(faces: Faces, seed: int, batch: int, count: int) -> Faces:
    """The same faces with `count` attributes instead of their own, each thrown for person by person."""
    dice = stream(seed, "draws of a null", batch)
    thrown = dice.integers(0, 2, (count, len(faces.people)), np.int8)[:, faces.person]
    coins = tuple(Labels(f"coin {i}", ("tails", f"heads {i}"), codes) for i, codes in enumerate(thrown))
    return dataclasses.replace(faces, attributes=coins, headline=tuple(c.classes[1] for c in coins))
