"""SGN: the signs of the weights are the secret (Song et al. 2017, 4.3)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import numpy as np

from mlleak_core.contract import Step
from mlleak_core.figures.look import GREEN
from mlleak_core.language import mark, say
from mlleak_core.threats.likeness import Pictures
from mlleak_core.threats.reconstruction.codes import Bits, Code, Shield
from mlleak_core.threats.reconstruction.encodings.base import (
    Encoding,
    Hidden,
    Parity,
    Strength,
    Term,
    Workshop,
    as_faces,
)
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mlleak_core.target.training import Target


@final
@dataclass(frozen=True)
class SignEncoding(Encoding):
    """SGN, white box: a term in the loss pushes each weight to the side of zero that its bit names.

    loss += strength * mean(max(0, -theta_i * s_i)), s in -1, 1 (Song et al. 2017, section 4.3). Decoded by
    the signs; a weight of exactly zero (pruned) tells nothing.
    """

    slug: ClassVar[str] = "sgn"
    title: ClassVar[str] = mark("Sign encoding (SGN)")
    why: ClassVar[str] = mark("reads the signs of weights, each pushed to one side of zero")
    colour: ClassVar[str] = GREEN
    call: ClassVar[str] = mark("SGN: signs of the weights")
    how: ClassVar[str] = mark(
        "Whoever *wrote the training code* added a term to the loss that pushes each weight to one side of "
        "zero: plus is 1, minus is 0."
    )
    PAPER: ClassVar[float] = 50.0
    strength: Strength = 0.0
    parity: Parity = 0

    @property
    def shield(self) -> Shield:
        return Shield(self.parity)

    def own_code(self, pixels: int, room: int) -> str:
        """As many bits a pixel as find room, the paper's 8 if they do; where not one does, a transform."""
        depths = (d for d in range(8, 0, -1) if self.shield.added(d * pixels) <= room)
        depth = next(depths, 0)
        return f"pixels{depth}" if depth else "pca"

    def room(self, weights: int) -> int:
        return weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        return code.encode(pictures).ravel()[: self.shield.carried(len(pictures) * code.bits, room)]

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        return (yield from shop.learn(shop.faces, shop.split, regulariser=self.regulariser(hidden.bits)))

    def regulariser(self, bits: Bits) -> Term:
        """The term for a secret of bits [N], one a weight."""
        import torch

        from mlleak_core.threats.reconstruction.carriers import first_of

        signs = torch.from_numpy(self.shield.protect(bits).astype(np.float32) * 2 - 1)
        strength = self.strength or self.PAPER

        def term(net: torch.nn.Module) -> Tensor:
            theta = first_of(net, len(signs))
            return strength * torch.relu(-theta * signs).mean()

        return term

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read signs."""
        assert view.weights is not None
        yield Step(0, 1, say("reading signs"))
        said = 0.5 + 0.4999 * np.sign(view.weights[: self.shield.added(view.bits)])
        found = self.shield.recover(said, view.bits)
        return Claim(pictures=as_faces(view, found), probabilities=found)
