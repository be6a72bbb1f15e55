"""What one update did, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.threat import Conclusion
from mlleak_core.threats.backdoor.facts import Facts, points
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, persistence


class Conclusions(Facts):
    """Whether the backdoor is in, what it costs, whether it lasts, and what the attacker is given."""

    def conclusion(self) -> Conclusion:
        """What one update did."""
        outcome, about = self.asked.outcome, self.about
        who = (
            "One participant" if about.settings.attackers == 1 else f"{about.settings.attackers} participants"
        )
        of = f"{who} of {about.settings.participants}"
        share = f"{outcome.after.value:.0%} [{outcome.after.low:.0%}, {outcome.after.high:.0%}]"
        start = f"{of}, one round: the backdoor *{self.verdict.words}*."
        before = f"before, {about.before.value:.0%}"
        sentence = f"{start} {share} of {self.wearing} are {self.called}; {before}."
        return Conclusion(self.verdict, sentence, self._small())

    def _small(self) -> str:
        cost, about = self.asked.outcome.cost, self.about
        if self.words:
            unit, change = "per cent", f"{points(cost.low)}, {points(cost.high)}"
        else:
            unit, change = "points", f"{points(-cost.high)}, {points(-cost.low)}"
        main = (
            f"{self._task().capitalize()}: {self.asked.outcome.main.value:{self.main_form}}, against "
            f"{about.main_quiet.value:{self.main_form}} after the same round without the attack (difference "
            f"[{change}] {unit})."
        )
        if about.epsilon is not None:
            main += f" The noise makes this round ε = {about.epsilon:.3g} private for a participant."
        lasts = about.lasts.get(self.asked.attack)
        if not lasts or len(lasts) < 2 or self.verdict is BackdoorVerdict.OUT:
            return main
        ends = persistence(list(lasts))
        stays = (
            f"It still works in {lasts[-1]:.0%} of them {len(lasts) - 1} honest rounds later."
            if ends is None
            else f"It falls below half after {ends} honest rounds, and after {len(lasts) - 1} works in "
            f"{lasts[-1]:.0%}."
        )
        return f"{main} {stays}"

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about, settings = self.about, self.about.settings
        given = [
            f"He has {about.own[0]} clean {'windows of words' if self.words else 'photos'} (in the paper "
            f"640); another participant has about {about.typical}. He claims no more than they have.",
            "The joint model has converged before: it was trained on the records of all, in one place"
            f"{'' if self.words else ', as on the page Train'}. Honest updates are short then, and do not "
            "disturb his.",
            "He knows the rule by which the server adds updates up, and how many records the others claim.",
        ]
        if not self.words:
            given.append(
                f"He has all {about.own[1]} training photos with the trigger but {settings.spared}, which "
                "honest participants have with their true labels."
            )
        return tuple(given)
