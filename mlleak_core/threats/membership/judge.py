"""Who was in, known to the judge alone, and what he finds of a claim. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core import measure
from mlleak_core.contract import Estimate
from mlleak_core.measure import Roc
from mlleak_core.seeds import stream
from mlleak_core.threat import Verdict
from mlleak_core.threats.membership.attacks import Claim, Rows, summaries

FDR = 0.1
"""Share of false names that an attacker puts up with when he names records (Benjamini & Hochberg 1995)."""
LINE, FAR_LINE = 0.01, 0.001
"""Shares of the outsiders that may lie above the line, where the judge measures."""


class MembershipVerdict(Verdict):
    """What the intervals allow to be said of one attack."""

    VOID = "void: members can be told apart without asking the model at all"
    GUESSING = "no better than guessing"
    FINDS = "leaks: finds members at 1% false alarms"
    ON_AVERAGE = "leaks on average, but finds nobody with confidence"


@dataclass(frozen=True, eq=False)
class Truth:
    """What only the judge may read: member [n], person [n], and the blind baseline's AUC, which is found from
    the truth.
    """

    member: NDArray[np.bool_]
    person: NDArray[Any]
    blind: Estimate


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The judge's finding of one attack, as plain numbers.

    tpr_*: members above the line that so few outsiders cross, None where there are too few outsiders to say;
    line: the score there. named_count: records on the attacker's own false-discovery list, and
    named_members, how many of these are members. shuffled, untrained, blind: controls.
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
    named_count: int
    named_members: Estimate | None
    n_members: int
    n_nonmembers: int
    queries: int

    @property
    def verdict(self) -> MembershipVerdict:
        """From the intervals: the blind baseline first, then the average, then the line."""
        if self.blind.low > 0.5:
            return MembershipVerdict.VOID
        if self.auc.low <= 0.5:
            return MembershipVerdict.GUESSING
        if self.tpr_1pct is not None and self.tpr_1pct.low > LINE:
            return MembershipVerdict.FINDS
        return MembershipVerdict.ON_AVERAGE

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
            "queries": self.queries,
            "named": self.named_count,
            "named_members": self.named_members and vars(self.named_members),
            "verdict": self.verdict.words,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Report(Numbers):
    """The same with what is drawn: the ROC curve, and named [n], the false-discovery list."""

    roc: Roc
    named: NDArray[np.bool_]

    def numbers(self) -> Numbers:
        return Numbers(**{f.name: getattr(self, f.name) for f in fields(Numbers)})


def _interval(estimate: Estimate | None) -> list[float] | None:
    return [estimate.low, estimate.high] if estimate else None


def truth_of(x: NDArray[Any], y: Rows, member: NDArray[np.bool_], person: NDArray[Any]) -> Truth:
    """Seal the truth, with the blind baseline measured on it."""
    return Truth(member, person, blind_baseline(x, y, member, person))


def blind_baseline(x: NDArray[Any], y: Rows, member: NDArray[np.bool_], person: NDArray[Any]) -> Estimate:
    """A classifier that never queries the model: AUC of membership from the records alone, cross-fitted over
    people.

    If it beats chance, members and non-members differ in distribution and every attack's result is void.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = summaries(x, x, y, y, 30)[0]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    folds = GroupKFold(5, shuffle=True, random_state=0)  # members stand in whole people, so folds must, too
    said = cross_val_predict(model, features, member, groups=person, cv=folds, method="decision_function")
    return measure.auc_with_interval(said, member, person)


def judge(name: str, claim: Claim, truth: Truth, untrained: Claim | None = None, seed: int = 0) -> Report:
    """The only reader of the truth. `untrained` is the same attack on a model that never saw anybody."""
    member, person, scores = truth.member, truth.person, claim.scores
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
        blind=truth.blind,
        named=named,
        named_count=count,
        named_members=measure.proportion(int(member[named].sum()), count) if count else None,
        n_members=int(member.sum()),
        n_nonmembers=int((~member).sum()),
        queries=claim.queries,
    )


def accuracies(right: NDArray[np.bool_], truth: Truth) -> tuple[float, float]:
    """How often the target is right [n], on members and on the others: the gap that attacks live on."""
    return float(right[truth.member].mean()), float(right[~truth.member].mean())
