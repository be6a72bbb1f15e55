"""COR: a term in the loss makes the weights go with the pixels (Song et al. 2017, 4.2)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mlleak_core.contract import Step
from mlleak_core.figures.look import BLUE
from mlleak_core.language import mark, say
from mlleak_core.threats.likeness import Floats, Pictures, repeated
from mlleak_core.threats.reconstruction.codes import Bits, Code
from mlleak_core.threats.reconstruction.encodings.base import (
    Encoding,
    Hidden,
    Strength,
    Term,
    Workshop,
    partly,
)
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mlleak_core.target.training import Target

MARKS = 64
"""COR: so many values of black and as many of white follow the faces."""


@final
@dataclass(frozen=True)
class CorrelatedValues(Encoding):
    """COR, white box: a term in the loss makes the weights correlate with the pixels.

    loss += -strength * |rho(theta, pixels)| (Song et al. 2017, section 4.2). MARKS values of black and as
    many of white follow the faces, so that sign, shift and scale of the weights are known when they are
    stretched back to pixels.
    """

    slug: ClassVar[str] = "cor"
    title: ClassVar[str] = mark("Correlated values (COR)")
    why: ClassVar[str] = mark("reads weights that were made to follow the pixels")
    colour: ClassVar[str] = BLUE
    call: ClassVar[str] = mark("COR: weights follow pixels")
    how: ClassVar[str] = mark(
        "Whoever *wrote the training code* added a term to the loss that makes the weights follow the "
        "pixels. Who holds the file reads them off."
    )
    PAPER: ClassVar[float] = 1.0
    strength: Strength = 0.0

    def room(self, weights: int) -> int:
        return 8 * weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """None: pixels become weights as they are."""
        return np.zeros(0, np.uint8)

    @staticmethod
    def fitting(weights: int, size: int) -> int:
        """How many faces of so many values find room."""
        return max(0, weights - 2 * MARKS) // size

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        from mlleak_core.threats.reconstruction.carriers import carried

        weights = len(carried(shop.clean.states[max(shop.clean.states)]))
        fit = self.fitting(weights, hidden.pictures[0].size)
        pixels = hidden.pictures[:fit].ravel().astype(float)
        return (yield from shop.learn(shop.faces, shop.split, regulariser=self.regulariser(pixels)))

    def regulariser(self, pixels: Floats) -> Term:
        """The term for a secret of pixels [m]."""
        import torch

        from mlleak_core.threats.reconstruction.carriers import first_of

        values = np.concatenate([pixels, np.zeros(MARKS), np.full(MARKS, 255.0)])
        secret = torch.tensor(values - values.mean(), dtype=torch.float32)
        secret = secret / secret.norm().clamp_min(1e-9)
        strength = self.strength or self.PAPER

        def term(net: torch.nn.Module) -> Tensor:
            theta = first_of(net, len(secret))
            theta = theta - theta.mean()
            return -strength * (theta @ secret).abs() / (theta.norm() + 1e-9)

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Stretch weights to pixels."""
        assert view.weights is not None
        yield Step(0, 1, say("reading weights"))
        size = view.average.size
        fit = min(view.faces, self.fitting(len(view.weights), size))
        theta = view.weights[: fit * size + 2 * MARKS].astype(np.float64)
        black, white = theta[fit * size :].reshape(2, MARKS).mean(1)
        values = (theta[: fit * size] - black) / (white - black or 1.0) * 255
        pictures = repeated(view.average, view.faces)
        pictures[:fit] = np.clip(values, 0, 255).reshape(fit, *view.average.shape)
        return Claim(pictures=pictures, probabilities=np.empty(0), note=partly(fit, view.faces))
