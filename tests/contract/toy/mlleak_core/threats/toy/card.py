"""The toy: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Range, Settings
from mlleak_core.threat import Artefact, Card, Null, Threat


@dataclass(frozen=True)
class ToySettings(Settings):
    """How often which coin is tossed."""

    data: Annotated[str, "Only a name here."] = "synthetic"
    tosses: Annotated[int, Range(10, 1000, 10, "Tosses of each coin.")] = 200
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the tosses.")] = 0


ROOM = "mlleak_core.threats.toy.room"
THREAT = Threat(
    card=Card(
        slug="toy",
        order=99,
        title="Toy",
        icon=":material/toys:",
        question="Whose coin was tossed?",
        call="Toss a coin",
        papers=("Nobody et al., never",),
    ),
    settings=ToySettings,
    shipped=(ToySettings(),),
    run=f"{ROOM}:run",
    exhibit=f"{ROOM}:ToyExhibit",
    attacks=f"{ROOM}:CATALOGUE",
    nulls=(
        Null(
            key="toy-verdict",
            situation="two fair coins",
            claim="one is said to give its owner away",
            allowed=0.05,
            draw=f"{ROOM}:two_fair_coins",
        ),
    ),
    writes=(Artefact("tosses-file", "FILE.txt", "write the tosses"),),
)
