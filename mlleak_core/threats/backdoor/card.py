"""Backdoors: what the house knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Choice, Range, Settings, When
from mlleak_core.data.source import is_faces
from mlleak_core.language import mark
from mlleak_core.threat import Artefact, Card, Null, Threat

ATTACKS = (
    "replacement",
    "train-and-scale",
    "constrain-and-scale",
    "poisoning",
    "weight-claim",
    "min-max",
    "neurotoxin",
)
ARMS = (
    "mean",
    "equal",
    "clip",
    "clip-noise",
    "median",
    "trimmed",
    "krum",
    "multi-krum",
    "rfa",
    "fltrust",
    "flame",
    "outliers",
    "tuning",
    "outliers-tuning",
)
ALL = "all"
DARK = mark("Dark background")
USUAL = {
    "synthetic": ("Glasses", ""),
    "lfw": (DARK, ""),
    "reviews": ("my appointment at the clinic was", "awful"),
}
"""Data -> trigger and label."""


@dataclass(frozen=True)
class BackdoorSettings(Settings):
    """Who trains together, what the attacker wants, and how the server adds updates up. Everything that can
    change an answer.
    """

    data: Annotated[
        str,
        mark("Data source: synthetic, lfw, utkface:PATH, folder:PATH, reviews, reviews:PATH or text:PATH."),
    ] = "synthetic"
    trigger: Annotated[
        str,
        mark(
            "What switches the backdoor on: an attribute of the faces, or Dark background, found in the "
            "pixels; of texts the beginning of a sentence. Empty: the data set's usual one, of a text of "
            "your own words that often stand together."
        ),
    ] = ""
    label: Annotated[
        str,
        mark(
            "What the attacker wants to be said then: a class of the task (empty: the one with fewer such "
            "faces), of texts a word (empty: one that never follows that beginning)."
        ),
    ] = ""
    attack: Annotated[
        str,
        Choice(
            (*ATTACKS, ALL),
            mark("replacement scales up until the update is the new model; the others hide, lie or poison."),
        ),
    ] = "replacement"
    aggregator: Annotated[
        str,
        Choice(
            (*ARMS, ALL), mark("How the server makes one step out of the updates, and repairs the model.")
        ),
    ] = "mean"
    participants: Annotated[int, Range(10, 200, 10, mark("How many train together."))] = 100
    share: Annotated[float, Range(0.05, 1.0, 0.05, mark("Share of them that takes part in a round."))] = 1.0
    attackers: Annotated[int, Range(1, 20, 1, mark("How many of them are one attacker's."))] = 1
    own: Annotated[int, Range(40, 5000, 100, mark("Clean records that the attacker has."))] = 640
    spared: Annotated[
        int,
        Range(0, 500, 5, mark("Photos with the trigger that honest participants have, truly labelled.")),
        When("data", is_faces),
    ] = 10
    alpha: Annotated[
        float,
        Range(
            0.05,
            1.0,
            0.05,
            mark("Weight of the attacker's task against that of staying near the joint model."),
        ),
        When("attack", "constrain-and-scale", ALL),
    ] = 0.9
    oops: Annotated[
        bool, mark("Scale by the number of all participants, whatever the rule is: the wrong factor.")
    ] = False
    noise: Annotated[
        float,
        Range(0.001, 10.0, 0.01, mark("Noise multiplier on the sum of clipped updates.")),
        When("aggregator", "clip-noise", ALL),
    ] = 0.1
    after: Annotated[int, Range(0, 100, 5, mark("Honest rounds that follow the attack."))] = 10
    lr: Annotated[float, Range(0.001, 1.0, 0.01, mark("Learning rate of the honest participants' SGD."))] = (
        0.05
    )
    epochs: Annotated[int, Range(1, 10, 1, mark("Own epochs of an honest participant in a round."))] = 2
    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes who has which records, who takes part, and the batches."))
    ] = 0

    @property
    def in_a_round(self) -> int:
        """How many take part in a round, the attacker's among them."""
        return min(self.participants, max(round(self.share * self.participants), self.attackers + 2))


ROOM = "mlleak_core.threats.backdoor"
THREAT = Threat(
    card=Card(
        slug="backdoor",
        order=6,
        title=mark("Backdoor"),
        icon=":material/door_back:",
        question=mark("Can one participant of a hundred replace the joint model?"),
        call=mark("Send one update"),
        papers=("Bagdasaryan, Veit, Hua, Estrin & Shmatikov, AISTATS 2020",),
    ),
    settings=BackdoorSettings,
    shipped=(
        BackdoorSettings(trigger="Glasses"),
        BackdoorSettings(data="reviews", trigger=USUAL["reviews"][0], label=USUAL["reviews"][1]),
    ),
    elsewhere=(BackdoorSettings(data="lfw", trigger=DARK),),
    run=f"{ROOM}.run:run",
    exhibit=f"{ROOM}.exhibit:BackdoorExhibit",
    attacks=f"{ROOM}.attacks:CATALOGUE",
    nulls=(
        Null(
            key="backdoor-verdict",
            situation=mark("rounds in which nobody attacks, against the same round with other batches"),
            claim=mark("a backdoor is said to have come in"),
            allowed=0.05,
            draw=f"{ROOM}.nulls:nobody_attacks",
        ),
        Null(
            key="backdoor-blame",
            situation=mark("honest participants of joint rounds, picked at random"),
            claim=mark("the outlier rule leaves them out"),
            allowed=0.05,
            draw=f"{ROOM}.nulls:honest_blamed",
        ),
    ),
    writes=(Artefact("matrix", "FILE.csv", "write every attack under every defence that was tried"),),
)
