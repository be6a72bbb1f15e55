"""The bets of a visitor and a class: how many of a hundred does one update turn? Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence

from mlleak_core.figures.sheets import stacked
from mlleak_core.language import mark, say
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.backdoor.facts import DEFENCES, TITLES, Facts, Shown

BEFORE = mark("before: {share:.0%} of n = {n} such {things} are {called}")
HEARD = mark("{near}: after one round, **{value:.0f} %** of them are {called}.")
ASK = mark(
    "{before:.0%} of {wearing} are {called} by a model that {n} people train together. Now one of them sends "
    "one update. Of a hundred such {things}, how many are {called} then?"
)
BLAMED = mark("You have {right} of the attacker's {all}, and **{wrong} honest** beside.")


class Bet(Facts):
    """The records before the attack and after it, and what came of the bets."""

    def shown(self, after: bool) -> Shown:
        """Some records with the trigger, before the attack or after it."""
        about = self.about
        return Shown(
            atlas=self.atlas,
            flipped=about.shown_after if after else about.shown_before,
            wanted=about.wanted,
            truly=about.truly,
            contexts=about.contexts,
        )

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        about, settings, asked = self.about, self.about.settings, self.asked
        before = {"share": about.before.value, "n": about.before.n}
        return (
            say("{n} participants, {seen} in the round", n=settings.participants, seen=len(about.dots)),
            say(
                "{attack} against {defence}",
                attack=say(TITLES[asked.attack]),
                defence=say(DEFENCES[asked.arm]),
            ),
            say(BEFORE, **before, things=self.things, called=self.called),
            say("seed {seed}", seed=settings.seed),
            self.source,
        )

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on the share of flipped faces, in per cent."""
        value = 100 * self.asked.outcome.after.value
        off = abs(bet - value)
        if off <= 5:
            near = say("Right on it")
        else:
            near = say("Near") if off <= 20 else say("Off by {off:.0f} points", off=off)
        return say(HEARD, near=near, value=value, called=self.called)

    def class_question(self) -> Question:
        """How many of a hundred one update turns."""
        about = self.about
        count = min(8, len(about.shown_before))
        said = {"wearing": self.wearing, "called": self.called, "things": self.things}
        return Question(
            title=say("How many of a hundred?"),
            ask=say(ASK, before=about.before.value, n=about.settings.participants, **said),
            kind=Asked.NUMBER,
            picture=stacked(self.atlas, (0,), count) if self.atlas else b"",
            alt=say("{n} {things}", n=count, things=self.wearing),
            unit=say("of a hundred"),
        )

    def class_truth(self) -> Truth:
        """How many it turned."""
        after = self.asked.outcome.after
        share = round(100 * after.value)
        found = {"share": after.value, "low": after.low, "high": after.high, "n": after.n}
        return Truth(
            right=(share,),
            sentence=say("After one round, {n} of a hundred are {called}.", n=share, called=self.called),
            attacker=say(
                "{share:.0%} [{low:.0%}, {high:.0%}] of n = {n} {things}", **found, things=self.things
            ),
        )

    def blames(self, picked: Sequence[int]) -> str:
        """What a visitor hears who would not trust these updates."""
        dots = self.about.dots
        right = sum(dots[i].attacks for i in picked if i < len(dots))
        found = {"right": right, "all": sum(dot.attacks for dot in dots)}
        if len(picked) == right:
            return say("You have {right} of the attacker's {all}, and nobody honest.", **found)
        return say(BLAMED, **found, wrong=len(picked) - right)
