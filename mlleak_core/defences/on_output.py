"""What a service shows of its answers: from everything to the label alone. Light to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Range
from mlleak_core.defences import Defence
from mlleak_core.language import say

Probabilities = NDArray[np.float64]


@final
@dataclass(frozen=True)
class Everything(Defence):
    """All probabilities, as they are."""

    slug: ClassVar[str] = "probabilities"

    @property
    def title(self) -> str:
        return say("all probabilities")

    def on_output(self, probabilities: Probabilities) -> Probabilities:
        return probabilities


@final
@dataclass(frozen=True)
class Rounded(Defence):
    """Probabilities to a few decimals (Shokri et al. 2017, section VIII)."""

    slug: ClassVar[str] = "rounded"
    decimals: Annotated[int, Range(0, 6, 1, "Decimals shown.")] = 2

    @property
    def title(self) -> str:
        return say("two decimals")

    def on_output(self, probabilities: Probabilities) -> Probabilities:
        shown = np.round(probabilities, self.decimals)
        return np.asarray(shown / shown.sum(1, keepdims=True))


@final
@dataclass(frozen=True)
class LikeliestClass(Defence):
    """The largest probability alone; the rest is shared by the others (Shokri et al. 2017, section VIII)."""

    slug: ClassVar[str] = "top1"

    @property
    def title(self) -> str:
        return say("the likeliest class and its score")

    def on_output(self, probabilities: Probabilities) -> Probabilities:
        return _best_only(probabilities, probabilities.max(1))


@final
@dataclass(frozen=True)
class LabelOnly(Defence):
    """The likeliest class, with certainty (Choquette-Choo et al. 2021)."""

    slug: ClassVar[str] = "label"

    @property
    def title(self) -> str:
        return say("the label only")

    def on_output(self, probabilities: Probabilities) -> Probabilities:
        return _best_only(probabilities, np.ones(len(probabilities)))


def _best_only(probabilities: Probabilities, top: NDArray[np.float64]) -> Probabilities:
    """`top` for the likeliest class, what is left as evenly as possible."""
    rows, best, classes = np.arange(len(probabilities)), probabilities.argmax(1), probabilities.shape[1]
    shown = np.repeat(((1 - top) / (classes - 1))[:, None], classes, axis=1)
    shown[rows, best] = top
    return shown


CATALOGUE: dict[str, Any] = {d.slug: d() for d in (Everything, Rounded, LikeliestClass, LabelOnly)}
"""slug -> defence, from the most talkative to the most silent."""
REVEALS: tuple[str, ...] = tuple(CATALOGUE)


def revealed(probabilities: Probabilities, reveal: str) -> Probabilities:
    """What a service of this habit shows of probabilities [n, classes]. Raises BadInput."""
    if reveal not in CATALOGUE:
        expected = say("one of {known}", known=", ".join(REVEALS))
        raise BadInput(expected, repr(reveal), say("Choose one of these."))
    return CATALOGUE[reveal].on_output(probabilities)  # type: ignore[no-any-return]
