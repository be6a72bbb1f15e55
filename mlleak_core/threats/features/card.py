"""Features: what the house knows of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from mlleak_core.contract import Range, Settings, knobs
from mlleak_core.language import mark
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Card, Null, Threat

SHOTS = mark("Labelled photos of each kind that a few-shot probe gets.")
DRAWS = mark("Few-shot probes averaged.")
SHUFFLES = mark("Shuffled labellings behind each null interval.")
UNTRAINED = mark("Nets never trained that the trained one is compared with.")


@dataclass(frozen=True)
class FeaturesSettings(TrainSettings):
    """Whose net is opened up, and how it is probed. Everything that can change an answer is here."""

    attributes: Annotated[
        str, mark("Attributes, comma-separated; none means the data set's headline attributes.")
    ] = ""
    shots: Annotated[int, Range(5, 100, 5, SHOTS)] = 20
    draws: Annotated[int, Range(5, 50, 5, DRAWS)] = 20
    nulls: Annotated[int, Range(5, 50, 5, SHUFFLES)] = 20
    controls: Annotated[int, Range(8, 32, 4, UNTRAINED)] = 12

    def training(self) -> TrainSettings:
        """The training alone: the train page's settings."""
        return TrainSettings(**{knob.name: getattr(self, knob.name) for knob in knobs(TrainSettings)})

    def names(self) -> tuple[str, ...]:
        """The attributes asked for; none means the headline's. A name with a comma in it stands in quotes."""
        fields = next(csv.reader([self.attributes], skipinitialspace=True), [])
        return tuple(name.strip() for name in fields if name.strip())

    @classmethod
    def asking(cls, training: TrainSettings, headline: Sequence[str], attribute: str) -> Self:
        """The ladder of a training for the data set's headline attributes, and for `attribute`."""
        text = io.StringIO()
        csv.writer(text).writerow((*headline, attribute))
        return cls(**training.as_dict(), attributes="" if attribute in headline else text.getvalue().strip())


@dataclass(frozen=True)
class MapSettings(Settings):
    """Whose layers are mapped, and how. Everything that can change a map is here."""

    training: Annotated[TrainSettings, mark("The run whose layers are shown.")] = TrainSettings()
    attribute: Annotated[
        str, mark("Of whom there must be enough on the map; none means the first headline's.")
    ] = ""
    points: Annotated[int, Range(100, 5000, 100, mark("Held-out faces on the map."))] = 2000
    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes the layout; another seed shows what of it is chance."))
    ] = 0

    @property
    def data(self) -> str:
        """Where the faces come from."""
        return self.training.data


ROOM = "mlleak_core.threats.features"
STOPPED = f"{ROOM}.run:run_stopped"
"""The ladder of a training that was stopped early."""
MAP_FIRST, MAPS = f"{ROOM}.maps:run_last", f"{ROOM}.maps:run"
"""The maps of the last epoch, and of all; both by `MapSettings`, and the first goes into the second."""
NULLS = f"{ROOM}.nulls"
NEVER_TRAINED = mark("a net that was never trained, looked at as if it were: five attributes, five layers")
THREAT = Threat(
    card=Card(
        slug="features",
        order=1,
        title=mark("Features"),
        icon=":material/layers:",
        question=mark("What did the net learn that nobody asked for?"),
        call=mark("Guess first, then see"),
        papers=("Song & Shmatikov, ICLR 2020", "Stadler et al., ICML 2024"),
    ),
    settings=FeaturesSettings,
    shipped=(FeaturesSettings(),),
    elsewhere=(FeaturesSettings(data="lfw"),),
    run=f"{ROOM}.run:run",
    exhibit=f"{ROOM}.exhibit:FeaturesExhibit",
    attacks=f"{ROOM}.ladder:CATALOGUE",
    nulls=(
        Null(
            key="features-verdict",
            situation=NEVER_TRAINED,
            claim=mark("something is called made easier to read, or being forgotten, anywhere in the report"),
            allowed=0.05,
            draw=f"{NULLS}:reads_better",
        ),
        Null(
            key="features-neighbours",
            situation=NEVER_TRAINED,
            claim=mark("faces are called drawn together, or mixed again, anywhere in the report"),
            allowed=0.05,
            draw=f"{NULLS}:draws_together",
        ),
        Null(
            key="features-null-attribute",
            situation=mark("a coin thrown for every person, looked for in a trained net"),
            claim=mark("its fall is told from chance in one of the layers"),
            allowed=0.05,
            draw=f"{NULLS}:coin_is_read",
        ),
    ),
    slow_start=f"{ROOM}.embedding:SLOW_START",
)
