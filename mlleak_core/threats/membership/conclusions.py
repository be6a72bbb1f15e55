"""What follows from an audit's numbers, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.measure import proportion
from mlleak_core.threat import Conclusion
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.facts import Facts, span
from mlleak_core.threats.membership.judge import MembershipVerdict, Numbers

SAYS = {
    MembershipVerdict.GUESSING: "is no better than guessing",
    MembershipVerdict.ON_AVERAGE: "tells members from outsiders on average, but finds nobody with confidence",
}
VOID = "This result is *void*: members can be told apart without asking the model at all."


class Conclusions(Facts):
    """What is said of the attacks: first of the strongest, then of all, and of those left out."""

    def warnings(self) -> str:
        """What is missing from the numbers."""
        done, wanted = self.about.shadows, self.about.settings.shadows
        return f"These are the numbers of {done} of {wanted} shadows." if 0 < done < wanted else ""

    def conclusion(self) -> Conclusion:
        """What follows for the leading attack, from its intervals."""
        numbers = self.leading
        if numbers.void:
            return Conclusion(numbers.verdict_among, VOID, "Members and outsiders differ in distribution.")
        sentence = f"{CATALOGUE[numbers.attack].title} *{_says_of(numbers)}*. {_names(numbers)}"
        return Conclusion(numbers.verdict_among, sentence, f"{_chosen(numbers)}{self._right()}")

    def _right(self) -> str:
        about = self.about
        if about.train_accuracy is None or about.test_accuracy is None:
            return "The gap in accuracy, which attacks live on, is not known from losses alone."
        return (
            f"The target is right on {about.train_accuracy:.1%} of what it was trained on and on "
            f"{about.test_accuracy:.1%} of the rest. The gap is what the attacks live on; averages hide it, "
            "so look at few false alarms first."
        )

    def warning(self) -> str:
        """What the trainer could have known."""
        risk = self.about.risk
        if risk is None:
            return ""
        sure = proportion(round(risk.top * risk.n), risk.n)
        return (
            "A warning the trainer could have had for free (LT-IQR, from the training log): of the "
            f"{risk.n} members it calls most at risk, {CATALOGUE[self.leading.attack].title} finds "
            f"{risk.top:.0%} {span(sure)}; of all members, {risk.all:.0%}."
        )

    def foretold(self) -> str:
        """What was to be expected before the first shadow was trained; empty where it is not known."""
        tail = self.about.tail
        if tail is None:
            return ""
        return (
            f"Without a single shadow (tail test): {tail.value:.1%} {span(tail)} of the outsiders have a "
            "loss that only 1% of the members reach. Where there is nothing to find, it would be 1%."
        )

    def equivalent(self) -> str:
        """Which attacks are one and the same; empty where only one of them stands."""
        if not {"rmia", "base"} <= set(self.slugs):
            return ""
        return (
            "RMIA and BASE are provably equivalent (arXiv 2603.11799, 2026): what parts them here is tuning. "
            "Temperatures and priors are chosen on own shadows in the target's place, never on the target."
        )

    def left_out(self) -> tuple[str, ...]:
        """Which attacks could not run, and why."""
        return tuple(
            f"{CATALOGUE[slug].title} was left out: {why}" for slug, why in self.about.skipped.items()
        )


def _says_of(numbers: Numbers) -> str:
    if numbers.verdict_among is MembershipVerdict.FINDS and numbers.tpr_1pct is not None:
        return f"finds {numbers.tpr_1pct.value:.1%} of the members at 1% false alarms"
    return SAYS[numbers.verdict_among]


def _chosen(numbers: Numbers) -> str:
    """That it was chosen as the strongest; empty where it was the only one."""
    if numbers.among == 1:
        return ""
    return f"The strongest of {numbers.among} attacks, its intervals corrected for that (Bonferroni). "


def _names(numbers: Numbers) -> str:
    """Whom the attacker could name by himself."""
    count = numbers.named_count
    records = "record" if count == 1 else "records"
    if count:
        return f"With at most one false name in ten, it can name *{count}* {records}."
    return "It can name *nobody* with at most one false name in ten."
