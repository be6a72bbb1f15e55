"""Pictures or tables: the one place that knows how records of either kind are learned, asked and altered.

Light to import: torch comes with the first net.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlleak_core.target.settings import TableSettings, TrainSettings

if TYPE_CHECKING:
    from mlleak_core.target import tabular
    from mlleak_core.target.models import ConvNet

Recipe = TrainSettings | TableSettings
Logits = NDArray[np.float32]
Rows = NDArray[np.int64]
Answer = Callable[[NDArray[Any]], Logits]
"""Inputs [n, ...] to logits [n, c]."""
Weights = dict[str, NDArray[np.float32]]
Log = Callable[[Answer], None]
"""Shown, after each epoch, the net as it is: a quick way to ask it."""
NOISE = 40
"""Deviation of the noise on the picture changed most, of 255."""
FLIPPED = 0.15
"""Share of the marks turned over in the row changed most, where a table holds only zeros and ones."""


class Kind(Protocol):
    """How records of one kind are learned, asked and altered.

    name: how kept files call it. stacked: several nets are trained as one, quicker here than in processes of
    their own. x [n, ...], y [n]: all records; members, rows of x: those trained on.
    """

    name: str
    stacked: bool

    def shadows(
        self,
        x: NDArray[Any],
        y: Rows,
        members: Sequence[Rows],
        recipe: Any,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        """Train a net on each of the `members`; their answers to all records, [k, q, n, c].

        q: each record itself and, for pictures, its mirror image.
        """
        ...

    def fit(
        self, x: NDArray[Any], y: Rows, members: Rows, recipe: Any, seed: int, classes: int, log: Log
    ) -> Weights:
        """Train one net and return its weights."""
        ...

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        """Weights and the recipe's settings as a function that answers."""
        ...

    def untrained(self, x: NDArray[Any], recipe: Any, seed: int, classes: int) -> Answer:
        """The same net before its training."""
        ...

    def views(self, x: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Each record as it is, then other ways to show it that mean the same: q in all."""
        ...

    def changed(self, x: NDArray[Any], copies: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        """Copies of all records, the first unchanged, then farther and farther from it."""
        ...


class Pictures:
    """Pictures uint8 [n, 3, 32, 32], shown as they are and mirrored: q = 2."""

    name, stacked = "TrainSettings", False

    def shadows(
        self,
        x: NDArray[Any],
        y: Rows,
        members: Sequence[Rows],
        recipe: TrainSettings,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        from mlleak_core.target.training import picture_answers, train_once

        nets = (train_once(x, y, rows, recipe, seed) for rows, seed in zip(members, seeds, strict=True))
        return np.stack([picture_answers(net, x) for net in nets])

    def fit(
        self,
        x: NDArray[Any],
        y: Rows,
        members: Rows,
        recipe: TrainSettings,
        seed: int,
        classes: int,
        log: Log,
    ) -> Weights:
        from mlleak_core.target.training import picture_answers, train_once

        def watch(net: ConvNet) -> None:
            log(lambda inputs: picture_answers(net, inputs, mirror=False, low=True)[0])

        net = train_once(x, y, members, recipe, seed, watch)
        return {name: value.contiguous().numpy() for name, value in net.state_dict().items()}

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        import torch

        from mlleak_core.target.models import ConvNet

        net = ConvNet(settings["net"], torch.Generator())
        net.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()})
        return answers_of(net)

    def untrained(self, x: NDArray[Any], recipe: TrainSettings, seed: int, classes: int) -> Answer:
        import torch

        from mlleak_core.target.models import ConvNet

        return answers_of(ConvNet(recipe.net, torch.Generator().manual_seed(seed * 2)))

    def views(self, x: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return x, x[..., ::-1]

    def changed(self, x: NDArray[Any], copies: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        """Mirrored, then shifted, with growing noise."""
        yield from (x, x[..., ::-1])[:copies]
        for number in range(2, copies):
            strength = _strength(number, copies)
            reach = int(2 * strength)
            down, right = (int(v) for v in rng.integers(-1 - reach, 2 + reach, 2))
            moved = np.roll(x[..., ::-1] if number % 2 else x, (down, right), (2, 3))
            yield np.clip(moved + rng.normal(0, NOISE * strength, x.shape), 0, 255).astype(np.uint8)


class Tables:
    """Features float32 [n, d]; q = 1."""

    name, stacked = "TableSettings", True

    def shadows(
        self,
        x: NDArray[Any],
        y: Rows,
        members: Sequence[Rows],
        recipe: TableSettings,
        seeds: Sequence[int],
        classes: int,
    ) -> Logits:
        from mlleak_core.target import tabular

        weights = tabular.train(x, y, members, recipe, seeds, classes)
        return tabular.logits(weights, x)[:, None]

    def fit(
        self,
        x: NDArray[Any],
        y: Rows,
        members: Rows,
        recipe: TableSettings,
        seed: int,
        classes: int,
        log: Log,
    ) -> Weights:
        from mlleak_core.target import tabular

        def watch(weights: tabular.Weights) -> None:
            log(lambda inputs: tabular.logits(weights, inputs)[0])

        stack = tabular.train(x, y, [members], recipe, [seed], classes, watch)
        return {str(i): w.contiguous().numpy() for i, w in enumerate(stack)}

    def answers(self, weights: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Answer:
        import torch

        return self._answers([torch.from_numpy(np.asarray(weights[str(i)])) for i in range(4)])

    def untrained(self, x: NDArray[Any], recipe: TableSettings, seed: int, classes: int) -> Answer:
        from mlleak_core.target import tabular

        return self._answers(tabular.initial(x.shape[1], classes, recipe, [seed]))

    @staticmethod
    def _answers(weights: tabular.Weights) -> Answer:
        from mlleak_core.target import tabular

        return lambda x: tabular.logits(weights, x.astype(np.float32, copy=False))[0]

    def views(self, x: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return (x,)

    def changed(self, x: NDArray[Any], copies: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        """With growing noise; where all is zero or one, with more and more marks turned over."""
        marks = bool(np.isin(x, (0, 1)).all())
        for number in range(copies):
            strength = _strength(number, copies)
            if marks:
                flipped = rng.random(x.shape) < FLIPPED * strength
                yield np.where(flipped, 1 - x, x).astype(np.float32)
            else:
                yield (x + rng.normal(0, strength, x.shape)).astype(np.float32)


def _strength(number: int, copies: int) -> float:
    """How far a copy is from its original: 0 for the first, 1 for the last."""
    return number / max(copies - 1, 1)


def answers_of(net: ConvNet) -> Answer:
    """A picture net as a function from pictures to logits."""
    from mlleak_core.target.training import picture_answers

    return lambda x: picture_answers(net, x.astype(np.uint8, copy=False), mirror=False)[0]


PICTURES, TABLES = Pictures(), Tables()
KINDS: dict[type, Kind] = {TrainSettings: PICTURES, TableSettings: TABLES}
"""A recipe's class says which kind of records it is for."""


def kind_of(recipe: Recipe) -> Kind:
    return KINDS[type(recipe)]


def of_inputs(x: NDArray[Any]) -> Kind:
    """The kind of records [n, ...]."""
    return PICTURES if x.ndim == 4 else TABLES


def by_name(name: str) -> Kind:
    """The kind that kept files call so. Raises KeyError."""
    return {kind.name: kind for kind in KINDS.values()}[name]
