"""How good is the time left that pages say? Runs with another seed, beside the course of the shipped one.

Every second of a run it is asked whether the true time left lay within the range that was said.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from mlleak_core.contract import Step, drain
from mlleak_core.server.desk import Desk
from mlleak_core.server.pace import Pace
from mlleak_core.threat import SHIPPED, Threat, discover

SEED = 7
SURE = 5.0
"""Seconds before the end at which "a few seconds left" is right in any case."""


def watch(pace: Pace, said: list[tuple[float, float, float]], began: float) -> Any:
    """Notes each step, and what was said then: seconds since the beginning, at soonest, at latest."""

    def note(step: Step) -> None:
        seconds = time.perf_counter() - began
        pace.note(step, seconds)
        left = pace.left()
        if left and (not said or seconds - said[-1][0] >= 1):
            said.append((seconds, *left))

    return note


def measure(threat: Threat, desk: Desk) -> dict[str, Any]:
    """One run of a threat's shipped settings with another seed."""
    settings: Any = dataclasses.replace(threat.shipped[0], seed=SEED)  # type: ignore[call-arg, type-var]
    said: list[tuple[float, float, float]] = []
    began = time.perf_counter()
    pace = desk.courses.pace(threat.card.slug, threat.shipped[0])
    drain(threat.start(settings, desk), watch(pace, said, began))
    whole = time.perf_counter() - began
    held = [low <= whole - at <= high for at, low, high in said if whole - at > SURE]
    first = said[0] if said else (0.0, 0.0, 0.0)
    return {
        "threat": threat.card.slug,
        "seconds": round(whole, 1),
        "asked": len(held),
        "within": round(sum(held) / len(held), 2) if held else None,
        "first_said": [round(first[1], 1), round(first[2], 1)],
    }


def run() -> list[dict[str, Any]]:
    """Of every threat, with the courses that came with the program."""
    assert (SHIPPED / "pace.json").exists(), "mlleak ship writes it"
    desk = Desk()
    try:
        return [measure(threat, desk) for threat in discover()]
    finally:
        desk.close()


if __name__ == "__main__":
    for row in run():
        print(row, flush=True)
