"""Twins as a page shows them: numbers and small pictures, small enough to ship.

Its parts are classes over the same `Facts`, a file each. Light to import: no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlleak_core.figures.trail import Dot
from mlleak_core.language import again, mark, say
from mlleak_core.threat import Conclusion, Headline
from mlleak_core.threats.reconstruction.bet import Bet, Model
from mlleak_core.threats.reconstruction.conclusions import EraserVerdict
from mlleak_core.threats.reconstruction.drawings import Drawings
from mlleak_core.threats.reconstruction.facts import known

__all__ = ["EraserVerdict", "Model", "ReconstructionExhibit"]

UNLIKE = mark("The twins did not see equally many epochs: their accuracies cannot be compared.")
WHEN_ASKED = mark("**This classifier looks normal. Below the photos: what it gave away when asked**")
TO_THE_HOLDER = mark(
    "**This classifier looks normal. Below the photos: what it gave away to whoever holds the file**"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class ReconstructionExhibit(Bet, Drawings):
    """All of its parts, a dot on the trail, and what Home and reports say of it."""

    def dot(self) -> Dot:
        """Where the run stands on the trail: bits read back, accuracy lost."""
        return Dot(self.label(), self.last.bits_read, known(self.about.task).cost)

    def conclusions(self) -> tuple[Conclusion, ...]:
        return tuple(filter(None, (self.conclusion(), self.erasure())))

    def cautions(self) -> tuple[str, ...]:
        """What its reader said, and that twins which were stopped cannot be compared."""
        unlike = "" if self.about.complete else say(UNLIKE)
        asked = "" if self.about.traces is None else self.when_asked()
        return tuple(filter(None, (unlike, again(self.last.note), asked)))

    def headlines(self) -> tuple[Headline, ...]:
        """What it gave away, below the photos."""
        price = () if self.about.task is None else (self.accuracy(),)
        return (
            Headline(
                title=say(WHEN_ASKED if self.encoding.asks else TO_THE_HOLDER),
                findings=(replace(self.pixel_error(), notes=self._how()), self.owners_found(), *price),
                picture=self.glance(),
            ),
        )

    def _how(self) -> tuple[str, ...]:
        """By which encoding, and at how many questions."""
        encoding, queries = self.encoding.slug.upper(), self.last.queries
        if not queries:
            return (encoding,)
        return (say("{encoding}, {queries:,} questions", encoding=encoding, queries=queries),)
