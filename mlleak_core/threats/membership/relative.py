"""Confidence over what other models say: of the record, and of a population. Light: no torch.

Sources: Zarifzadeh et al. (ICML 2024, RMIA); Lassila et al. (2025, BASE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self, final

import numpy as np
from scipy import special

from mlleak_core.contract import Range
from mlleak_core.language import mark
from mlleak_core.threats.membership.confidence import Floats, Rows, log_true
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Refs, Seen, View

TEMPERATURES = (2.0, 1.0, 3.0, 4.0, 6.0)
"""Temperatures that are tried, the usual one first."""
TEMPERED = Range(0.0, 10.0, 0.5, "What logits are divided by; 0 means as does best on own shadows.")


@final
@dataclass(frozen=True)
class RMIA(ScoreAttack):
    """The robust attack (Zarifzadeh et al. 2024, eq. 3, offline form): beat how many population records by a
    factor gamma?

    Setting: black box, shadows that had not the record, a population z of known non-members. p(x) is the
    shadows' mean, corrected for their being OUT only: ((1 + a) / 2) mean_OUT + (1 - a) / 2.
    """

    slug: ClassVar[str] = "rmia"
    title: ClassVar[str] = "RMIA"
    why: ClassVar[str] = mark("asks how many outsiders it beats")
    colour: ClassVar[str] = "#C0659A"
    needs_population: ClassVar[bool] = True
    gamma: Annotated[
        float,
        Range(1.0, 10.0, 0.5, "How many times as likely as a population record the record must have become."),
    ] = 1.0
    a: Annotated[
        float, Range(0.0, 1.0, 0.1, "Guessed line from OUT to average probability (offline correction).")
    ] = 0.3
    temperature: Annotated[float, TEMPERED] = 0.0

    def candidates(self) -> tuple[Self, ...]:
        return (self,) if self.temperature else tuple(replace(self, temperature=t) for t in TEMPERATURES)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        def said(logp: Floats, y: Rows) -> Floats:
            return np.exp(log_true(tempered(logp, self.temperature or 1.0), y))  # type: ignore[no-any-return]

        own = said(refs.logp[:, 0], view.y)
        out = np.where(refs.inside, np.nan, own)
        some = (~refs.inside).any(0)
        mean = np.where(some, np.nanmean(np.where(some, out, 0.5), axis=0), own.mean(0))
        z_mean = said(refs.z_logp[:, 0], view.z_y).mean(0)
        x_ratio = said(seen.logp[0], view.y) / self._usual(mean)
        z_ratio = said(seen.z_logp[0], view.z_y) / self._usual(z_mean)
        beaten = np.searchsorted(np.sort(z_ratio), x_ratio / self.gamma, side="right") / len(z_ratio)
        # Ties of 1/|z| are broken by the ratio itself.
        return np.asarray(beaten + 1e-6 * x_ratio / (1 + x_ratio))

    def _usual(self, out: Floats) -> Floats:
        """What models say on average, from what those say that had not the record."""
        return (1 + self.a) / 2 * out + (1 - self.a) / 2


@final
@dataclass(frozen=True)
class BASE(ScoreAttack):
    """log p_target(y|x) - log mean_k p_k(y|x): one line, strong with few references (Lassila et al. 2025).

    Setting: black box, any reference models, two suffice. Provably equivalent to RMIA (arXiv 2603.11799,
    2026): what parts the two is how they are tuned.
    """

    references: Annotated[int, Range(0, 256, 1, "How many shadows to use; 0 means all.")] = 0
    temperature: Annotated[float, TEMPERED] = 0.0

    @property
    def slug(self) -> str:  # type: ignore[override]
        return f"base-{self.references}" if self.references else "base"

    @property
    def title(self) -> str:  # type: ignore[override]
        few = {0: "BASE", 1: mark("BASE, one reference"), 2: mark("BASE, two references")}
        return few.get(self.references, f"BASE, {self.references} references")

    @property
    def why(self) -> str:  # type: ignore[override]
        few = {
            0: mark("takes off what any model would say"),
            1: mark("the same, from one model"),
            2: mark("the same, from two models"),
        }
        return few.get(self.references, f"the same, from {self.references} models")

    @property
    def colour(self) -> str:  # type: ignore[override]
        return "#3A8CC4" if self.references else "#0072B2"

    @property
    def quick(self) -> bool:  # type: ignore[override]
        return not self.references

    def candidates(self) -> tuple[Self, ...]:
        return (self,) if self.temperature else tuple(replace(self, temperature=t) for t in TEMPERATURES)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = refs.logp[: self.references or None, 0]
        return over_the_mean(seen.logp[0], own, view.y, self.temperature or 1.0)


def tempered(logp: Floats, temperature: float) -> Floats:
    """log probabilities [..., c] as if the logits had been divided by the temperature (Guo et al. 2017)."""
    return np.asarray(special.log_softmax(logp / temperature, axis=-1))


def over_the_mean(logp: Floats, own: Floats, y: Rows, temperature: float) -> Floats:
    """log p_y [n] over the mean p_y of own [k, n, c], at a temperature."""
    usual = special.logsumexp(log_true(tempered(own, temperature), y), axis=0) - np.log(len(own))
    return np.asarray(log_true(tempered(logp, temperature), y) - usual)
