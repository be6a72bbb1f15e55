"""Updates, lengths, rounds, attacks and defences as tables. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.figures.crowd import flipping
from mlleak_core.language import mark, plural, say
from mlleak_core.threats.backdoor.facts import DEFENCES, TITLES, Cell, Facts, points, span
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, Outcome

SHORT = {
    BackdoorVerdict.IN: mark("in, unseen"),
    BackdoorVerdict.SEEN: mark("in, seen"),
    BackdoorVerdict.PARTLY: mark("now and then"),
    BackdoorVerdict.OUT: mark("kept out"),
}
"""Verdicts as tables write them."""
WALKED = {
    "mean": mark("no defence"),
    "outliers": mark("outlier rule"),
    "tuning": mark("fine-tuning"),
    "outliers-tuning": mark("both"),
}


PARTICIPANT, LENGTH, COSINE = mark("participant"), mark("length"), mark("cosine")
ATTACK, ATTACKS, AFTER = mark("attack"), mark("attacks"), mark("rounds after")
DEFENCE, BACKDOOR = mark("defence"), mark("backdoor")
RULE, VERDICT = mark("the rule"), mark("verdict")
"""Columns."""
COUNTS_ONE, COUNTS = mark("counts him, drops {n} other"), mark("counts him, drops {n} others")
DROPS_ONE, DROPS = mark("drops him and {n} other"), mark("drops him and {n} others")


class Tables(Facts):
    """A row an update, a row a length, a row a round, a row an attack under a defence."""

    def crowd_rows(self) -> list[dict[str, Any]]:
        """Every update."""
        return [
            {PARTICIPANT: dot.who, LENGTH: dot.norm, COSINE: dot.cosine, ATTACKS: dot.attacks}
            for dot in self.about.dots
        ]

    def walks(self) -> dict[str, list[tuple[float, Estimate]]]:
        """The δ axis: defence -> length of the update and share of flipped faces."""
        found: dict[str, list[tuple[float, Estimate]]] = {}
        for walk in self.about.walks:
            found.setdefault(say(WALKED[walk.arm]), []).append((walk.delta, walk.outcome.after))
        return found

    def walk_rows(self) -> list[dict[str, Any]]:
        """Every point of the δ axis."""
        return [
            {
                LENGTH: round(walk.delta, 4),
                DEFENCE: say(WALKED[walk.arm]),
                BACKDOOR: span(walk.outcome.after),
                self._lost_words(): _lost(walk.outcome),
                VERDICT: say(SHORT[walk.outcome.verdict]),
            }
            for walk in self.about.walks
        ]

    def last_rows(self) -> list[dict[str, Any]]:
        """Every round after the attack."""
        return [
            {ATTACK: say(TITLES[name]), AFTER: number, flipping(self.things): f"{value:.1%}"}
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
                ATTACK: say(TITLES[cell.attack]),
                DEFENCE: say(DEFENCES[cell.arm]),
                BACKDOOR: span(cell.outcome.after),
                self._lost_words(): _lost(cell.outcome),
                RULE: _kept(cell),
                VERDICT: say(SHORT[cell.outcome.verdict]),
            }
            for cell in cells or self.about.cells
        ]

    def _lost_words(self) -> str:
        return say("perplexity more, per cent") if self.words else say("accuracy lost, points")


def _kept(cell: Cell) -> str:
    n = cell.honest_dropped
    if cell.attacker_kept:
        return plural(COUNTS_ONE, COUNTS, n) if n else say("counts him")
    return plural(DROPS_ONE, DROPS, n) if n else say("drops him")


def _lost(outcome: Outcome) -> str:
    cost = outcome.cost
    return f"{points(cost.value)} [{points(cost.low)}, {points(cost.high)}]"
