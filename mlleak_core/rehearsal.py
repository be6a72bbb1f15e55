"""Runs made before they are wanted: their exhibits are kept, so that a demo shows them at once.

Light to import. What is kept on disk is what the program ships of other data: small, and read without pickle.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mlleak_core import disk
from mlleak_core.contract import BadInput, Settings, Step, fingerprint
from mlleak_core.data import source
from mlleak_core.language import say
from mlleak_core.server.desk import Desk
from mlleak_core.threat import Exhibit, Threat, discover, imported


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One run of a rehearsal. seconds: how long it takes here, live."""

    threat: Threat
    settings: Settings
    exhibit: Exhibit
    seconds: float


def shown_on(threat: Threat, data: str, seed: int = 0) -> Settings | None:
    """What a demo of this threat runs on these data, by its card; None where it has no use for them."""
    known = (*threat.shipped, *threat.elsewhere)
    of = [settings for settings in known if getattr(settings, "data", "") == data]
    return dataclasses.replace(of[0], seed=seed) if of else None  # type: ignore[type-var]


def kept(threat: Threat, settings: Any) -> Exhibit | None:
    """The exhibit of a rehearsed run of these settings, if this machine has one; of an upload never."""
    data = getattr(settings, "data", "")
    if source.is_private(data):
        return None
    try:
        name = _name(threat, settings)
        found: Exhibit = imported(threat.exhibit).load(_home(), name)
    except BadInput:
        return None
    return found.labelled(name, f"live, on {found.about.made}")


def rehearse(data: str, desk: Desk, seed: int = 0) -> Generator[Step, None, tuple[Rehearsed, ...]]:
    """Run every threat on these data and keep what comes of it. Raises BadInput where none can use them."""
    wanted = [(threat, shown_on(threat, data, seed)) for threat in discover()]
    plan = [(threat, settings) for threat, settings in wanted if settings is not None]
    if not plan:
        known = sorted({s.data for t in discover() for s in (*t.shipped, *t.elsewhere) if hasattr(s, "data")})
        expected = say("data that a demo shows: {known}", known=", ".join(known))
        raise BadInput(expected, repr(data[:80]), say("Choose one of these."))
    done = []
    for threat, settings in plan:
        done.append((yield from _one(threat, settings, desk)))
    return tuple(done)


def _one(threat: Threat, settings: Settings, desk: Desk) -> Generator[Step, None, Rehearsed]:
    began = time.perf_counter()
    result = yield from desk.timed(threat.card.slug, settings, threat.start(settings, desk))
    seconds = time.perf_counter() - began
    exhibit = yield from whole(result, desk)
    exhibit.save(_home(), _name(threat, settings))
    return Rehearsed(threat=threat, settings=settings, exhibit=exhibit, seconds=seconds)


def whole(result: Any, desk: Desk) -> Generator[Step, None, Exhibit]:
    """A result's exhibit with all that it can show; of some that is more than a page draws at once."""
    more = getattr(result, "shipped_exhibit", None)
    return (yield from more(desk)) if more else result.exhibit()  # type: ignore[no-any-return]


def _name(threat: Threat, settings: Any) -> str:
    """Changes with all that can change an answer. Raises BadInput where the data are not there."""
    data = getattr(settings, "data", "")
    return f"{threat.card.slug}-{fingerprint(threat.run, settings, source.identity(data) if data else '')}"


def _home() -> Path:
    return disk.cache_home() / "rehearsed"


def report(found: tuple[Rehearsed, ...]) -> dict[str, Any]:
    """How long each step of a demo takes here, and what it will show."""
    rows = [
        {
            "threat": each.threat.card.slug,
            "seconds": round(each.seconds, 1),
            "findings": [finding.row() for finding in each.exhibit.findings()[:1]],
        }
        for each in found
    ]
    return {
        "made": date.today().isoformat(),
        "seconds": round(sum(e.seconds for e in found), 1),
        "runs": rows,
    }
