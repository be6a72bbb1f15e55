"""The bet: in which round did it begin? Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.sheets import bars
from mlleak_core.language import mark, say
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.property.facts import Facts

NEAR = 0.05
"""A bet this share of the rounds away is near."""
ASK = mark(
    "Two train together for {rounds} rounds. From some round on, the other's batches have {subject}, now and "
    "then. The bars: how sure the attacker is of each round, first to last. In which round did it begin?"
)


class Bet(Facts):
    """What a visitor may know and hears, what a class is asked, and the truth."""

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        about, looks = self.about, len(self.arrays["rounds"])
        return (
            say("n = {n} of {rounds} rounds looked at", n=looks, rounds=about.rounds),
            say("{n} participants", n=about.settings.participants),
            say("seed {seed}", seed=about.settings.seed),
            self.source,
        )

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on a round."""
        first, alarm = self.about.first, self.about.having.alarm
        rang = say("The attacker's alarm rang at round **{round}**", round=alarm + 1)
        return say(
            "{near}. They came in at round **{first}**. {rang}.",
            near=self._near(bet - first),
            first=first + 1,
            rang=rang if alarm >= 0 else say("No alarm rang"),
        )

    def _near(self, off: int) -> str:
        n = abs(off)
        if off == 0:
            return say("Right on it")
        if n <= NEAR * self.about.rounds:
            return say("Near: {n} rounds late", n=n) if off > 0 else say("Near: {n} rounds early", n=n)
        return say("{n} rounds too late", n=n) if off > 0 else say("{n} rounds too early", n=n)

    def class_question(self) -> Question:
        """The round in which it began."""
        rounds = self.about.rounds
        return Question(
            title=say("Since when?"),
            ask=say(ASK, rounds=rounds, subject=self.subject),
            kind=Asked.NUMBER,
            picture=bars(self.arrays["posterior"]),
            alt=say("A bar a round that was looked at: how sure the attacker is that they are in it"),
            low=1,
            high=rounds,
            unit=say("round"),
            width=max(1, rounds // 20),
        )

    def class_truth(self) -> Truth:
        """Its first round, and when the attacker's alarm rang."""
        first, alarm = self.about.first + 1, self.about.having.alarm
        rang = say("the alarm rang at round {round}", round=alarm + 1) if alarm >= 0 else say("no alarm rang")
        return Truth(
            right=(first,), sentence=say("They came in at round {round}.", round=first), attacker=rang
        )
