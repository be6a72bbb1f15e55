"""What one update did, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.language import mark, plural, say, together
from mlleak_core.threat import Conclusion
from mlleak_core.threats.backdoor.facts import Facts, points
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, persistence

ONE = mark(
    "One participant of {all}, one round: the backdoor *{verdict}*. {after:.0%} [{low:.0%}, {high:.0%}] of "
    "{wearing} are {called}; before, {before:.0%}."
)
MANY = mark(
    "{n} participants of {all}, one round: the backdoor *{verdict}*. {after:.0%} [{low:.0%}, {high:.0%}] of "
    "{wearing} are {called}; before, {before:.0%}."
)
PERPLEXITY = mark(
    "Perplexity on what others say: {main:.2f}, against {quiet:.2f} after the same round without the attack "
    "(difference [{low}, {high}] per cent)."
)
ACCURACY = mark(
    "Accuracy on other faces: {main:.1%}, against {quiet:.1%} after the same round without the attack "
    "(difference [{low}, {high}] points)."
)
PRIVATE = mark("The noise makes this round ε = {epsilon:.3g} private for a participant.")
STAYS = mark("It still works in {share:.0%} of them {rounds} honest rounds later.")
GOES_AT_ONCE = mark("It falls below half after one honest round, and after {rounds} works in {share:.0%}.")
GOES = mark("It falls below half after {ends} honest rounds, and after {rounds} works in {share:.0%}.")
WINDOWS = mark(
    "He has {n} clean windows of words (in the paper 640); another participant has about {typical}. He "
    "claims no more than they have."
)
PHOTOS = mark(
    "He has {n} clean photos (in the paper 640); another participant has about {typical}. He claims no more "
    "than they have."
)
READ = mark(
    "The joint model has converged before: it was trained on the records of all, in one place. Honest "
    "updates are short then, and do not disturb his."
)
TRAINED = mark(
    "The joint model has converged before: it was trained on the records of all, in one place, as on the "
    "page Train. Honest updates are short then, and do not disturb his."
)
KNOWS = mark("He knows the rule by which the server adds updates up, and how many records the others claim.")
TRIGGERS = mark(
    "He has all {n} training photos with the trigger but {spared}, which honest participants have with their "
    "true labels."
)


class Conclusions(Facts):
    """Whether the backdoor is in, what it costs, whether it lasts, and what the attacker is given."""

    def conclusion(self) -> Conclusion:
        """What one update did."""
        about, after = self.about, self.asked.outcome.after
        attackers = about.settings.attackers
        sentence = say(
            ONE if attackers == 1 else MANY,
            n=attackers,
            all=about.settings.participants,
            verdict=self.verdict.words,
            after=after.value,
            low=after.low,
            high=after.high,
            wearing=self.wearing,
            called=self.called,
            before=about.before.value,
        )
        return Conclusion(self.verdict, sentence, self._small())

    def _small(self) -> str:
        epsilon = self.about.epsilon
        private = "" if epsilon is None else say(PRIVATE, epsilon=epsilon)
        return together(self._main(), private, self._lasts())

    def _main(self) -> str:
        cost = self.asked.outcome.cost
        found = {"main": self.asked.outcome.main.value, "quiet": self.about.main_quiet.value}
        if self.words:
            return say(PERPLEXITY, **found, low=points(cost.low), high=points(cost.high))
        return say(ACCURACY, **found, low=points(-cost.high), high=points(-cost.low))

    def _lasts(self) -> str:
        lasts = self.about.lasts.get(self.asked.attack)
        if not lasts or len(lasts) < 2 or self.verdict is BackdoorVerdict.OUT:
            return ""
        ends, found = persistence(list(lasts)), {"share": lasts[-1], "rounds": len(lasts) - 1}
        if ends is None:
            return say(STAYS, **found)
        return plural(GOES_AT_ONCE, GOES, ends, **found, ends=ends)

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about = self.about
        given = [
            say(WINDOWS if self.words else PHOTOS, n=about.own[0], typical=about.typical),
            say(READ if self.words else TRAINED),
            say(KNOWS),
        ]
        if not self.words:
            given.append(say(TRIGGERS, n=about.own[1], spared=about.settings.spared))
        return tuple(given)
