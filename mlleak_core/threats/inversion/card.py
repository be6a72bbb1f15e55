"""Inversion: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Choice, Range, Settings, When
from mlleak_core.language import mark
from mlleak_core.target.settings import NETS
from mlleak_core.threat import Artefact, Card, Null, Threat

PRIORS = (mark("public faces"), mark("smoothness"))


@dataclass(frozen=True)
class InversionSettings(Settings):
    """Whose update is inverted, and how. Everything that can change an answer is here."""

    data: Annotated[str, mark("Data source: synthetic, lfw, utkface:PATH or folder:PATH.")] = "synthetic"
    attack: Annotated[
        str,
        Choice(
            ("analytic", "disaggregation", "matching"),
            mark(
                "How: analytic = in closed form, exact for one photo on the net mlp; disaggregation = photo "
                "by photo, exact there for up to a dozen, close on convolutional nets for up to eight; "
                "matching = search by its gradient."
            ),
        ),
    ] = "matching"
    net: Annotated[str, Choice(tuple(NETS), mark("The net of the first round."))] = "strided-3"
    batch: Annotated[int, Range(1, 16, 1, mark("Photos in the participant's batch."))] = 4
    prior: Annotated[
        str,
        Choice(PRIORS, mark("What the attacker knows of faces; smoothness alone is the paper's.")),
        When("attack", "matching"),
    ] = "public faces"
    noise: Annotated[
        float,
        Range(0.0, 10.0, 0.01, mark("Gaussian noise on the gradient, its length a share of the gradient's.")),
    ] = 0.0
    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes the split, the batch, the net's first weights and the search."))
    ] = 0


ROOM = "mlleak_core.threats.inversion"
THREAT = Threat(
    card=Card(
        slug="inversion",
        order=4,
        title=mark("Inversion"),
        icon=":material/undo:",
        question=mark("What does one participant's update give away in collaborative training?"),
        call=mark("Turn an update back"),
        papers=(
            "Phong et al., IEEE TIFS 2018",
            "Geiping et al., NeurIPS 2020",
            "Dimitrov et al., NeurIPS 2024",
        ),
    ),
    settings=InversionSettings,
    shipped=(
        InversionSettings(attack="disaggregation", net="mlp", batch=8),
        InversionSettings(attack="analytic", net="mlp", batch=1),
        InversionSettings(),
        InversionSettings(attack="disaggregation", net="strided-3", batch=8, seed=1),
    ),
    elsewhere=(InversionSettings(data="lfw", attack="disaggregation", net="mlp", batch=8),),
    run=f"{ROOM}.invert:run",
    exhibit=f"{ROOM}.exhibit:InversionExhibit",
    attacks=f"{ROOM}.attack:CATALOGUE",
    writes=(Artefact("gallery", "FILE.png", "write the truth above what was found"),),
    nulls=(
        Null(
            key="inversion-verdict",
            situation=mark("photos of other people, held against a batch of 1, 4, 8 or 16"),
            claim=mark("they are said to be the batch's, exactly or recognisably"),
            allowed=0.05,
            draw=f"{ROOM}.nulls:others",
        ),
    ),
)
