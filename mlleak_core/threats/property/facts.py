"""What the exhibit of a watched training keeps, and how what is in it is called. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.language import say
from mlleak_core.threat import Exhibit
from mlleak_core.threats.property.card import AUTHOR, COIN, PERSON, PropertySettings
from mlleak_core.threats.property.judge import PropertyVerdict, verdict

SHOWN = 8
"""Photos of each kind."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What was claimed of a training, and how well its net does the task. alarm: its round, -1 none."""

    auc: Estimate
    shuffled: Estimate
    caught: Estimate
    delay: int | None
    early: bool
    alarm: int
    accuracy: Estimate


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words read from the updates. elsewhere: precision and recall against another round's batch.

    occurring, read: shares of the vocabulary that stand in a batch and that are said to. told: words that
    give the property away, and how many times as frequent they are with it.
    """

    precision: Estimate
    recall: Estimate
    elsewhere: tuple[Estimate, Estimate]
    occurring: float
    read: float
    told: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class About:
    """first: the round in which it came. having, lacking: the training with the property and the one without.
    cost: accuracy of the one without minus the other's. association: of property and task, φ.
    photos: the victim's, with it and without. own: the attacker's, with and without, learned from and held
    back. texts: some of the victim's, with it and without.
    """

    made: str
    settings: PropertySettings
    data: str
    title: str
    first: int
    having: Arm
    lacking: Arm | None
    cost: Estimate | None
    association: Estimate
    photos: tuple[int, int]
    own: tuple[int, ...]
    rounds: int
    seconds: float
    texts: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    words: Words | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts(Exhibit):
    """arrays: rounds, posterior; present [rounds]; control_rounds, control: of the training without it.
    atlas: the victim's photos, with the property above.
    """

    about: About
    About: ClassVar[type] = About

    @property
    def verdict(self) -> PropertyVerdict:
        return verdict(self.about.having.auc)

    @property
    def subject(self) -> str:
        """The property in half a sentence."""
        about = self.about
        if about.settings.property == COIN:
            return say("{things} of people whose coin fell heads", things=self.things)
        if about.settings.property.startswith(PERSON):
            return say("photos of {name}", name=about.title)
        if about.settings.property.startswith(AUTHOR):
            return say("reviews by {name}", name=about.title)
        if about.words is not None:
            column, value = about.settings.property.partition(":")[0], about.title
            return say("reviews with {column} {value}", column=say(column), value=say(value))
        return say("photos labelled {label}", label=say(about.title))

    @property
    def things(self) -> str:
        """What everybody keeps to himself."""
        return say("photos") if self.about.words is None else say("reviews")

    @property
    def _unseen(self) -> str:
        if self.about.words is None:
            return say("photos of people never seen")
        return say("reviews never seen")

    @property
    def across(self) -> int:
        """Photos in a row of the atlas."""
        return min(SHOWN, max(self.about.photos))
