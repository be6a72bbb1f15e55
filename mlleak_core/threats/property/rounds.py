"""The rounds as they are drawn, finished or under way. Light: no torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlleak_core.figures.scenes import Tape
from mlleak_core.language import mark, say
from mlleak_core.threats.property.facts import Facts
from mlleak_core.threats.property.judge import Claim

ROUND, POSTERIOR, PRESENT = mark("round"), mark("posterior"), mark("present")
"""The columns of the table."""
NOTE = mark("Posterior: how probable the attacker holds it at even odds.")


class Rounds(Facts):
    """As a tape, and as a table."""

    def tape(self, revealed: bool, bet: int | None = None) -> Tape:
        """The rounds as a canvas draws them; before the reveal without the truth."""
        about, arrays = self.about, self.arrays
        return Tape(
            name=f"tape-{self.job}",
            rounds=about.rounds,
            at=arrays["rounds"],
            posterior=arrays["posterior"],
            control_at=arrays.get("control_rounds") if revealed else None,
            control=arrays.get("control") if revealed else None,
            present=arrays["present"] if revealed else None,
            alarm=about.having.alarm if revealed else -1,
            bet=-1 if bet is None else bet,
            participants=about.settings.participants,
            title=say(about.title),
        )

    def rows(self) -> list[dict[str, Any]]:
        """Every round that was looked at."""
        arrays = self.arrays
        found = []
        for at, probable in zip(arrays["rounds"], arrays["posterior"], strict=True):
            there = bool(arrays["present"][at])
            found.append({ROUND: int(at) + 1, POSTERIOR: round(float(probable), 4), PRESENT: there})
        return found


def so_far(name: str, claim: Claim, looks: int) -> Tape:
    """A training under way, of which the attacker will have `looks` looks."""
    between = int(claim.rounds[1] - claim.rounds[0]) if len(claim.rounds) > 1 else 1
    at, posterior = claim.rounds.astype(np.int32), claim.posterior.astype(np.float32)
    return Tape(name=name, rounds=looks * between, at=at, posterior=posterior)
