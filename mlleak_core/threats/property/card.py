"""Property inference: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Choice, Range, Settings, When
from mlleak_core.data.source import is_faces
from mlleak_core.language import mark
from mlleak_core.threat import Artefact, Card, Null, Threat

ATTACKS = (mark("online"), mark("passive"), mark("active"))
NETS = ("strided-3 narrow", "strided-3", "mlp")
COIN = "coin"
"""The property that is none: a coin thrown for every person."""
PERSON, AUTHOR = "person:", "author:"
SPECIALTY = mark("specialty")
"""The column of reviews that says what kind of doctor they are about."""


@dataclass(frozen=True)
class PropertySettings(Settings):
    """Who trains together, what is to be found out, and how. Everything that can change an answer."""

    data: Annotated[
        str, mark("Data source: synthetic, lfw, utkface:PATH, folder:PATH, reviews or reviews:PATH.")
    ] = "synthetic"
    property: Annotated[
        str,
        mark(
            "What is to be found out: an attribute of the faces, person:NAME, of texts a column:VALUE such "
            "as author:NAME; or coin, which is nothing."
        ),
    ] = "Hat"
    attack: Annotated[
        str,
        Choice(
            ATTACKS,
            mark(
                "online = judges each round from the rounds so far; passive = the paper's, after the last "
                "round; active = passive, with a second task in the attacker's own updates."
            ),
        ),
    ] = "online"
    participants: Annotated[
        int, Range(2, 32, 1, mark("How many train together, the attacker among them."))
    ] = 2
    batch_share: Annotated[
        float,
        Range(0.05, 1.0, 0.05, mark("Share of the victim's batch that has the property, where it is in.")),
    ] = 1.0
    rounds: Annotated[int, Range(40, 6000, 20, mark("Rounds of joint training."))] = 200
    enters: Annotated[
        float,
        Range(0.0, 0.8, 0.1, mark("Share of the rounds that pass before the property may be in a batch.")),
    ] = 0.3
    often: Annotated[
        float, Range(0.1, 0.9, 0.1, mark("Share of the later rounds in which the victim's batch has it."))
    ] = 0.5
    every: Annotated[int, Range(1, 20, 1, mark("The attacker looks at every so-manieth round."))] = 2
    batch: Annotated[int, Range(4, 128, 4, mark("Photos or texts in a participant's batch."))] = 32
    lr: Annotated[float, Range(0.001, 1.0, 0.01, mark("Learning rate of the joint training."))] = 0.1
    alpha: Annotated[
        float, Range(0.1, 0.9, 0.1, mark("Weight of the attacker's second task.")), When("attack", "active")
    ] = 0.5
    noise: Annotated[
        float,
        Range(
            0.0,
            10.0,
            0.1,
            mark("Gaussian noise on each update, in units of a coordinate's share of its norm."),
        ),
    ] = 0.0
    kept: Annotated[
        float, Range(0.01, 1.0, 0.1, mark("Share of an update's values that is sent, the largest ones."))
    ] = 1.0
    net: Annotated[str, Choice(NETS, mark("The joint net.")), When("data", is_faces)] = "strided-3 narrow"
    seed: Annotated[
        int,
        Range(
            0, 9999, 1, mark("Fixes who has which records, the batches, the timeline and the first weights.")
        ),
    ] = 0


ROOM = "mlleak_core.threats.property"
THREAT = Threat(
    card=Card(
        slug="property",
        order=5,
        title=mark("Property"),
        icon=":material/groups:",
        question=mark("What does one participant learn about the others' photos and texts?"),
        call=mark("Watch the others"),
        papers=("Melis, Song, De Cristofaro & Shmatikov, S&P 2019",),
    ),
    settings=PropertySettings,
    shipped=(
        PropertySettings(),
        PropertySettings(property=COIN),
        PropertySettings(data="reviews", property="author:Hugo"),
        PropertySettings(data="reviews", property="specialty:dentist"),
    ),
    elsewhere=(PropertySettings(data="lfw", property="Black"),),
    run=f"{ROOM}.run:run",
    exhibit=f"{ROOM}.exhibit:PropertyExhibit",
    attacks=f"{ROOM}.attacks:CATALOGUE",
    nulls=(
        Null(
            key="property-verdict",
            situation=mark("joint trainings in which nobody has the property"),
            claim=mark("it is said to show in the updates, or an alarm rings"),
            allowed=0.05,
            draw=f"{ROOM}.nulls:nobody_has_it",
        ),
        Null(
            key="property-verdict-texts",
            situation=mark("joint trainings on reviews, none of which is by the author who is looked for"),
            claim=mark("his reviews are said to show in the updates, or an alarm rings"),
            allowed=0.05,
            draw=f"{ROOM}.nulls:nobody_wrote_it",
        ),
    ),
    serve=f"{ROOM}.flower:serve",
    join=f"{ROOM}.flower:join",
    sends_on=(("disaggregate", ("inversion", "--attack", "disaggregation", "--net", "mlp")),),
    swept=(
        ("participants", (2, 4, 8, 16, 32)),
        ("batch_share", (1.0, 0.5, 0.3, 0.1)),
        ("noise", (0.0, 0.3, 1.0, 3.0)),
        ("kept", (1.0, 0.5, 0.1, 0.01)),
    ),
    writes=(Artefact("tape", "FILE.csv", "write the posterior of every round"),),
)
