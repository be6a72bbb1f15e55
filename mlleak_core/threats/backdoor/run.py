"""One attacked round: a model that was trained jointly, one update, and what the joint model is after it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor

from mlleak_core.contract import BadInput, Step, Stop, now, relay
from mlleak_core.data import Faces
from mlleak_core.data.lines import Lines
from mlleak_core.data.source import is_faces
from mlleak_core.language import mark, say
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Desk, configured
from mlleak_core.threats.backdoor import server
from mlleak_core.threats.backdoor.attacks import CATALOGUE, BackdoorAttack
from mlleak_core.threats.backdoor.bench import Bench, dots, prepared, walked
from mlleak_core.threats.backdoor.card import ALL, ATTACKS, BackdoorSettings
from mlleak_core.threats.backdoor.faces import of_faces
from mlleak_core.threats.backdoor.result import Found, opened
from mlleak_core.threats.backdoor.round import later
from mlleak_core.threats.backdoor.words import of_lines, read, wish

__all__ = ["Found", "run"]

T = TypeVar("T")
OTHERS = mark("other attacks and defences on the same round")
LASTING = "neurotoxin"


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
        wish(settings, sample)  # said before anything is taught
        reader = yield from read(settings, sample, desk)
        started = now()
        crowd = of_lines(settings, sample, reader)
    opening = {"shown": opened(settings, sample, crowd)}
    yield Step(0, 1, say("the joint model is there"), peek=opening)
    bench = yield from _showing(opening, prepared(settings, crowd))
    return (yield from _attacked(settings, sample, bench, started))


def _showing(peek: Mapping[str, Any], steps: Generator[Step, None, T]) -> Generator[Step, None, T]:
    """The same steps, each of which shows what there is to be seen so far."""
    return relay(steps, lambda step: replace(step, peek=peek))


def _attacked(
    settings: BackdoorSettings, sample: Faces | Lines, bench: Bench, started: float
) -> Generator[Step, None, Found]:
    pairs = _pairs(settings)
    opening = {"shown": opened(settings, sample, bench.played.crowd)}
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
        dots=dots(bench, bid),
        walks=(),
        lasts={},
        seconds=max(now() - started, 1e-3),
    )
    with suppress(Stop):
        yield Step(0, len(pairs), say("the update was sent"), peek={"result": found})
        starts = yield from _showing({"result": found}, _starts(settings, bench, weights))
        for name, start in starts.items():
            rates = yield from _showing({"result": found}, later(bench.played, start))
            found = replace(found, lasts={**found.lasts, name: tuple(rates)})
        walks = yield from _showing({"result": found}, walked(bench))
        found = replace(found, walks=tuple(walks))
        for number, pair in enumerate(pairs[1:]):
            yield Step(number, len(pairs), say(OTHERS), peek={"result": found})
            found = yield from _showing({"result": found}, _more(settings, bench, found, pair))
    return replace(found, seconds=max(now() - started, 1e-3))


def _more(
    settings: BackdoorSettings, bench: Bench, found: Found, pair: tuple[str, str]
) -> Generator[Step, None, Found]:
    """With another attack under another defence; a rule that needs more than take part is left out."""
    try:
        cell = (yield from bench.cell(_attack(settings, pair[0]), pair[1]))[0]
    except BadInput:
        return found
    return replace(found, cells=(*found.cells, cell))


def _starts(
    settings: BackdoorSettings, bench: Bench, weights: Tensor
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
