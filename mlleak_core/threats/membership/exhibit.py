"""An audit as a page shows it: numbers and thumbnails, small enough to ship with the program.

Its parts are classes over the same `Facts`, a file each. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlleak_core.figures.roc import Curve, loglog
from mlleak_core.figures.strip import strip
from mlleak_core.figures.trail import Dot
from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion, Drawing
from mlleak_core.threats.membership.attacks import CATALOGUE, title_of
from mlleak_core.threats.membership.bet import Bet
from mlleak_core.threats.membership.conclusions import Conclusions
from mlleak_core.threats.membership.facts import GUESSES, SPRITE
from mlleak_core.threats.membership.findings import Findings
from mlleak_core.threats.membership.microscope import Microscope
from mlleak_core.threats.membership.tables import Tables

__all__ = ["SPRITE", "MembershipExhibit"]

REVEALED = (mark("probabilities"), mark("rounded"), mark("top1"), mark("label"), mark("losses"))
"""What a service may show, as the trail calls it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MembershipExhibit(Bet, Microscope, Conclusions, Findings, Tables):
    """All of its parts, and what is drawn: the curves, and a dot on the trail."""

    def curve(self, attack: str) -> Curve:
        """An attack's ROC, in its colour."""
        parts = {part: self.arrays[f"roc/{attack}/{part}"] for part in ("fpr", "tpr", "low", "high")}
        return Curve(title=title_of(attack), colour=CATALOGUE[attack].colour, **parts)

    def curves(self, attacks: Sequence[str]) -> tuple[Curve, ...]:
        """Of these attacks, of the strongest if there are none."""
        return tuple(self.curve(attack) for attack in attacks or self.slugs[:1])

    def class_rivals(self) -> tuple[Curve, ...]:
        """The strongest attack and the quick ones, beside which a class is one point."""
        return self.curves(self.shown_first)

    def dot(self) -> Dot | None:
        """Where the run stands on the trail: the accuracy gap, and what the strongest attack finds.

        None where that cannot be claimed.
        """
        found = self.leading.tpr_1pct_among
        if not self.about.shadows or found is None:
            return None
        return Dot(self.label(), self.gap, found)

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def cautions(self) -> tuple[str, ...]:
        """What is missing, what was to be expected, which attacks are one and the same."""
        words = (self.warnings(), self.foretold(), self.warning(), self.equivalent(), *self.left_out())
        return tuple(filter(None, words))

    def drawings(self) -> tuple[Drawing, ...]:
        """The curves of all attacks, and the most suspicious record under the microscope."""
        roc = Drawing(
            title=say("Members found against false alarms"),
            picture=loglog(self.curves(self.slugs)),
            alt=say("ROC curves of all attacks on logarithmic axes; the dotted line is guessing."),
            rows=self.rows(),
            findings=(self.average(self.leading.attack),),
        )
        return (roc, *self._record())

    def _record(self) -> tuple[Drawing, ...]:
        if not self.about.shadows or len(self.shown) <= GUESSES:
            return ()
        seen = self.closeup(0, sealed=False)
        return (
            Drawing(
                title=say("The most suspicious record, closely"),
                picture=strip(seen.strip),
                alt=say(
                    "Confidence of the shadows that had the record, of those that had not, and the target's."
                ),
                rows=seen.rows,
                note=f"{seen.words} {seen.story}".strip(),
            ),
        )

    def label(self) -> str:
        """The run in one line, for the trail."""
        about = self.about
        return say(
            "{data}, {preset}, {shadows} shadows, {reveal}",
            data=say(about.title),
            preset=say(about.settings.preset),
            shadows=about.shadows,
            reveal=say(about.reveal),
        )
