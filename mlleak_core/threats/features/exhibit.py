"""A ladder as a page shows it, and the maps that belong to the shipped one.

Its parts are classes over the same `Facts`, a file each. Light to import: no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from mlleak_core.language import mark, say
from mlleak_core.threats.features.bet import Bet
from mlleak_core.threats.features.conclusions import Conclusions
from mlleak_core.threats.features.facts import owners
from mlleak_core.threats.features.headlines import Headlines

__all__ = ["FeaturesExhibit", "owners"]

OPENING = mark(
    "A small neural net learned one thing: {task}, from drawn faces of nobody. It is right on {right:.0%} of "
    "people it never saw."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class FeaturesExhibit(Bet, Conclusions, Headlines):
    """All of its parts, Home's first sentence, and the same with maps."""

    def opening(self) -> str:
        about = self.about
        return say(OPENING, task=say(about.task_name), right=about.task.accuracy.value)

    def mapped(self, maps: Mapping[str, NDArray[Any]], sheet: bytes) -> FeaturesExhibit:
        """The same ladder with the maps that were drawn beside it. sheet: the faces on them."""
        return replace(self, arrays={**self.arrays, **maps}, atlas=sheet)
