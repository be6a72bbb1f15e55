"""Pictures or tables: the one place that knows how records of either kind are learned, asked and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.target import tabular
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import TableSettings, TrainSettings
from mlleak_core.target.training import picture_answers, train_once

Recipe = TrainSettings | TableSettings
Logits = NDArray[np.float32]
Answer = Callable[[NDArray[Any]], Logits]
"""Inputs [n, ...] to logits [n, c]."""
Weights = dict[str, NDArray[np.float32]]
Log = Callable[[Answer], None]
"""Shown, after each epoch, the net as it is: a quick answer to the pool's own records."""


class Kind(Protocol):
    """How records of one kind are learned and asked.

    stacked: several nets are trained as one, quicker here than in processes of their own.
    """

    name: str
    stacked: bool

    def shadows(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: Sequence[NDArray[np.int64]],
        recipe: Any,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        """Train a net on each of the `members` (rows of x); their answers to all records, [k, q, n, c]."""
        ...

    def fit(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: NDArray[np.int64],
        recipe: Any,
        seed: int,
        classes: int,
        log: Log,
    ) -> Weights:
        """Train one net and return its weights."""
        ...

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        """Weights and the recipe's settings as a function that answers."""
        ...

    def untrained(self, x: NDArray[Any], recipe: Any, seed: int, classes: int) -> Answer:
        """The same net before its training."""
        ...


class Pictures:
    """Pictures uint8 [n, 3, 32, 32], answered with and without mirroring: q = 2."""

    name, stacked = "TrainSettings", False

    def shadows(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: Sequence[NDArray[np.int64]],
        recipe: TrainSettings,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        nets = (train_once(x, y, rows, recipe, seed) for rows, seed in zip(members, seeds, strict=True))
        return np.stack([picture_answers(net, x) for net in nets])

    def fit(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: NDArray[np.int64],
        recipe: TrainSettings,
        seed: int,
        classes: int,
        log: Log,
    ) -> Weights:
        def watch(net: ConvNet) -> None:
            log(lambda inputs: picture_answers(net, inputs, mirror=False, low=True)[0])

        net = train_once(x, y, members, recipe, seed, watch)
        return {name: value.contiguous().numpy() for name, value in net.state_dict().items()}

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        net = ConvNet(settings["net"], torch.Generator())
        net.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()})
        return answers_of(net)

    def untrained(self, x: NDArray[Any], recipe: TrainSettings, seed: int, classes: int) -> Answer:
        return answers_of(ConvNet(recipe.net, torch.Generator().manual_seed(seed * 2)))


class Tables:
    """Features float32 [n, d]; q = 1."""

    name, stacked = "TableSettings", True

    def shadows(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: Sequence[NDArray[np.int64]],
        recipe: TableSettings,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        weights = tabular.train(x, y, members, recipe, seeds, classes)
        return tabular.logits(weights, x)[:, None]

    def fit(
        self,
        x: NDArray[Any],
        y: NDArray[np.int64],
        members: NDArray[np.int64],
        recipe: TableSettings,
        seed: int,
        classes: int,
        log: Log,
    ) -> Weights:
        def watch(weights: tabular.Weights) -> None:
            log(lambda inputs: tabular.logits(weights, inputs)[0])

        stack = tabular.train(x, y, [members], recipe, [seed], classes, watch)
        return {str(i): w.contiguous().numpy() for i, w in enumerate(stack)}

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        return self._answers([torch.from_numpy(np.asarray(weights[str(i)])) for i in range(4)])

    def untrained(self, x: NDArray[Any], recipe: TableSettings, seed: int, classes: int) -> Answer:
        return self._answers(tabular.initial(x.shape[1], classes, recipe, [seed]))

    @staticmethod
    def _answers(weights: tabular.Weights) -> Answer:
        return lambda x: tabular.logits(weights, x.astype(np.float32, copy=False))[0]


def answers_of(net: ConvNet) -> Answer:
    """A picture net as a function from pictures to logits."""
    return lambda x: picture_answers(net, x.astype(np.uint8, copy=False), mirror=False)[0]


KINDS: dict[type, Kind] = {TrainSettings: Pictures(), TableSettings: Tables()}
"""A recipe's class says which kind of records it is for."""


def kind_of(recipe: Recipe) -> Kind:
    return KINDS[type(recipe)]


def by_name(name: str) -> Kind:
    """The kind that kept files call so. Raises KeyError."""
    return {kind.name: kind for kind in KINDS.values()}[name]
