"""An audit's numbers, each with interval, n, chance, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.language import mark, plural, say
from mlleak_core.measure import positive_predictive_value
from mlleak_core.threat import Control, Figure, Finding, Headline
from mlleak_core.threats.membership.attacks import title_of
from mlleak_core.threats.membership.facts import Facts, span
from mlleak_core.threats.membership.judge import LINE, Numbers

CORRECTED = mark("strongest of {n} attacks, intervals corrected for that")
BY_HEART = mark("A net that knows its class by heart gives away who was in it")


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
        return Finding(
            key=f"{attack}/auc",
            what=say("{attack}: AUC", attack=title_of(attack)),
            estimate=auc,
            chance=0.5,
            controls=self._controls(numbers),
            counted=say(
                "records: {members} members, {others} not",
                members=numbers.n_members,
                others=numbers.n_nonmembers,
            ),
            notes=(_at_the_line(found), *self._shadows(), *self._corrected(numbers)),
            **self._stamp(numbers),
        )

    def found(self, numbers: Numbers) -> Finding | None:
        """The members above the line that 1% of the outsiders cross; None where that cannot be claimed."""
        auc, found = self._intervals(numbers)
        if found is None:
            return None
        controls = (
            say("{what} {value}", what=c.what, value=f"{c.estimate.value:.2f}")
            for c in self._controls(numbers)
        )
        return Finding(
            key=f"{numbers.attack}/found",
            what=say("{attack}: members found at 1% false alarms", attack=title_of(numbers.attack)),
            estimate=found,
            form=".1%",
            chance=LINE,
            controls=(),
            counted=say("members, {others} outsiders", others=numbers.n_nonmembers),
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
            what=say("{attack}: members among those named", attack=title_of(numbers.attack)),
            estimate=numbers.named_members,
            form=".0%",
            chance=numbers.n_members / (numbers.n_members + numbers.n_nonmembers),
            controls=(),
            counted=say("records named, with at most one false name in ten as the aim"),
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
            what=say("precision (PPV) at 1% false alarms"),
            estimate=Estimate(value, low, high, found.n),
            form=".1%",
            chance=base_rate,
            controls=(),
            counted=say("members"),
            notes=(
                say("base rate {percent:g}%", percent=100 * base_rate),
                say("the rate changes what lying above the line is worth, not the ROC"),
            ),
            **self._stamp(numbers),
        )

    def _controls(self, numbers: Numbers) -> tuple[Control, ...]:
        """Where there is nothing to find; of a table of answers only what can be had."""
        shuffled = Control(say("shuffled membership"), numbers.shuffled)
        if not self.about.shadows:
            return (shuffled,)
        blind = Control(say("without asking the model"), numbers.blind)
        untrained = numbers.untrained
        first = () if untrained is None else (Control(say("untrained target"), untrained),)
        return (*first, shuffled, blind)

    def _intervals(self, numbers: Numbers) -> tuple[Estimate, Estimate | None]:
        """AUC and members found; of the strongest attack with the intervals that allow for choosing it."""
        if numbers is self.leading:
            return numbers.auc_among, numbers.tpr_1pct_among
        return numbers.auc, numbers.tpr_1pct

    def _corrected(self, numbers: Numbers) -> tuple[str, ...]:
        if numbers is not self.leading or numbers.among == 1:
            return ()
        return (say(CORRECTED, n=numbers.among),)

    def _shadows(self) -> tuple[str, ...]:
        count = self.about.shadows
        return (plural("{n} shadow", "{n} shadows", count),) if count else ()

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
        words = say("of its members found, at 1% false alarms")
        figures = () if found is None else (Figure(f"{found.estimate.value:.1%}", words, hot=True),)
        return (
            Headline(
                title=say(BY_HEART),
                figures=figures,
                findings=(found or self.average(numbers.attack),),
            ),
        )


def _null(numbers: Numbers, leading: bool) -> str:
    """Which rate says how often a verdict like this one is wrong."""
    if numbers.void:
        return "membership-void"
    return "membership-headline" if leading else "membership-attack"


def _at_the_line(found: Estimate | None) -> str:
    """The members found, as a note; or that nothing can be said of them."""
    if found is None:
        return say("at 1% false alarms cannot be claimed")
    return say("at 1% false alarms {found:.1%} {interval}", found=found.value, interval=span(found))
