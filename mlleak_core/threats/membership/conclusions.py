"""What follows from an audit's numbers, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.language import mark, plural, say
from mlleak_core.measure import proportion
from mlleak_core.threat import Conclusion
from mlleak_core.threats.membership.attacks import title_of
from mlleak_core.threats.membership.facts import Facts, span
from mlleak_core.threats.membership.judge import MembershipVerdict, Numbers

GUESSING = mark("{attack} *is no better than guessing*.")
ON_AVERAGE = mark("{attack} *tells members from outsiders on average, but finds nobody with confidence*.")
FINDS = mark("{attack} *finds {found:.1%} of the members at 1% false alarms*.")
VOID = mark("This result is *void*: members can be told apart without asking the model at all.")
RIGHT = mark(
    "The target is right on {train:.1%} of what it was trained on and on {test:.1%} of the rest. The gap is "
    "what the attacks live on; averages hide it, so look at few false alarms first."
)
NOT_KNOWN = mark("The gap in accuracy, which attacks live on, is not known from losses alone.")
AT_RISK = mark(
    "A warning the trainer could have had for free (LT-IQR, from the training log): of the {n} members it "
    "calls most at risk, {attack} finds {top:.0%} {interval}; of all members, {all:.0%}."
)
TAIL = mark(
    "Without a single shadow (tail test): {share:.1%} {interval} of the outsiders have a loss that only 1% "
    "of the members reach. Where there is nothing to find, it would be 1%."
)
EQUIVALENT = mark(
    "RMIA and BASE are provably equivalent (arXiv 2603.11799, 2026): what parts them here is tuning. "
    "Temperatures and priors are chosen on own shadows in the target's place, never on the target."
)
STRONGEST = mark("The strongest of {n} attacks, its intervals corrected for that (Bonferroni).")
NAMES_ONE = mark("With at most one false name in ten, it can name *{n}* record.")
NAMES = mark("With at most one false name in ten, it can name *{n}* records.")
NAMES_NOBODY = mark("It can name *nobody* with at most one false name in ten.")


class Conclusions(Facts):
    """What is said of the attacks: first of the strongest, then of all, and of those left out."""

    def warnings(self) -> str:
        """What is missing from the numbers."""
        done, wanted = self.about.shadows, self.about.settings.shadows
        if not 0 < done < wanted:
            return ""
        return say("These are the numbers of {done} of {wanted} shadows.", done=done, wanted=wanted)

    def conclusion(self) -> Conclusion:
        """What follows for the leading attack, from its intervals."""
        numbers = self.leading
        if numbers.void:
            small = say("Members and outsiders differ in distribution.")
            return Conclusion(numbers.verdict_among, say(VOID), small)
        small = f"{_chosen(numbers)} {self._right()}".strip()
        return Conclusion(numbers.verdict_among, f"{_says_of(numbers)} {_names(numbers)}", small)

    def _right(self) -> str:
        about = self.about
        if about.train_accuracy is None or about.test_accuracy is None:
            return say(NOT_KNOWN)
        return say(RIGHT, train=about.train_accuracy, test=about.test_accuracy)

    def warning(self) -> str:
        """What the trainer could have known."""
        risk = self.about.risk
        if risk is None:
            return ""
        sure = span(proportion(round(risk.top * risk.n), risk.n))
        return say(AT_RISK, attack=title_of(self.leading.attack), interval=sure, **vars(risk))

    def foretold(self) -> str:
        """What was to be expected before the first shadow was trained; empty where it is not known."""
        tail = self.about.tail
        return "" if tail is None else say(TAIL, share=tail.value, interval=span(tail))

    def equivalent(self) -> str:
        """Which attacks are one and the same; empty where only one of them stands."""
        return say(EQUIVALENT) if {"rmia", "base"} <= set(self.slugs) else ""

    def left_out(self) -> tuple[str, ...]:
        """Which attacks could not run, and why."""
        return tuple(
            say("{attack} was left out: {why}", attack=title_of(slug), why=why)
            for slug, why in self.about.skipped.items()
        )


def _says_of(numbers: Numbers) -> str:
    """What the leading attack can do, in a sentence."""
    attack = title_of(numbers.attack)
    if numbers.verdict_among is MembershipVerdict.FINDS and numbers.tpr_1pct is not None:
        return say(FINDS, attack=attack, found=numbers.tpr_1pct.value)
    guessing = numbers.verdict_among is MembershipVerdict.GUESSING
    return say(GUESSING if guessing else ON_AVERAGE, attack=attack)


def _chosen(numbers: Numbers) -> str:
    """That it was chosen as the strongest; empty where it was the only one."""
    return "" if numbers.among == 1 else say(STRONGEST, n=numbers.among)


def _names(numbers: Numbers) -> str:
    """Whom the attacker could name by himself."""
    count = numbers.named_count
    return plural(NAMES_ONE, NAMES, count) if count else say(NAMES_NOBODY)
