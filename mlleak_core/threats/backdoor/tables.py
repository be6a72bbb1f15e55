"""Updates, lengths, rounds, attacks and defences as tables. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.threats.backdoor.facts import DEFENCES, TITLES, Cell, Facts, points, span
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, Outcome

SHORT = {
    BackdoorVerdict.IN: "in, unseen",
    BackdoorVerdict.SEEN: "in, seen",
    BackdoorVerdict.PARTLY: "now and then",
    BackdoorVerdict.OUT: "kept out",
}
"""Verdicts as tables write them."""
WALKED = {
    "mean": "no defence",
    "outliers": "outlier rule",
    "tuning": "fine-tuning",
    "outliers-tuning": "both",
}


class Tables(Facts):
    """A row an update, a row a length, a row a round, a row an attack under a defence."""

    def crowd_rows(self) -> list[dict[str, Any]]:
        """Every update."""
        return [
            {"participant": dot.who, "length": dot.norm, "cosine": dot.cosine, "attacks": dot.attacks}
            for dot in self.about.dots
        ]

    def walks(self) -> dict[str, list[tuple[float, Estimate]]]:
        """The δ axis: defence -> length of the update and share of flipped faces."""
        found: dict[str, list[tuple[float, Estimate]]] = {}
        for walk in self.about.walks:
            found.setdefault(WALKED[walk.arm], []).append((walk.delta, walk.outcome.after))
        return found

    def walk_rows(self) -> list[dict[str, Any]]:
        """Every point of the δ axis."""
        return [
            {
                "length": round(walk.delta, 4),
                "defence": WALKED[walk.arm],
                "backdoor": span(walk.outcome.after),
                self._lost_words(): _lost(walk.outcome),
                "verdict": SHORT[walk.outcome.verdict],
            }
            for walk in self.about.walks
        ]

    def last_rows(self) -> list[dict[str, Any]]:
        """Every round after the attack."""
        return [
            {"attack": TITLES[name], "rounds after": number, f"{self.things} that flip": f"{value:.1%}"}
            for name, rates in self.about.lasts.items()
            for number, value in enumerate(rates)
        ]

    def against(self) -> tuple[Cell, ...]:
        """The asked attack under every defence that was tried."""
        mine = [cell for cell in self.about.cells if cell.attack == self.asked.attack]
        return tuple(sorted(mine, key=lambda cell: list(DEFENCES).index(cell.arm)))

    def rows(self, cells: Sequence[Cell] = ()) -> list[dict[str, Any]]:
        """Every attack under every defence, or these."""
        return [
            {
                "attack": TITLES[cell.attack],
                "defence": DEFENCES[cell.arm],
                "backdoor": span(cell.outcome.after),
                self._lost_words(): _lost(cell.outcome),
                "the rule": _kept(cell),
                "verdict": SHORT[cell.outcome.verdict],
            }
            for cell in cells or self.about.cells
        ]

    def _lost_words(self) -> str:
        return "perplexity more, per cent" if self.words else "accuracy lost, points"


def _kept(cell: Cell) -> str:
    mine = "counts him" if cell.attacker_kept else "drops him"
    others = f"{cell.honest_dropped} others"
    return mine + (
        (f", drops {others}" if cell.attacker_kept else f" and {others}") if cell.honest_dropped else ""
    )


def _lost(outcome: Outcome) -> str:
    cost = outcome.cost
    return f"{points(cost.value)} [{points(cost.low)}, {points(cost.high)}]"
