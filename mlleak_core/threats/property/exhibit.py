"""A watched joint training as a page shows it. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mlleak_core.contract import Estimate
from mlleak_core.figures.scenes import Tape
from mlleak_core.figures.sheets import bars
from mlleak_core.threat import (
    Asked,
    Conclusion,
    Control,
    Drawing,
    Exhibit,
    Figure,
    Finding,
    Headline,
    Question,
    Truth,
)
from mlleak_core.threats.property.card import AUTHOR, COIN, PERSON, PropertySettings
from mlleak_core.threats.property.judge import Claim, PropertyVerdict, verdict

SHOWN = 8
"""Photos of each kind."""
NEAR = 0.05
"""A bet this share of the rounds away is near."""


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
class PropertyExhibit(Exhibit):
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
            return f"{self.things} of people whose coin fell heads"
        if about.settings.property.startswith(PERSON):
            return f"photos of {about.title}"
        if about.settings.property.startswith(AUTHOR):
            return f"reviews by {about.title}"
        if about.words is not None:
            return f"reviews with {about.settings.property.partition(':')[0]} {about.title}"
        return f"photos labelled {about.title}"

    @property
    def things(self) -> str:
        """What everybody keeps to himself."""
        return "photos" if self.about.words is None else "reviews"

    @property
    def _unseen(self) -> str:
        return "photos of people never seen" if self.about.words is None else "reviews never seen"

    def tape(self, revealed: bool, bet: int | None = None) -> Tape:
        """The rounds as a canvas draws them; before the reveal without the truth."""
        about, arrays = self.about, self.arrays
        return Tape(
            name=f"tape-{self.job}",
            rounds=about.rounds,
            at=arrays["rounds"],
            posterior=arrays["posterior"],
            control_at=arrays.get("control_rounds") if revealed else None,
            control=arrays.get("control") if revealed else None,
            present=arrays["present"] if revealed else None,
            alarm=about.having.alarm if revealed else -1,
            bet=-1 if bet is None else bet,
            participants=about.settings.participants,
            title=about.title,
        )

    @property
    def across(self) -> int:
        """Photos in a row of the atlas."""
        return min(SHOWN, max(self.about.photos))

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        settings = self.about.settings
        looks = f"n = {len(self.arrays['rounds'])} of {self.about.rounds} rounds looked at"
        return looks, f"{settings.participants} participants", f"seed {settings.seed}", self.source

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on a round."""
        about = self.about
        off = bet - about.first
        alarm = about.having.alarm
        rang = f"The attacker's alarm rang at round **{alarm + 1}**" if alarm >= 0 else "No alarm rang"
        if abs(off) <= NEAR * about.rounds:
            near = "Right on it" if off == 0 else f"Near: {abs(off)} rounds {'late' if off > 0 else 'early'}"
        else:
            near = f"{abs(off)} rounds too {'late' if off > 0 else 'early'}"
        return f"{near}. They came in at round **{about.first + 1}**. {rang}."

    def class_question(self) -> Question:
        """The round in which it began."""
        rounds = self.about.rounds
        return Question(
            title="Since when?",
            ask=(
                f"Two train together for {rounds} rounds. From some round on, the other's batches have "
                f"{self.subject}, now and then. The bars: how sure the attacker is of each round, first to "
                "last. In which round did it begin?"
            ),
            kind=Asked.NUMBER,
            picture=bars(self.arrays["posterior"]),
            alt="A bar a round that was looked at: how sure the attacker is that they are in it",
            low=1,
            high=rounds,
            unit="round",
            width=max(1, rounds // 20),
        )

    def class_truth(self) -> Truth:
        """Its first round, and when the attacker's alarm rang."""
        first, alarm = self.about.first + 1, self.about.having.alarm
        rang = f"the alarm rang at round {alarm + 1}" if alarm >= 0 else "no alarm rang"
        return Truth(right=(first,), sentence=f"They came in at round {first}.", attacker=rang)

    def conclusion(self) -> Conclusion:
        """What one participant learned of the other's photos."""
        about, arm = self.about, self.about.having
        who = "the others'" if about.settings.participants > 2 else "the other's"
        if self.verdict is PropertyVerdict.SHOWS:
            first = f"When {self.subject} are in {who} batch *shows in the updates*: AUC {arm.auc.value:.2f}"
        else:
            first = (
                f"Whether {self.subject} are in {who} batch *cannot be told from chance*: AUC "
                f"{arm.auc.value:.2f}"
            )
        sentence = f"{first} [{arm.auc.low:.2f}, {arm.auc.high:.2f}]. {self._when()}"
        return Conclusion(self.verdict, sentence.strip(), self._small())

    def _when(self) -> str:
        arm = self.about.having
        if arm.early:
            return "The alarm rang *before* they came: a false one."
        if arm.delay is None:
            return "No alarm rang."
        return f"They came in at round {self.about.first + 1}; the alarm rang *{arm.delay} rounds later*."

    def _small(self) -> str:
        about, things, phi = self.about, self.things, self.about.association
        parts = [
            f"Property and task go together by φ = {_signed(phi.value)} in the victim's {things}"
            f" [{_signed(phi.low)}, {_signed(phi.high)}]."
        ]
        if about.cost is not None and about.lacking is not None:
            parts.append(
                f"The joint net is right on {about.having.accuracy.value:.1%} of {self._unseen}, and on "
                f"{about.lacking.accuracy.value:.1%} where those {self.things} are absent (difference "
                f"[{_points(about.cost.low)}, {_points(about.cost.high)}] points): it shows nothing."
                if about.cost.low <= 0 <= about.cost.high
                else f"The joint net's accuracy is {about.having.accuracy.value:.1%} with those {things} and "
                f"{about.lacking.accuracy.value:.1%} without."
            )
        return " ".join(parts)

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about = self.about
        given = [
            f"The attacker has {about.own[0] + about.own[2]} {self.things} of his own with the property, "
            "of the same source.",
            f"The victim draws the same {self.things} again and again: intervals count records, too.",
        ]
        if about.settings.batch_share == 1:
            given.append("Whole batches have the property; lower the share to see how far that carries.")
        if about.settings.attack != "online":
            given.append("One reader learns from all rounds, so that later rounds date earlier ones.")
        if about.settings.participants > 2:
            given.append(f"Nobody but the victim has such {self.things}.")
        return tuple(given)

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def cautions(self) -> tuple[str, ...]:
        """What the attacker is given here."""
        return tuple(filter(None, (*self.generosities(), self.told())))

    def drawings(self) -> tuple[Drawing, ...]:
        """The tape with the truth."""
        picture = Drawing(
            title="Round by round",
            picture=self.tape(revealed=True),
            alt=f"Orange: rounds in which {self.subject} were in the batch. Blue: how probable the attacker "
            "held it. Grey: the same training without them.",
            rows=self.rows(),
            findings=self.findings()[:1],
            note="Posterior: how probable the attacker holds it at even odds.",
        )
        return (picture,)

    def rows(self) -> list[dict[str, Any]]:
        """Every round that was looked at."""
        arrays = self.arrays
        found = []
        for at, probable in zip(arrays["rounds"], arrays["posterior"], strict=True):
            there = bool(arrays["present"][at])
            found.append({"round": int(at) + 1, "posterior": round(float(probable), 4), "present": there})
        return found

    def findings(self) -> tuple[Finding, ...]:
        """The AUC, the accuracy that does not show it."""
        about, arm = self.about, self.about.having
        controls = [Control("shuffled timeline", arm.shuffled)]
        if about.lacking is not None:
            controls.append(Control(f"training without such {self.things}", about.lacking.auc))
        auc = self._finding(
            key="auc",
            what="AUC of rounds with it against rounds without",
            estimate=arm.auc,
            chance=0.5,
            controls=tuple(controls),
            counted="rounds from its first on",
            verdict=self.verdict,
            null="property-verdict" if self.about.words is None else "property-verdict-texts",
            notes=self._notes(),
        )
        lacking = about.lacking.accuracy if about.lacking else None
        accuracy = self._finding(
            key="task accuracy",
            what="accuracy of the joint net",
            estimate=arm.accuracy,
            chance=0.5,
            controls=() if lacking is None else (Control(f"without such {self.things}", lacking),),
            counted=self._unseen,
            form=".1%",
        )
        return auc, accuracy, *self._of_words()

    def _of_words(self) -> tuple[Finding, ...]:
        words = self.about.words
        if words is None:
            return ()
        parts = (
            ("words precision", "words read from an update that stand in the batch", words.precision),
            ("words recall", "words of the batch that are read from an update", words.recall),
        )
        guessed = zip((words.occurring, words.read), words.elsewhere, strict=True)
        return tuple(
            self._finding(
                key=key,
                what=what,
                estimate=found,
                chance=chance,
                controls=(Control("held against another round", elsewhere),),
                counted="rounds",
                form=".1%",
            )
            for (key, what, found), (chance, elsewhere) in zip(parts, guessed, strict=True)
        )

    def told(self) -> str:
        """Which words gave it away, in a sentence; empty where there are none."""
        found = self.about.words
        if found is None:
            return ""
        read = (
            f"The words themselves lie open: {found.recall.value:.0%} of those in a batch are read from one "
            f"update, {found.precision.value:.0%} of those read are right."
        )
        told = ", ".join(f"*{word}* (×{times:g})" for word, times in found.told)
        shows = told and self.verdict is PropertyVerdict.SHOWS
        return f"{read} What gave {self.subject} away: {told}." if shows else read

    def _notes(self) -> tuple[str, ...]:
        arm, settings = self.about.having, self.about.settings
        rang = "false alarm" if arm.early else f"alarm after {arm.delay} rounds"
        delay = "no alarm" if arm.alarm < 0 else rang
        return (
            f"rounds caught {arm.caught.value:.0%} [{arm.caught.low:.0%}, {arm.caught.high:.0%}]",
            delay,
            f"{settings.participants} participants",
            f"share of the batch {settings.batch_share:.0%}",
        )

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)

    def headlines(self) -> tuple[Headline, ...]:
        """Of a property that shows."""
        if self.verdict is not PropertyVerdict.SHOWS:
            return ()
        arm = self.about.having
        return (
            Headline(
                title=f"**Two train together. One watches, and knows when the other's {self.things} change**",
                findings=self.findings()[:1],
                figures=(
                    Figure(f"{arm.auc.value:.2f}", f"AUC: in which rounds {self.subject} were in", hot=True),
                ),
                picture=self.tape(revealed=True),
            ),
        )


def _signed(value: float) -> str:
    """With two digits, never as minus nought."""
    return f"{round(value, 2) + 0:+.2f}"


def so_far(name: str, claim: Claim, looks: int) -> Tape:
    """A training under way, of which the attacker will have `looks` looks."""
    between = int(claim.rounds[1] - claim.rounds[0]) if len(claim.rounds) > 1 else 1
    at, posterior = claim.rounds.astype(np.int32), claim.posterior.astype(np.float32)
    return Tape(name=name, rounds=looks * between, at=at, posterior=posterior)


def _points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
