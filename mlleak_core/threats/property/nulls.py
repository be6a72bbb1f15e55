"""Where nobody has the property, and what is claimed all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from mlleak_core.contract import Step, drain
from mlleak_core.threat import Desk
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.judge import PropertyVerdict
from mlleak_core.threats.property.parties import parties
from mlleak_core.threats.property.run import Watched, watch

SMALL = PropertySettings(rounds=80, batch=16, enters=0.2)


def nobody_has_it(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The victim's batches never have it; a timeline is dealt all the same: is it said to show?"""

    def wrong(watched: Watched) -> bool:
        return watched.report.verdict is PropertyVerdict.SHOWS

    found = yield from _drawn(draws, seed, desk)
    return [wrong(watched) for watched in found]


def nobody_enters(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The same: does an alarm ring?"""
    found = yield from _drawn(draws, seed, desk)
    return [watched.claim.alarm >= 0 for watched in found]


def _drawn(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[Watched]]:
    faces = yield from desk.faces(SMALL.data)
    found = []
    for draw in range(draws):
        yield Step(draw, draws, "training together without it")
        settings = dataclasses.replace(SMALL, seed=(seed * 1000 + draw) % 10000)
        found.append(drain(watch(settings, parties(settings, faces), absent=True)))
    return found
