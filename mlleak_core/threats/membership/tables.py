"""All attacks, and every record's scores, as tables to take away. Light: no torch."""

from __future__ import annotations

import functools
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.language import mark, say
from mlleak_core.threats.membership.attacks import CATALOGUE, title_of
from mlleak_core.threats.membership.facts import Facts, span
from mlleak_core.threats.membership.judge import Numbers


class Tables(Facts):
    """A row an attack, and a row a record."""

    def rows(self) -> list[dict[str, Any]]:
        """All attacks, for the table."""
        return [_line(numbers) for numbers in self.about.reports]

    def scores_csv(self) -> str:
        """Every record's scores, a column an attack."""
        return self._scores_csv

    @functools.cached_property
    def _scores_csv(self) -> str:
        """Written once, in the words of the code: every rerun of the page offers it."""
        scores = [self.arrays[f"score/{slug}"] for slug in self.slugs]
        titles = [CATALOGUE[slug].title for slug in self.slugs]
        lines = [",".join(["record", *(f'"{t}"' if "," in t else t for t in titles)])]
        for i, values in enumerate(zip(*scores, strict=True)):
            lines.append(",".join([str(i), *(f"{v:.6g}" for v in values)]))
        return "\n".join(lines)


def _line(numbers: Numbers) -> dict[str, Any]:
    """One attack in the table."""
    far = numbers.tpr_01pct
    return {
        mark("attack"): title_of(numbers.attack),
        "AUC": round(numbers.auc.value, 3),
        "95%": span(numbers.auc, ".2f"),
        mark("found at 1%"): _claimed(numbers.tpr_1pct, numbers.n_nonmembers),
        mark("found at 0.1%"): _claimed(far, numbers.n_nonmembers),
        mark("advantage"): round(numbers.advantage, 3),
        mark("queries"): numbers.queries,
        mark("named, FDR 10%"): numbers.named_count,
        mark("verdict"): numbers.verdict.words,
    }


def _claimed(estimate: Estimate | None, outsiders: int) -> str:
    if estimate is None:
        return say("cannot be claimed with n = {outsiders}", outsiders=outsiders)
    return f"{estimate.value:.1%}"
