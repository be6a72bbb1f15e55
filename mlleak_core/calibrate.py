"""How often a verdict or an interval is wrong where nothing is there, measured. Light to import.

Every threat's card lists its `Null`s: situations in which there is nothing to find. Each is drawn many times,
and what is claimed all the same is counted. The rates that come with the program stand beside the verdicts.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cattrs
import numpy as np

from mlleak_core import disk
from mlleak_core.contract import BadInput, Estimate, Step, now, relay
from mlleak_core.language import mark, say
from mlleak_core.threat import SHIPPED, Desk, Null, discover, imported

RATES = "calibration.json"
INTERVALS = "mlleak_core.threats.coverage:NULLS"
"""Of the intervals that every threat uses."""
MISSES = mark("this interval misses the truth in {k} of {n} cases where nothing is there")
WRONG = mark("this verdict is wrong in {k} of {n} cases where nothing is there")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often a claim was made where nothing is there. wrong: with its exact interval; made: ISO date."""

    key: str
    situation: str
    claim: str
    allowed: float
    wrong: Estimate
    interval: bool
    seed: int
    seconds: float
    made: str

    @property
    def count(self) -> int:
        """In how many of the draws."""
        return round(self.wrong.value * self.wrong.n)

    @property
    def words(self) -> str:
        """As it stands on an evidence line."""
        return say(MISSES if self.interval else WRONG, k=self.count, n=self.wrong.n)

    @property
    def held(self) -> bool:
        """Whether the rate that is allowed lies within or above the interval."""
        return self.wrong.low <= self.allowed


def nulls() -> tuple[Null, ...]:
    """All there are: of the intervals that every threat uses, then threat by threat."""
    return (*imported(INTERVALS), *(null for threat in discover() for null in threat.nulls))


def chosen(keys: Sequence[str]) -> tuple[Null, ...]:
    """Those of these keys, or all. Raises BadInput for a key that there is not."""
    found = {null.key: null for null in nulls()}
    for key in keys:
        if key not in found:
            known = say("a null: {known}", known=", ".join(found))
            raise BadInput(known, repr(key[:80]), say("Choose one of these."))
    return tuple(found[key] for key in keys or found)


def calibrate(null: Null, desk: Desk, draws: int = 0, seed: int = 0) -> Generator[Step, None, Rate]:
    """Draw it `draws` times (0: as often as it says itself) and count. Raises BadInput."""
    from mlleak_core.measure import proportion

    started = now()

    def named(step: Step) -> Step:
        return Step(step.done, step.total, f"{null.key}: {step.note}")

    claimed = yield from relay(imported(null.draw)(draws or null.draws, seed, desk), named)
    wrong: Any = np.asarray(claimed, bool)
    return Rate(
        key=null.key,
        situation=null.situation,
        claim=null.claim,
        allowed=null.allowed,
        wrong=proportion(int(wrong.sum()), len(wrong)),
        interval=null.interval,
        seed=seed,
        seconds=now() - started,
        made=datetime.date.today().isoformat(),
    )


def save(rates: Sequence[Rate], folder: Path = SHIPPED) -> None:
    """Write them where the program looks for them; those of other nulls stay as they are. Raises OSError."""
    kept = {rate.key: rate for rate in (*_read(folder), *rates)}
    disk.write_json(folder / RATES, [cattrs.unstructure(rate) for rate in kept.values()])


@functools.cache
def shipped() -> dict[str, Rate]:
    """The rates that came with the program, by key; empty where none did."""
    return {rate.key: rate for rate in _read(SHIPPED)}


def _read(folder: Path) -> tuple[Rate, ...]:
    try:
        return tuple(cattrs.structure(row, Rate) for row in disk.read_json(folder / RATES))
    except (*disk.DAMAGE, cattrs.BaseValidationError):
        return ()
