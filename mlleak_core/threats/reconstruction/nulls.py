"""Where no face was hidden, and what is read out of it all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator

import numpy as np

from mlleak_core.contract import Step, drain
from mlleak_core.data import Faces
from mlleak_core.language import say
from mlleak_core.target.training import Target, choose_faces
from mlleak_core.threat import Desk
from mlleak_core.threats.likeness import repeated
from mlleak_core.threats.reconstruction.card import ENCODINGS, ReconstructionSettings
from mlleak_core.threats.reconstruction.forensics import by_heart, odd_losses
from mlleak_core.threats.reconstruction.judge import Claim, ReconstructionVerdict, Report, judge, verdict
from mlleak_core.threats.reconstruction.plan import Plan, answers_of, make_plan, read

READS = tuple(name for name in ENCODINGS if name != "cor")
"""The encodings that claim bits; the other claims pixels."""
PHOTOS, OTHERS = 2500, 40
"""Photos the net is trained on; groups of faces that say which bits faces have in common."""


def clean_twin(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """A clean net is read with the code and the key of faces that nobody hid: are they said to be in it?"""

    def wrong(plan: Plan, net: Target) -> bool:
        found, other = _read(plan, net, plan.key), _read(plan, net, f"{plan.key}, another")
        average = repeated(plan.average, len(plan.victims))
        claim = Claim(pictures=average, probabilities=np.full(len(plan.bits), 0.5))
        return verdict(found, other, judge(claim, plan.secret)) is not ReconstructionVerdict.NOTHING

    return (yield from _drawn(draws, seed, desk, ENCODINGS, wrong))


def wrong_bits(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """There, as many bits are wrong as when other faces' are matched, place by place, about half (faces have
    bits in common, and nets signs). Does the interval say otherwise?
    """
    base, _, faces = yield from _clean(seed, desk)
    others = dataclasses.replace(base, seed=base.seed + OTHERS)
    usual = {}
    for number, name in enumerate(READS):
        yield Step(number, len(READS), say("coding other faces"))
        coded = [plan.bits for plan in _plans(OTHERS, others, faces, (name,))]
        usual[name] = np.mean([bits[: min(map(len, coded))] for bits in coded], 0)

    def wrong(plan: Plan, net: Target) -> bool:
        claim, ones = _claim(plan, net, plan.key), usual[plan.settings.attack]
        found, said = judge(claim, plan.secret).bit_error_rate, claim.probabilities[: len(ones)] > 0.5
        assert found is not None
        return not found.low <= np.where(said, 1 - ones[: len(said)], ones[: len(said)]).mean() <= found.high

    return (yield from _drawn(draws, seed, desk, READS, wrong))


def odd_inputs(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """A clean net is asked about noise that it never saw: is it said to know it by heart?"""

    def wrong(plan: Plan, net: Target) -> bool:
        losses = odd_losses(plan, answers_of(net.net()))
        assert losses is not None
        return by_heart(losses)

    return (yield from _drawn(draws, seed, desk, ("cap",), wrong))


def _claim(plan: Plan, net: Target, key: str) -> Claim:
    return drain(read(plan, net.states[max(net.states)], key=key))


def _read(plan: Plan, net: Target, key: str) -> Report:
    return judge(_claim(plan, net, key), plan.secret)


def _drawn(
    draws: int, seed: int, desk: Desk, attacks: tuple[str, ...], wrong: Callable[[Plan, Target], bool]
) -> Generator[Step, None, list[bool]]:
    """One net, trained honestly; other faces and another key for every draw, attack after attack."""
    base, net, faces = yield from _clean(seed, desk)
    found = []
    for draw, plan in enumerate(_plans(draws, base, faces, attacks)):
        yield Step(draw, draws, say("reading a model that hides nothing"))
        found.append(wrong(plan, net))
    return found


def _clean(seed: int, desk: Desk) -> Generator[Step, None, tuple[ReconstructionSettings, Target, Faces]]:
    base = ReconstructionSettings(seed=seed)
    training = dataclasses.replace(base.training(), faces=PHOTOS)
    net = yield from desk.target(training)
    return base, net, choose_faces((yield from desk.faces(base.data)), training)


def _plans(
    draws: int, base: ReconstructionSettings, faces: Faces, attacks: tuple[str, ...]
) -> Iterator[Plan]:
    for draw in range(draws):
        settings = dataclasses.replace(base, attack=attacks[draw % len(attacks)], seed=base.seed + draw)
        yield make_plan(settings, faces, key=f"draw {base.seed}-{draw}")
