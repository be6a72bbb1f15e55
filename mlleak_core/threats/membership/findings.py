"""An audit's numbers, each with interval, n, chance, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.measure import positive_predictive_value
from mlleak_core.threat import Control, Figure, Finding, Headline
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.facts import Facts, span
from mlleak_core.threats.membership.judge import LINE, Numbers


class Findings(Facts):
    """What every attack finds; the strongest with intervals that allow for its having been chosen."""

    def findings(self) -> tuple[Finding, ...]:
        """Of the leading attack first: what it finds at the line, its average, its list of names."""
        first = self.leading
        ordered = (first, *(n for n in self.about.reports if n is not first))
        found = [part for n in ordered for part in (self.found(n), self.average(n.attack), self.named(n))]
        return tuple(finding for finding in found if finding is not None)

    def average(self, attack: str) -> Finding:
        """An attack's AUC, with its controls."""
        numbers = self.numbers(attack)
        auc, found = self._intervals(numbers)
        at_line = "cannot be claimed" if found is None else _percent(found)
        return Finding(
            key=f"{attack}/auc",
            what=f"{CATALOGUE[attack].title}: AUC",
            estimate=auc,
            chance=0.5,
            controls=self._controls(numbers),
            counted=f"records: {numbers.n_members} members, {numbers.n_nonmembers} not",
            notes=(f"at 1% false alarms {at_line}", *self._shadows(), *self._corrected(numbers)),
            **self._stamp(numbers),
        )

    def found(self, numbers: Numbers) -> Finding | None:
        """The members above the line that 1% of the outsiders cross; None where that cannot be claimed."""
        auc, found = self._intervals(numbers)
        if found is None:
            return None
        controls = (f"{c.what} {c.estimate.value:.2f}" for c in self._controls(numbers))
        return Finding(
            key=f"{numbers.attack}/found",
            what=f"{CATALOGUE[numbers.attack].title}: members found at 1% false alarms",
            estimate=found,
            form=".1%",
            chance=LINE,
            controls=(),
            counted=f"members, {numbers.n_nonmembers} outsiders",
            notes=(
                f"AUC {auc.value:.2f} {span(auc, '.2f')}",
                *controls,
                *self._shadows(),
                *self._corrected(numbers),
            ),
            **self._stamp(numbers),
        )

    def named(self, numbers: Numbers) -> Finding | None:
        """The members among those the attacker names; None where he names nobody."""
        if numbers.named_members is None:
            return None
        return Finding(
            key=f"{numbers.attack}/named",
            what=f"{CATALOGUE[numbers.attack].title}: members among those named",
            estimate=numbers.named_members,
            form=".0%",
            chance=numbers.n_members / (numbers.n_members + numbers.n_nonmembers),
            controls=(),
            counted="records named, with at most one false name in ten as the aim",
            notes=self._shadows(),
            **self._stamp(numbers),
        )

    def worth(self, base_rate: float) -> Finding | None:
        """What lying above the line is worth when `base_rate` of all records asked for are members."""
        numbers = self.leading
        found = numbers.tpr_1pct_among
        if found is None:
            return None
        rates = (found.value, found.low, found.high)
        value, low, high = (positive_predictive_value(rate, LINE, base_rate) for rate in rates)
        return Finding(
            key=f"{numbers.attack}/worth",
            what="precision (PPV) at 1% false alarms",
            estimate=Estimate(value, low, high, found.n),
            form=".1%",
            chance=base_rate,
            controls=(),
            counted="members",
            notes=(
                f"base rate {100 * base_rate:g}%",
                "the rate changes what lying above the line is worth, not the ROC",
            ),
            **self._stamp(numbers),
        )

    def _controls(self, numbers: Numbers) -> tuple[Control, ...]:
        """Where there is nothing to find; of a table of answers only what can be had."""
        shuffled = Control("shuffled membership", numbers.shuffled)
        if not self.about.shadows:
            return (shuffled,)
        blind = Control("without asking the model", numbers.blind)
        untrained = numbers.untrained
        first = () if untrained is None else (Control("untrained target", untrained),)
        return (*first, shuffled, blind)

    def _intervals(self, numbers: Numbers) -> tuple[Estimate, Estimate | None]:
        """AUC and members found; of the strongest attack with the intervals that allow for choosing it."""
        if numbers is self.leading:
            return numbers.auc_among, numbers.tpr_1pct_among
        return numbers.auc, numbers.tpr_1pct

    def _corrected(self, numbers: Numbers) -> tuple[str, ...]:
        if numbers is not self.leading or numbers.among == 1:
            return ()
        return (f"strongest of {numbers.among} attacks, intervals corrected for that",)

    def _shadows(self) -> tuple[str, ...]:
        count = self.about.shadows
        return (f"{count} shadow{'s' * (count > 1)}",) if count else ()

    def _stamp(self, numbers: Numbers) -> dict[str, Any]:
        about = self.about
        return {
            "seed": about.settings.seed,
            "seconds": about.seconds,
            "source": self.source,
            "verdict": numbers.verdict_among if numbers is self.leading else numbers.verdict,
            "null": _null(numbers, numbers is self.leading),
        }

    def headlines(self) -> tuple[Headline, ...]:
        """What Home says: how many members the leading attack finds."""
        numbers = self.leading
        found = self.found(numbers)
        words = "of its members found, at 1% false alarms"
        figures = () if found is None else (Figure(f"{found.estimate.value:.1%}", words, hot=True),)
        return (
            Headline(
                title="A net that knows its class by heart gives away who was in it",
                figures=figures,
                findings=(found or self.average(numbers.attack),),
            ),
        )


def _null(numbers: Numbers, leading: bool) -> str:
    """Which rate says how often a verdict like this one is wrong."""
    if numbers.void:
        return "membership-void"
    return "membership-headline" if leading else "membership-attack"


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} {span(estimate)}"
