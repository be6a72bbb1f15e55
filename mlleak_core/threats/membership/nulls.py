"""Where nobody can be told apart, and what the audit claims all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Step, drain
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target import fleet as fleets
from mlleak_core.target.blackbox import Local
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.kinds import kind_of
from mlleak_core.threat import Desk
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.judge import MembershipVerdict, Report, Truth, judge, strongest, truth_of
from mlleak_core.threats.membership.pool import open_pool, recipe_for, views_of
from mlleak_core.threats.membership.view import Claim, stage

LEAKS = {MembershipVerdict.FINDS, MembershipVerdict.ON_AVERAGE}
SMALL = MembershipSettings(records=800, shadows=8, attack="all")
"""The leaky preset, with as few records as an interval may stand on."""


def random_membership(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Members drawn at random, as every audit here draws them: is the result called void?"""
    pool, _ = yield from open_pool(dataclasses.replace(SMALL, records=0, seed=seed), desk)
    void = []
    for draw in range(draws):
        yield Step(draw, draws, say("drawing members"))
        truth = _truth(pool, _members(pool, seed, draw))
        claim = Claim(truth.blind.scores, None, 0)
        void.append(judge("loss", claim, truth).void)
    return void


def untrained_headline(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """A target that never saw anybody, all attacks: is the strongest said to find something?"""
    pool, shadows = yield from _shadows(seed, desk)
    claimed = []
    for draw in range(draws):
        yield Step(draw, draws, say("attacking a target that was never trained"))
        reports = tuple(_attacked(pool, shadows, seed, draw, tuple(CATALOGUE)))
        claimed.append(strongest(reports).verdict_among in LEAKS)
    return claimed


def untrained_attack(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """The same, one attack after the other by itself."""
    pool, shadows = yield from _shadows(seed, desk)
    names, claimed = tuple(CATALOGUE), []
    for draw in range(draws):
        yield Step(draw, draws, say("attacking a target that was never trained"))
        (report,) = _attacked(pool, shadows, seed, draw, (names[draw % len(names)],))
        claimed.append(report.verdict in LEAKS)
    return claimed


def _shadows(seed: int, desk: Desk) -> Generator[Step, None, tuple[Pool, Fleet]]:
    settings = dataclasses.replace(SMALL, seed=seed)
    pool, _ = yield from open_pool(settings, desk)
    recipe = recipe_for(settings)
    return pool, (yield from fleets.train(pool, recipe, seed, settings.shadows, desk.executor()))


def _attacked(pool: Pool, shadows: Fleet, seed: int, draw: int, names: Sequence[str]) -> Iterator[Report]:
    """Every attack on a net of its own first weights and members of its own, who never met."""
    recipe = recipe_for(SMALL)
    dice = int(stream(seed, "draws of a null", draw).integers(2**31))
    answer = kind_of(recipe).untrained(pool.x, recipe, dice, pool.classes)
    truth = _truth(pool, _members(pool, seed, draw))
    for name in names:
        view = dataclasses.replace(
            stage(pool, shadows, Local(answer, pool.classes), views=views_of(recipe)), named=False
        )
        yield judge(name, drain(CATALOGUE[name].run(view)), truth, seed=draw, among=len(names))


def _members(pool: Pool, seed: int, draw: int) -> NDArray[np.bool_]:
    """Half of the groups, as a target's members are drawn; numbered apart from all shadows."""
    return pool.members(seed, 100_000 + draw)


def _truth(pool: Pool, inside: NDArray[np.bool_]) -> Truth:
    rows = pool.candidates
    return truth_of(pool.x[rows], pool.y[rows], inside[rows], pool.group[rows])
