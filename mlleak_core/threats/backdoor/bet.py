"""The bets of a visitor and a class: how many of a hundred does one update turn? Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence

from mlleak_core.figures.sheets import stacked
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.backdoor.facts import DEFENCES, TITLES, Facts, Shown


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
        about, settings = self.about, self.about.settings
        return (
            f"{settings.participants} participants, {len(about.dots)} in the round",
            f"{TITLES[self.asked.attack]} against {DEFENCES[self.asked.arm]}",
            f"before: {about.before.value:.0%} of n = {about.before.n} such {self.things} are {self.called}",
            f"seed {settings.seed}",
            self.source,
        )

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on the share of flipped faces, in per cent."""
        value = 100 * self.asked.outcome.after.value
        off = abs(bet - value)
        near = "Right on it" if off <= 5 else "Near" if off <= 20 else f"Off by {off:.0f} points"
        return f"{near}: after one round, **{value:.0f} %** of them are {self.called}."

    def class_question(self) -> Question:
        """How many of a hundred one update turns."""
        about = self.about
        count = min(8, len(about.shown_before))
        return Question(
            title="How many of a hundred?",
            ask=(
                f"{about.before.value:.0%} of {self.wearing} are {self.called} by a model that "
                f"{about.settings.participants} people train together. Now one of them sends one update. "
                f"Of a hundred such {self.things}, how many are {self.called} then?"
            ),
            kind=Asked.NUMBER,
            picture=stacked(self.atlas, (0,), count) if self.atlas else b"",
            alt=f"{count} {self.wearing}",
            unit="of a hundred",
        )

    def class_truth(self) -> Truth:
        """How many it turned."""
        after = self.asked.outcome.after
        share = round(100 * after.value)
        return Truth(
            right=(share,),
            sentence=f"After one round, {share} of a hundred are {self.called}.",
            attacker=f"{after.value:.0%} [{after.low:.0%}, {after.high:.0%}] of n = {after.n} {self.things}",
        )

    def blames(self, picked: Sequence[int]) -> str:
        """What a visitor hears who would not trust these updates."""
        dots = self.about.dots
        right = sum(dots[i].attacks for i in picked if i < len(dots))
        wrong, all_of = len(picked) - right, sum(dot.attacks for dot in dots)
        found = f"You have {right} of the attacker's {all_of}"
        return f"{found}, and **{wrong} honest** beside." if wrong else f"{found}, and nobody honest."
