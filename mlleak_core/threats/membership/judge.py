"""Who was in, known to the judge alone, and what he finds of a claim. Light: no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlleak_core import measure
from mlleak_core.contract import Estimate
from mlleak_core.language import mark
from mlleak_core.measure import Roc
from mlleak_core.seeds import stream
from mlleak_core.threat import Verdict
from mlleak_core.threats.membership.blind import Blind, blind_baseline
from mlleak_core.threats.membership.confidence import Rows
from mlleak_core.threats.membership.summaries import summaries
from mlleak_core.threats.membership.view import Claim

DRAWN, OUTSIDE = 0.001, 0.01
"""Levels of the blind baseline's permutation test: members drawn here, and a table from outside."""
FDR = 0.1
"""Share of false names that an attacker puts up with when he names records (Benjamini & Hochberg 1995)."""
LINE, FAR_LINE = 0.01, 0.001
"""Shares of the outsiders that may lie above the line, where the judge measures."""


class MembershipVerdict(Verdict):
    """What the intervals allow to be said of one attack."""

    VOID = mark("void: members can be told apart without asking the model at all")
    GUESSING = mark("no better than guessing")
    FINDS = mark("leaks: finds members at 1% false alarms")
    ON_AVERAGE = mark("leaks on average, but finds nobody with confidence")


@dataclass(frozen=True, eq=False)
class Truth:
    """What only the judge may read: member [n], person [n], and the blind baseline, found from the truth."""

    member: NDArray[np.bool_]
    person: NDArray[Any]
    blind: Blind


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The judge's finding of one attack, as plain numbers.

    tpr_*: members above the line that so few outsiders cross, None where there are too few outsiders to say;
    line: the score there. named_count: records on the attacker's own false-discovery list, and
    named_members, how many of these are members. shuffled, untrained, blind: controls; blind_p: of the blind
    baseline; net: the AUC over the blind one; drawn: whether the members were drawn here. among: how many
    attacks were tried; *_among: intervals that hold for all of them at once (Bonferroni).
    """

    attack: str
    auc: Estimate
    tpr_1pct: Estimate | None
    tpr_01pct: Estimate | None
    line: float | None
    advantage: float
    shuffled: Estimate
    untrained: Estimate | None
    blind: Estimate
    blind_p: float
    net: Estimate
    drawn: bool
    among: int
    auc_among: Estimate
    tpr_1pct_among: Estimate | None
    named_count: int
    named_members: Estimate | None
    n_members: int
    n_nonmembers: int
    queries: int

    @property
    def verdict(self) -> MembershipVerdict:
        """From the intervals: the blind baseline first, then the average, then the line."""
        return self._verdict(self.auc, self.tpr_1pct)

    @property
    def verdict_among(self) -> MembershipVerdict:
        """The same where this is the strongest of all attacks tried."""
        return self._verdict(self.auc_among, self.tpr_1pct_among)

    def _verdict(self, auc: Estimate, tpr: Estimate | None) -> MembershipVerdict:
        if self.void:
            return MembershipVerdict.VOID
        if auc.low <= 0.5:
            return MembershipVerdict.GUESSING
        if tpr is not None and tpr.low > LINE:
            return MembershipVerdict.FINDS
        return MembershipVerdict.ON_AVERAGE

    @property
    def void(self) -> bool:
        """Members drawn here: the draw was no random one. Of a table: the attack is no better than blind."""
        if self.drawn:
            return self.blind_p <= DRAWN
        return self.blind_p <= OUTSIDE and self.net.low <= 0

    def row(self) -> dict[str, Any]:
        """The flat form that the command line prints."""
        return {
            "attack": self.attack,
            "auc": self.auc.value,
            "auc_low": self.auc.low,
            "auc_high": self.auc.high,
            "tpr_at_1pct": self.tpr_1pct and self.tpr_1pct.value,
            "tpr_at_1pct_interval": _interval(self.tpr_1pct),
            "tpr_at_0_1pct": self.tpr_01pct and self.tpr_01pct.value,
            "tpr_at_0_1pct_interval": _interval(self.tpr_01pct),
            "advantage": self.advantage,
            "n_members": self.n_members,
            "n_nonmembers": self.n_nonmembers,
            "controls": {
                "shuffled_membership_auc": vars(self.shuffled),
                "untrained_target_auc": self.untrained and vars(self.untrained),
            },
            "blind_auc": self.blind.value,
            "blind_interval": _interval(self.blind),
            "blind_p": self.blind_p,
            "net_of_blind": self.net.value,
            "net_of_blind_interval": _interval(self.net),
            "attacks_tried": self.among,
            "auc_interval_corrected": _interval(self.auc_among),
            "tpr_at_1pct_interval_corrected": _interval(self.tpr_1pct_among),
            "queries": self.queries,
            "named": self.named_count,
            "named_members": self.named_members and vars(self.named_members),
            "verdict": self.verdict.words,
        }


N = TypeVar("N", bound=Numbers)


@dataclass(frozen=True, eq=False, kw_only=True)
class Report(Numbers):
    """The same with what is drawn: the ROC curve, and named [n], the false-discovery list."""

    roc: Roc
    named: NDArray[np.bool_]

    def numbers(self) -> Numbers:
        return Numbers(**{f.name: getattr(self, f.name) for f in fields(Numbers)})


def _interval(estimate: Estimate | None) -> list[float] | None:
    return [estimate.low, estimate.high] if estimate else None


def truth_of(
    x: NDArray[Any], y: Rows, member: NDArray[np.bool_], person: NDArray[Any], *, seed: int = 0
) -> Truth:
    """Seal the truth of members that were drawn here, with the blind baseline measured on it."""
    features = summaries(x, x, y, y, 30)[0]
    return Truth(member, person, blind_baseline(features, member, person, drawn=True, seed=seed))


def strongest(reports: Iterable[N]) -> N:
    """The attack of which most is certain: by the low end of what it finds at 1% false alarms, an interval
    that holds for all of them at once. Where none is surely above 1%, what finds most, or is of highest AUC.
    """

    def strength(numbers: N) -> tuple[float, float, float]:
        surely, found = numbers.tpr_1pct_among, numbers.tpr_1pct
        return max(surely.low if surely else 0.0, LINE), found.value if found else 0.0, numbers.auc.value

    return max(reports, key=strength)


def judge(
    name: str, claim: Claim, truth: Truth, untrained: Claim | None = None, *, seed: int = 0, among: int = 1
) -> Report:
    """The only reader of the truth. `untrained` is the same attack on a model that never saw anybody.

    among: how many attacks are tried on it.
    """
    member, person, scores = truth.member, truth.person, claim.scores
    level = 1 - 0.05 / among
    shuffled = stream(seed, "shuffled membership").permutation(member)
    named = np.zeros(len(member), bool)
    if claim.p_values is not None:
        named = measure.benjamini_hochberg(claim.p_values, FDR)
    count = int(named.sum())
    return Report(
        attack=name,
        auc=measure.auc_with_interval(scores, member, person),
        tpr_1pct=measure.tpr_at_fpr(scores, member, LINE, person),
        tpr_01pct=measure.tpr_at_fpr(scores, member, FAR_LINE, person),
        line=measure.threshold_at_fpr(scores, member, LINE),
        advantage=measure.advantage(scores, member),
        roc=measure.roc(scores, member),
        shuffled=measure.auc_with_interval(scores, shuffled, person),
        untrained=None if untrained is None else measure.auc_with_interval(untrained.scores, member, person),
        blind=truth.blind.auc,
        blind_p=truth.blind.p,
        net=_net(scores, truth),
        drawn=truth.blind.drawn,
        among=among,
        auc_among=measure.auc_with_interval(scores, member, person, level),
        tpr_1pct_among=measure.tpr_at_fpr(scores, member, LINE, person, level),
        named=named,
        named_count=count,
        named_members=measure.proportion(int(member[named].sum()), count) if count else None,
        n_members=int(member.sum()),
        n_nonmembers=int((~member).sum()),
        queries=claim.queries,
    )


def _net(scores: NDArray[Any], truth: Truth) -> Estimate:
    """AUC of the attack minus that of the blind baseline on the same records."""
    blind = truth.blind.scores[None, None]
    return measure.auc_gain_over_controls(scores[None], blind, truth.member, truth.person).gain


def tail_test(true: NDArray[np.float64], truth: Truth) -> Estimate | None:
    """The share of outsiders whose loss lies above what 1% of members reach: it foretells what LiRA finds.

    true [n]: log p_y of the target; no shadow is needed. Source: arXiv 2510.19773 (2025).
    """
    return measure.tpr_at_fpr(-true, ~truth.member, LINE, truth.person)


def accuracies(right: NDArray[np.bool_], truth: Truth) -> tuple[float, float]:
    """How often the target is right [n], on members and on the others: the gap that attacks live on."""
    return float(right[truth.member].mean()), float(right[~truth.member].mean())
