"""Rounds in which nobody attacks, and what is claimed all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from mlleak_core.contract import Step, drain
from mlleak_core.defences.on_updates import WithoutOutliers
from mlleak_core.seeds import stream
from mlleak_core.target.models import as_input
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import shrink
from mlleak_core.threat import Desk
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.faces import of_faces
from mlleak_core.threats.backdoor.judge import BackdoorVerdict
from mlleak_core.threats.backdoor.round import Round, play

SMALL = BackdoorSettings(participants=60, share=0.2, own=200, epochs=1)


def nobody_attacks(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Two honest rounds on the same joint model, with other batches: is one said to bring a backdoor?"""
    found: list[bool] = []
    for crowd, settings in (yield from _crowds(draws, seed, desk)):
        yield Step(len(found), draws, "rounds in which nobody attacks")
        one, other = (drain(play(settings, crowd, number)) for number in (0, 1))
        outcome = one.judge(_after(other)).outcome(one.answers(_after(one)))
        found.append(outcome.verdict is not BackdoorVerdict.OUT)
    return found


def honest_blamed(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """An honest participant drawn at random from an honest round: does the outlier rule leave it out?"""
    rng, found = stream(seed, "draws of a null"), list[bool]()
    for crowd, settings in (yield from _crowds(draws, seed, desk)):
        yield Step(len(found), draws, "rounds in which nobody attacks")
        updates = drain(play(settings, crowd)).updates
        kept = WithoutOutliers().whom(updates, torch.ones(len(updates)))
        found.append(not bool(kept[int(rng.integers(len(kept)))]))
    return found


def _crowds(
    draws: int, seed: int, desk: Desk
) -> Generator[Step, None, Iterator[tuple[Crowd, BackdoorSettings]]]:
    """Other people and batches in each, one joint model."""
    faces = yield from desk.faces(SMALL.data)
    target = yield from desk.target(TrainSettings(data=SMALL.data, seed=seed))
    inputs = as_input(shrink(faces))
    seeds = ((seed * 1000 + draw) % 10000 for draw in range(draws))
    drawn = (dataclasses.replace(SMALL, seed=each) for each in seeds)
    return ((of_faces(settings, faces, target, inputs), settings) for settings in drawn)


def _after(played: Round) -> Tensor:
    """The joint model [p] after that round."""
    return played.crowd.joint + played.updates.mean(0)
