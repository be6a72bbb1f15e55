"""A watched joint training as a page shows it, small enough to ship with the program.

Its parts are classes over the same `Facts`, a file each. Light to import: no torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion, Drawing, Figure, Headline
from mlleak_core.threats.property.bet import Bet
from mlleak_core.threats.property.conclusions import Conclusions
from mlleak_core.threats.property.findings import Findings
from mlleak_core.threats.property.judge import PropertyVerdict
from mlleak_core.threats.property.rounds import NOTE, Rounds, so_far

__all__ = ["NOTE", "PropertyExhibit", "so_far"]

SEEN = mark(
    "Orange: rounds in which {subject} were in the batch. Blue: how probable the attacker held it. Grey: the "
    "same training without them."
)
TITLE = mark("**Two train together. One watches, and knows when the other's {things} change**")


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
            title=say("Round by round"),
            picture=self.tape(revealed=True),
            alt=say(SEEN, subject=self.subject),
            rows=self.rows(),
            findings=self.findings()[:1],
            note=say(NOTE),
        )
        return (picture,)

    def headlines(self) -> tuple[Headline, ...]:
        """Of a property that shows."""
        if self.verdict is not PropertyVerdict.SHOWS:
            return ()
        auc = self.about.having.auc.value
        words = say("AUC: in which rounds {subject} were in", subject=self.subject)
        return (
            Headline(
                title=say(TITLE, things=self.things),
                findings=self.findings()[:1],
                figures=(Figure(f"{auc:.2f}", words, hot=True),),
                picture=self.tape(revealed=True),
            ),
        )
