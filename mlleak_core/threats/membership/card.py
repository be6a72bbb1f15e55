"""Membership: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from mlleak_core.contract import Choice, Range, Settings, When
from mlleak_core.data.source import is_faces
from mlleak_core.defences.on_output import REVEALS
from mlleak_core.language import mark
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Artefact, Card, Null, Threat

LEAKY: dict[str, Any] = {
    "epochs": 48,
    "lr": 0.004,
    "augment": False,
    "dropout": 0.0,
    "mixup": 0.0,
    "net": "strided-3",
}
LEAKY_LFW: dict[str, Any] = LEAKY | {"epochs": 20}
"""The leaky classroom preset: one photo a person, classes balanced, half of them learned until the net knows
them by heart.
"""


@dataclass(frozen=True)
class MembershipSettings(Settings):
    """Whose membership is asked for, by which attack, with how many shadows. Everything that can change an
    answer.

    experiment: the train page's run, for the full preset; its data and seed are those of these settings.
    """

    data: Annotated[
        str,
        mark(
            "synthetic, lfw, utkface:PATH, folder:PATH, clinic, location, purchase:PATH, texas:PATH or "
            "csv:PATH."
        ),
    ] = "synthetic"
    preset: Annotated[
        str,
        Choice(
            (mark("leaky"), mark("full")),
            mark(
                "Faces: leaky = one photo a person, small half, no augmentation; full = the train page's "
                "recipe."
            ),
        ),
        When("data", is_faces),
    ] = "leaky"
    records: Annotated[
        int,
        Range(0, 20000, 100, mark("Records in the pool, half of them trained on; 0 means all there are.")),
    ] = 0
    epochs: Annotated[
        int, Range(0, 200, 1, mark("Epochs of target and shadows; 0 means the preset's own number."))
    ] = 0
    shadows: Annotated[
        int, Range(2, 256, 1, mark("Shadow models that the attacker trains on halves of the pool."))
    ] = 8
    attack: Annotated[str, mark("Which attack, or all of them.")] = "lira"
    reveal: Annotated[str, Choice(REVEALS, mark("What the service shows."))] = "probabilities"
    base_rate: Annotated[
        float,
        Range(0.0001, 0.9999, 0.01, mark("Share of members among those asked for, for the precision.")),
    ] = 0.5
    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes the target's half, the shadows' halves and all first weights."))
    ] = 0
    experiment: Annotated[TrainSettings, mark("The train page's run."), When("preset", "full")] = (
        TrainSettings()
    )


ROOM = "mlleak_core.threats.membership"
NULLS = f"{ROOM}.nulls"
THREAT = Threat(
    card=Card(
        slug="membership",
        order=2,
        title=mark("Membership"),
        icon=":material/how_to_reg:",
        question=mark("Was this record in the training set?"),
        call=mark("Was this face in it?"),
        papers=("Shokri et al., S&P 2017", "Carlini et al., S&P 2022", "Zarifzadeh et al., ICML 2024"),
    ),
    settings=MembershipSettings,
    shipped=(MembershipSettings(attack="all"),),
    elsewhere=tuple(MembershipSettings(attack="all", data=data) for data in ("lfw", "clinic", "location")),
    run=f"{ROOM}.audit:run",
    exhibit=f"{ROOM}.exhibit:MembershipExhibit",
    attacks=f"{ROOM}.attacks:CATALOGUE",
    nulls=(
        Null(
            key="membership-void",
            situation=mark("members drawn at random, as the app draws them"),
            claim=mark("the result is called void"),
            allowed=0.01,
            draw=f"{NULLS}:random_membership",
        ),
        Null(
            key="membership-headline",
            situation=mark("a target that was never trained, attacked in all ways"),
            claim=mark("the strongest attack is said to find members, or to tell them on average"),
            allowed=0.05,
            draw=f"{NULLS}:untrained_headline",
        ),
        Null(
            key="membership-attack",
            situation=mark("a target that was never trained, attacked in one way after the other"),
            claim=mark("the attack is said to find members, or to tell them on average"),
            allowed=0.05,
            draw=f"{NULLS}:untrained_attack",
            draws=600,
        ),
    ),
    scores=f"{ROOM}.scores:run",
    remote=True,
    writes=(Artefact("per-record", "FILE.csv", "write every record's scores"),),
)
