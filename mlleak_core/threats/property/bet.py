"""The bet: in which round did it begin? Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.sheets import bars
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.property.facts import Facts

NEAR = 0.05
"""A bet this share of the rounds away is near."""


class Bet(Facts):
    """What a visitor may know and hears, what a class is asked, and the truth."""

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
