"""One dial at a time: what a threat's first number becomes as a dial of its first shipped run is turned.

Made by `mlleak ship --swept`, kept as plain numbers beside the shipped exhibits. Light to import.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cattrs

from mlleak_core import disk
from mlleak_core.contract import Estimate, Settings, Step
from mlleak_core.threat import SHIPPED, Desk, Exhibit, Threat


@dataclass(frozen=True, kw_only=True)
class Place:
    """Of a dial: its value, and the threat's first finding there, its last control arm, how long it took."""

    value: float
    found: Estimate
    control: Estimate
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Swept:
    """A dial and what was found at its places, the shipped run's among them."""

    knob: str
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """All dials of a threat that are swept."""

    made: str
    seed: int
    dials: tuple[Swept, ...]

    def save(self, threat: Threat, folder: Path = SHIPPED) -> None:
        """Raises OSError."""
        disk.write_json(folder / _file(threat), cattrs.unstructure(self))


def shipped(threat: Threat, folder: Path = SHIPPED) -> Sweeps | None:
    """What came with the program, if anything."""
    try:
        return cattrs.structure(disk.read_json(folder / _file(threat)), Sweeps)
    except (*disk.DAMAGE, cattrs.BaseValidationError):
        return None


def sweep(threat: Threat, desk: Desk) -> Generator[Step, None, Sweeps]:
    """Turn every dial that the card says, one at a time; a run that two dials share is made once."""
    base, made = threat.shipped[0], dict[Settings, Place]()
    dials = []
    for knob, values in threat.swept:
        places = []
        for value in values:
            settings: Any = dataclasses.replace(base, **{knob: value})  # type: ignore[type-var]
            if settings not in made:
                made[settings] = _place(value, (yield from threat.start(settings, desk)).exhibit())
            places.append(dataclasses.replace(made[settings], value=value))
        dials.append(Swept(knob=knob, places=tuple(places)))
    return Sweeps(made=date.today().isoformat(), seed=getattr(base, "seed", 0), dials=tuple(dials))


def _place(value: float, exhibit: Exhibit) -> Place:
    first = exhibit.findings()[0]
    control = first.controls[-1].estimate
    return Place(value=value, found=first.estimate, control=control, seconds=first.seconds)


def _file(threat: Threat) -> str:
    return f"{threat.card.slug}-swept.json"
