"""A watched joint training as a page shows it, small enough to ship with the program.

Its parts are classes over the same `Facts`, a file each. Light to import: no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlleak_core.threat import Conclusion, Drawing, Figure, Headline
from mlleak_core.threats.property.bet import Bet
from mlleak_core.threats.property.conclusions import Conclusions
from mlleak_core.threats.property.findings import Findings
from mlleak_core.threats.property.judge import PropertyVerdict
from mlleak_core.threats.property.rounds import Rounds, so_far

__all__ = ["PropertyExhibit", "so_far"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PropertyExhibit(Bet, Conclusions, Findings, Rounds):
    """All of its parts, and what Home and reports say of it."""

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def cautions(self) -> tuple[str, ...]:
        """What the attacker is given here."""
        return tuple(filter(None, (*self.generosities(), self.told())))

    def drawings(self) -> tuple[Drawing, ...]:
        """The tape with the truth."""
        picture = Drawing(
            title="Round by round",
            picture=self.tape(revealed=True),
            alt=f"Orange: rounds in which {self.subject} were in the batch. Blue: how probable the attacker "
            "held it. Grey: the same training without them.",
            rows=self.rows(),
            findings=self.findings()[:1],
            note="Posterior: how probable the attacker holds it at even odds.",
        )
        return (picture,)

    def headlines(self) -> tuple[Headline, ...]:
        """Of a property that shows."""
        if self.verdict is not PropertyVerdict.SHOWS:
            return ()
        arm = self.about.having
        return (
            Headline(
                title=f"**Two train together. One watches, and knows when the other's {self.things} change**",
                findings=self.findings()[:1],
                figures=(
                    Figure(f"{arm.auc.value:.2f}", f"AUC: in which rounds {self.subject} were in", hot=True),
                ),
                picture=self.tape(revealed=True),
            ),
        )
