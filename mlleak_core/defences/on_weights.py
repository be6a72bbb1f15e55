"""What the owner of a model file can do without knowing any secret: round, add noise, prune, fine-tune."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import Range
from mlleak_core.defences import Defence
from mlleak_core.language import mark

State = Mapping[str, Tensor]
Weights = NDArray[np.float32]
Tune = Callable[[State, int], State]
"""Fine-tunes a model for so many epochs on clean training data."""


def carriers(state: State) -> tuple[str, ...]:
    """Names of the weight tensors that can carry something, the largest first; biases are left alone."""
    return tuple(sorted((n for n, w in state.items() if w.dim() > 1), key=lambda n: (-state[n].numel(), n)))


class Eraser(Defence):
    """Base of the treatments that go layer by layer, each by its own scale. Abstract: write `change`."""

    def change(self, weights: Weights, rng: np.random.Generator) -> Weights:
        """One layer's weights [n], treated."""
        raise NotImplementedError

    def on_weights(self, state: State, rng: np.random.Generator, tune: Tune) -> State:
        """The treated model."""
        treated = dict(state)
        for name in carriers(state):
            changed = self.change(state[name].contiguous().flatten().numpy(), rng).astype(np.float32)
            treated[name] = torch.from_numpy(changed.reshape(state[name].shape).copy())
        return treated


@final
@dataclass(frozen=True)
class Bfloat16(Eraser):
    """Round to sixteen bits: the lower half of every float32 is gone."""

    slug: ClassVar[str] = "bfloat16"

    @property
    def title(self) -> str:
        return "round to bfloat16"

    def change(self, weights: Weights, rng: np.random.Generator) -> Weights:
        return torch.from_numpy(weights.copy()).to(torch.bfloat16).to(torch.float32).numpy()


@final
@dataclass(frozen=True)
class Integers(Eraser):
    """Round to whole steps of the layer's largest weight (uniform symmetric quantisation)."""

    slug: ClassVar[str] = "integers"
    depth: Annotated[int, Range(2, 16, 1, "Bits of an integer.")] = 8

    @property
    def title(self) -> str:
        return f"round to {self.depth}-bit integers"

    def change(self, weights: Weights, rng: np.random.Generator) -> Weights:
        step = float(np.abs(weights).max()) / (2 ** (self.depth - 1) - 1)
        return np.round(weights / step) * step


@final
@dataclass(frozen=True)
class Noise(Eraser):
    """Add normal noise, relative to the layer's spread."""

    slug: ClassVar[str] = "noise"
    share: Annotated[float, Range(0.0, 10.0, 0.1, "Of the layer's standard deviation.")] = 0.1

    @property
    def title(self) -> str:
        return f"add noise, {self.share:.0%}"

    def change(self, weights: Weights, rng: np.random.Generator) -> Weights:
        return weights + rng.normal(0, self.share * float(weights.std()), weights.shape).astype(np.float32)


@final
@dataclass(frozen=True)
class Prune(Eraser):
    """Set the smallest weights of a layer to zero (magnitude pruning, Han et al. 2015)."""

    slug: ClassVar[str] = "prune"
    share: Annotated[float, Range(0.0, 1.0, 0.1, "Of the layer's weights.")] = 0.3

    @property
    def title(self) -> str:
        return f"prune {self.share:.0%}"

    def change(self, weights: Weights, rng: np.random.Generator) -> Weights:
        return np.where(np.abs(weights) < np.quantile(np.abs(weights), self.share), 0, weights)


@final
@dataclass(frozen=True)
class FineTune(Defence):
    """Train on, on clean data."""

    slug: ClassVar[str] = "fine-tune"
    epochs: Annotated[int, Range(1, 100, 1, "Epochs of training.")] = 1

    @property
    def title(self) -> str:
        return f"fine-tune {self.epochs} epoch{'s' * (self.epochs > 1)}"

    def on_weights(self, state: State, rng: np.random.Generator, tune: Tune) -> State:
        """The treated model."""
        return tune(state, self.epochs)


ERASERS: tuple[Any, ...] = (
    Bfloat16(),
    Integers(8),
    Integers(4),
    Noise(0.1),
    Noise(0.3),
    Noise(1.0),
    Prune(0.3),
    Prune(0.7),
    Prune(0.9),
    FineTune(1),
    FineTune(4),
)
"""Rounding, noise, pruning of the smallest, and fine-tuning: from the cheapest to the dearest."""
TITLES = (
    mark("round to bfloat16"),
    mark("round to 8-bit integers"),
    mark("round to 4-bit integers"),
    mark("add noise, 10%"),
    mark("add noise, 30%"),
    mark("add noise, 100%"),
    mark("prune 30%"),
    mark("prune 70%"),
    mark("prune 90%"),
    mark("fine-tune 1 epoch"),
    mark("fine-tune 4 epochs"),
)
"""Theirs, which exhibits keep: to be said where they are shown."""
