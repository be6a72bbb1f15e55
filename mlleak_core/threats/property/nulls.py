"""Where nobody has the property, and what is claimed all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from mlleak_core.contract import Step, drain
from mlleak_core.threat import Desk
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.judge import PropertyVerdict
from mlleak_core.threats.property.parties import Sample, parties
from mlleak_core.threats.property.run import watch

FACES = PropertySettings(rounds=60, batch=16, enters=0.2)
TEXTS = dataclasses.replace(FACES, data="reviews", property="author:Hugo")


def nobody_has_it(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The victim never draws such photos; a timeline is dealt all the same. Is it said to show, to come?"""
    return (yield from _absent(FACES, (yield from desk.faces(FACES.data)), draws, seed))


def nobody_wrote_it(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The same with reviews."""
    return (yield from _absent(TEXTS, (yield from desk.texts(TEXTS.data)), draws, seed))


def _absent(
    small: PropertySettings, sample: Sample, draws: int, seed: int
) -> Generator[Step, None, list[bool]]:
    found = []
    for draw in range(draws):
        yield Step(draw, draws, "training together without it")
        settings = dataclasses.replace(small, seed=(seed * 1000 + draw) % 10000)
        watched = drain(watch(settings, parties(settings, sample), absent=True))
        found.append(watched.report.verdict is PropertyVerdict.SHOWS or watched.claim.alarm >= 0)
    return found
