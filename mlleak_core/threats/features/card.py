"""Features: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Range, knobs
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Card, Threat


@dataclass(frozen=True)
class FeaturesSettings(TrainSettings):
    """Whose net is opened up, and how it is probed. Everything that can change an answer is here."""

    attributes: Annotated[str, "Attributes, comma-separated; none means the data set's headline attributes."] = ""
    shots: Annotated[int, Range(5, 100, 5, "Labelled photos of each kind that a few-shot probe gets.")] = 20
    draws: Annotated[int, Range(5, 50, 5, "Few-shot probes averaged.")] = 20
    nulls: Annotated[int, Range(5, 50, 5, "Shuffled labellings behind each null interval.")] = 20

    def training(self) -> TrainSettings:
        """The training alone: the train page's settings."""
        return TrainSettings(**{knob.name: getattr(self, knob.name) for knob in knobs(TrainSettings)})


ROOM = "mlleak_core.threats.features"
THREAT = Threat(
    card=Card(
        slug="features",
        order=1,
        title="Features",
        icon=":material/layers:",
        question="What did the net learn that nobody asked for?",
        call="Guess first, then see",
        papers=("Song & Shmatikov, ICLR 2020", "Stadler et al., ICML 2024"),
    ),
    settings=FeaturesSettings,
    shipped=(FeaturesSettings(),),
    run=f"{ROOM}.ladder:run",
    exhibit=f"{ROOM}.exhibit:FeaturesExhibit",
    attacks=f"{ROOM}.ladder:CATALOGUE",
    slow_start=f"{ROOM}.embedding:SLOW_START",
)
