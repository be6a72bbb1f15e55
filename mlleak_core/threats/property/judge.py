"""What an attacker claims of the rounds, and the judge, who alone knows which had the property. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlleak_core.contract import Estimate
from mlleak_core.language import mark
from mlleak_core.measure import auc, in_order, proportion
from mlleak_core.seeds import stream
from mlleak_core.threat import Verdict

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
REDRAWS = 1000


class PropertyVerdict(Verdict):
    """Whether the rounds with the property are told from those without."""

    SHOWS = mark("shows in the updates")
    HIDDEN = mark("cannot be told from chance")


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """rounds [n]: those that were looked at; posterior [n]: how probable the attacker holds it that the
    property was in the batch, before he knows how often it is; alarm: the first of `rounds` at which he says
    that it has come, -1 never.
    """

    rounds: Rows
    posterior: Floats
    alarm: int = -1


@dataclass(frozen=True, eq=False, kw_only=True)
class Truth:
    """For the judge alone. present [rounds]: whether it was in the victim's batch. first: the first round in
    which it was. records [rounds, batch]: which of the victim's photos were in the batch.
    """

    present: NDArray[np.bool_]
    records: Rows

    @property
    def first(self) -> int:
        """Behind the last round, where it never came."""
        return int(np.argmax(self.present)) if self.present.any() else len(self.present)


@dataclass(frozen=True, eq=False, kw_only=True)
class Report:
    """auc: of rounds with the property against rounds without, both from its first round on. shuffled: the
    same against a timeline dealt anew. delay: rounds between its coming and the alarm, None where there was
    none or it came too early. early: whether the alarm came before the property.
    """

    auc: Estimate
    shuffled: Estimate
    delay: int | None
    early: bool
    caught: Estimate

    @property
    def verdict(self) -> PropertyVerdict:
        return verdict(self.auc)

    def row(self) -> dict[str, Any]:
        """Flat numbers of the command line."""
        return {
            "auc": self.auc.value,
            "auc_low": self.auc.low,
            "auc_high": self.auc.high,
            "n": self.auc.n,
            "shuffled_auc": self.shuffled.value,
            "detection_delay_rounds": self.delay,
            "early_alarm": self.early,
            "rounds_caught": self.caught.value,
        }


def verdict(auc: Estimate) -> PropertyVerdict:
    """From the interval."""
    return PropertyVerdict.SHOWS if auc.low > 0.5 else PropertyVerdict.HIDDEN


def judge(claim: Claim, truth: Truth, seed: int) -> Report:
    """Compare the claim with the timeline. Alone in reading it."""
    later = claim.rounds >= truth.first
    rounds, scores = claim.rounds[later], claim.posterior[later]
    there = truth.present[rounds]
    shuffled = stream(seed, "shuffled timeline").permutation(there)
    alarm = claim.alarm
    return Report(
        auc=auc_by_records(scores, there, truth.records[rounds], seed),
        shuffled=auc_by_records(scores, shuffled, truth.records[rounds], seed),
        delay=alarm - truth.first if alarm >= truth.first else None,
        early=0 <= alarm < truth.first,
        caught=proportion(int((scores[there] > 0.5).sum()), max(int(there.sum()), 1)),
    )


def auc_by_records(scores: Floats, truth: NDArray[np.bool_], records: Rows, seed: int) -> Estimate:
    """AUC of rounds [n] whose batches [n, b] drew the same records again and again, so that rounds are not
    independent: rounds and records are both drawn anew, by exponential weights whose product counts (the
    Bayesian bootstrap of Rubin 1981, of crossed factors as in Owen & Eckles 2012). Its percentiles are
    expanded for the few rounds of the rarer kind (Hesterberg 2015, The American Statistician 69). Where no
    round is out of order there is nothing to draw anew: then as many pairs as there are such rounds.
    """
    if truth.all() or not truth.any():
        return Estimate(0.5, 0.0, 1.0, len(truth))
    rng = stream(seed, "records of a bootstrap")
    higher = (scores[truth][:, None] > scores[~truth]) + 0.5 * (scores[truth][:, None] == scores[~truth])
    _, codes = np.unique(records, return_inverse=True)
    codes = codes.reshape(records.shape)
    found = np.empty(REDRAWS)
    for i in range(REDRAWS):
        weight = rng.exponential(size=len(scores)) * rng.exponential(size=codes.max() + 1)[codes].mean(1)
        pos, neg = weight[truth], weight[~truth]
        found[i] = pos @ higher @ neg / (pos.sum() * neg.sum())
    value = float(auc(scores, truth))
    if value == 1:
        return Estimate(value, in_order(min(int(truth.sum()), int((~truth).sum()))), 1.0, len(scores))
    fewer = max(2, min(int(truth.sum()), int((~truth).sum())))
    tail = float(stats.norm.cdf(stats.t.ppf(0.025, fewer - 1) * np.sqrt(fewer / (fewer - 1))))
    low, high = np.quantile(found, (tail, 1 - tail))
    return Estimate(value, min(float(low), value), min(max(float(high), value), 1.0), len(scores))
