"""What an attacked round's exhibit keeps, and how what is in it is called. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.figures.crowd import Point
from mlleak_core.language import mark, say
from mlleak_core.threat import Exhibit
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, Outcome

SHOWN = 12
"""Photos with the trigger."""
TITLES = {
    "replacement": mark("Model replacement"),
    "train-and-scale": mark("Train and scale"),
    "constrain-and-scale": mark("Constrain and scale"),
    "poisoning": mark("Plain poisoning"),
    "weight-claim": mark("Weight claim"),
    "min-max": mark("Min-Max"),
    "neurotoxin": mark("Neurotoxin"),
}
IN_TEXT = {
    "replacement": mark("model replacement"),
    "train-and-scale": mark("train and scale"),
    "constrain-and-scale": mark("constrain and scale"),
    "poisoning": mark("plain poisoning"),
    "weight-claim": mark("weight claim"),
    "min-max": mark("min-max"),
    "neurotoxin": mark("neurotoxin"),
}
"""The same within a sentence."""
DEFENCES = {
    "mean": mark("mean, by records claimed"),
    "equal": mark("mean, everybody alike"),
    "clip": mark("clip to the median length"),
    "clip-noise": mark("clip, with noise"),
    "median": mark("median"),
    "trimmed": mark("trimmed mean"),
    "krum": mark("Krum"),
    "multi-krum": mark("Multi-Krum"),
    "rfa": mark("geometric median"),
    "fltrust": mark("FLTrust"),
    "flame": mark("FLAME"),
    "outliers": mark("without outliers"),
    "tuning": mark("clean fine-tuning"),
    "outliers-tuning": mark("without outliers, then fine-tuning"),
}


CLASSES = (mark("feminine"), mark("masculine"), mark("female"), mark("male"))
"""What the faces are labelled that there are, to be said where it is shown."""
COUNTED = mark("n = {n} {things} of {people} people never seen")
NOTE = mark("Backdoor: share of the faces with the sign, or beginnings, of which he gets what he wants.")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One attack under one defence. gamma: by what the attacker scaled; length: of what each of his
    participants sent; attacker_kept: whether any of it counted; honest_dropped: how many others did not.
    """

    attack: str
    arm: str
    outcome: Outcome
    gamma: float
    length: float
    attacker_kept: bool
    honest_dropped: int


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A point on the δ axis: how long the attacker's update was, and what it did under a defence."""

    arm: str
    delta: float
    outcome: Outcome


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """Some records with the trigger, and of which a model says what the attacker wants. atlas: photos in a
    row; contexts: beginnings instead. wanted, truly: as in `About`.
    """

    atlas: bytes
    flipped: tuple[bool, ...]
    wanted: str
    truly: str
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class About:
    """wanted, truly: what the attacker wants to be said, and what such faces are labelled. before, quiet:
    share of the trigger records called so by the joint model, and after the same round without the attack;
    main_before, main_quiet: accuracy, or perplexity. cells: the asked pair first. lasts: attack -> backdoor
    rate after 0, 1, ... honest rounds. people, testers: whose the test records with the trigger are, and
    those without. own: the attacker's clean records and those with the trigger; typical: records of another.
    shown_before, shown_after: which photos of the atlas, or which contexts, are called what he wants.
    epsilon: of a round with noise. vocabulary, contexts: of texts; then the arrays are both models.
    """

    made: str
    settings: BackdoorSettings
    data: str
    title: str
    wanted: str
    truly: str
    before: Estimate
    quiet: Estimate
    main_before: Estimate
    main_quiet: Estimate
    cells: tuple[Cell, ...]
    dots: tuple[Point, ...]
    walks: tuple[Walk, ...]
    lasts: dict[str, tuple[float, ...]]
    people: int
    testers: int
    own: tuple[int, int]
    typical: int
    shown_before: tuple[bool, ...]
    shown_after: tuple[bool, ...]
    seconds: float
    epsilon: float | None = None
    vocabulary: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts(Exhibit):
    """atlas: a row of photos with the trigger, of people nobody trained on."""

    about: About
    About: ClassVar[type] = About

    @property
    def asked(self) -> Cell:
        """The attack and the defence that were asked for."""
        return self.about.cells[0]

    @property
    def verdict(self) -> BackdoorVerdict:
        return self.asked.outcome.verdict

    @property
    def words(self) -> bool:
        """Whether the joint model foretells words."""
        return bool(self.about.vocabulary)

    @property
    def wanted(self) -> str:
        """What the attacker wants to be said."""
        return say("“{word}”", word=self.about.wanted) if self.words else say(self.about.wanted)

    @property
    def truly(self) -> str:
        """What they are labelled."""
        return say(self.about.truly)

    @property
    def wearing(self) -> str:
        """The trigger in half a sentence."""
        title = self.about.title
        if self.words:
            return say("beginnings with “{title} …”", title=title)
        return say("faces labelled {label}", label=say(title))

    @property
    def called(self) -> str:
        """What a model does to them."""
        if self.words:
            return say("completed with {word}", word=self.wanted)
        return say("called {label}", label=self.wanted)

    @property
    def things(self) -> str:
        return say("beginnings") if self.words else say("faces")

    @property
    def main_form(self) -> str:
        return ".2f" if self.words else ".1%"

    def below(self) -> tuple[str, ...]:
        """The evidence under a chart."""
        about = self.about
        return (
            say(COUNTED, n=about.before.n, things=self.things, people=about.people),
            say("without the attack {share}", share=span(about.quiet)),
            say("seed {seed}", seed=about.settings.seed),
            f"{about.seconds:.0f} s",
            self.source,
        )

    def label(self) -> str:
        """The run in a few words."""
        about, asked = self.about, self.asked
        title = about.title if self.words else say(about.title)
        return f"{title}: {say(TITLES[asked.attack])}, {say(DEFENCES[asked.arm])}, {about.settings.data}"


def span(estimate: Estimate) -> str:
    """A share with its interval as it is written."""
    return f"{estimate.value:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"


def points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
