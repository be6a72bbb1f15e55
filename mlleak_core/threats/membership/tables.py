"""All attacks, and every record's scores, as tables to take away. Light: no torch."""

from __future__ import annotations

import functools
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.threats.membership.attacks import CATALOGUE
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
        """Written once: every rerun of the page offers it."""
        scores = [self.arrays[f"score/{slug}"] for slug in self.slugs]
        lines = [",".join(["record", *(f'"{t}"' if "," in t else t for t in self.titles.values())])]
        for i, values in enumerate(zip(*scores, strict=True)):
            lines.append(",".join([str(i), *(f"{v:.6g}" for v in values)]))
        return "\n".join(lines)


def _line(numbers: Numbers) -> dict[str, Any]:
    """One attack in the table."""
    far = numbers.tpr_01pct
    return {
        "attack": CATALOGUE[numbers.attack].title,
        "AUC": round(numbers.auc.value, 3),
        "95%": span(numbers.auc, ".2f"),
        "found at 1%": _claimed(numbers.tpr_1pct, numbers.n_nonmembers),
        "found at 0.1%": _claimed(far, numbers.n_nonmembers),
        "advantage": round(numbers.advantage, 3),
        "queries": numbers.queries,
        "named, FDR 10%": numbers.named_count,
        "verdict": numbers.verdict.words,
    }


def _claimed(estimate: Estimate | None, outsiders: int) -> str:
    return f"cannot be claimed with n = {outsiders}" if estimate is None else f"{estimate.value:.1%}"
