"""Exact disaggregation: every photo of a small batch out of one averaged gradient, without a search.

Two logits make every column of the hidden layer's gradient D = diag(v) M diag(e), v being the difference of
the output weights, which is known, and M the pattern of active ReLUs: 0 or one number. That singles the
columns out of the gradient's row space. In the spirit of SPEAR (Dimitrov et al., NeurIPS 2024), whose filter
by counting zeros needs sparser patterns; the two-valued test is ours.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Step, Stop
from mlleak_core.language import say

Floats = NDArray[np.float64]
DRAWS = 1024
"""Draws of rows that are tried at once."""
NEAR = 0.02
"""How far from 0 and 1 a value may be, once the largest is 1."""
ALIKE = 1e-4
"""Rows closer than this share of the largest value are one."""
FAINT = 1e-3
"""Output weights smaller than this share of the largest say too little."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A fully connected ReLU layer below two logits, as the receiver sees it: gradients of its weight [h, d]
    and bias [h], and the difference of the output weights [h].
    """

    weight: Floats
    bias: Floats
    between: Floats


@dataclass(frozen=True, eq=False)
class Apart:
    """inputs [k, d]: what went into the layer, example by example; signals [k]: each one's weight in the
    gradient. tried: draws. whole: whether all examples were found.
    """

    inputs: Floats
    signals: Floats
    tried: int
    whole: bool


def disaggregate(
    layer: Layer, examples: int, rng: np.random.Generator, most: int = 60
) -> Generator[Step, None, Apart]:
    """Take the inputs of so many examples apart; `most` rounds of DRAWS draws. Exact up to rounding where it
    finds all; where it does not, nothing is claimed.
    """
    left, scale, right = np.linalg.svd(layer.weight, full_matrices=False)
    left, scale, right = left[:, :examples], scale[:examples], right[:examples]
    clear = np.abs(layer.between) > FAINT * np.abs(layer.between).max()
    pattern = left[clear] / layer.between[clear, None]
    columns, tried = _Columns(_distinct(pattern), examples), 0
    with suppress(Stop):
        while not columns.whole and tried < most * DRAWS:
            yield Step(len(columns.found), examples, say("taking the batch apart"))
            columns.try_some(rng)
            tried += DRAWS
    if not columns.whole:
        return Apart(np.zeros((0, layer.weight.shape[1])), np.zeros(0), tried, False)
    q = np.stack(columns.found, 1)
    weights = np.linalg.solve(q, left.T @ layer.bias)
    inputs = np.linalg.solve(q * weights, scale[:, None] * right)
    return Apart(np.asarray(inputs), np.asarray(weights), tried, True)


def _distinct(pattern: Floats) -> Floats:
    """Units that are active for the same examples have the same row: one of each, without the silent ones."""
    top = np.abs(pattern).max()
    alive = pattern[np.linalg.norm(pattern, axis=1) > ALIKE * top]
    _, first = np.unique(np.round(alive / (ALIKE * top)), axis=0, return_index=True)
    return np.asarray(alive[np.sort(first)])


class _Columns:
    """Vectors q for which pattern @ q is 0 or one number: as many as there are examples, independent."""

    def __init__(self, pattern: Floats, examples: int) -> None:
        self.pattern, self.examples = pattern, examples
        self.found: list[Floats] = []

    @property
    def whole(self) -> bool:
        return len(self.found) == self.examples

    def try_some(self, rng: np.random.Generator) -> None:
        """Draw rows, take what is orthogonal to them, keep what has two values."""
        rows = len(self.pattern)
        drawn = rng.integers(0, rows, (DRAWS, max(self.examples - 1, 1)))
        axes = np.linalg.svd(self.pattern[drawn], full_matrices=True)[2][:, -1]
        for q in axes[self._two_valued(self.pattern @ axes.T)]:
            self._keep(self._refined(q))

    def _two_valued(self, values: Floats) -> NDArray[np.bool_]:
        top = values[np.abs(values).argmax(0), np.arange(values.shape[1])]
        unit = values / np.where(top == 0, 1, top)
        off = np.minimum(np.abs(unit), np.abs(unit - 1))
        return np.asarray((off.max(0) < NEAR) & (np.abs(unit) > 0.5).any(0))

    def _refined(self, q: Floats) -> Floats:
        """From all rows in which it is 0, not from the few drawn."""
        values = self.pattern @ q
        silent = np.abs(values) < 0.5 * np.abs(values).max()
        if silent.sum() >= self.examples - 1:
            q = np.linalg.svd(self.pattern[silent], full_matrices=True)[2][-1]
        values = self.pattern @ q
        return np.asarray(q / values[np.abs(values).argmax()])

    def _keep(self, q: Floats) -> None:
        basis = np.stack([*self.found, q], 1)
        unit = basis / np.linalg.norm(basis, axis=0)
        if not self.whole and np.linalg.svd(unit, compute_uv=False)[-1] > 1e-6 and self._new(q):
            self.found.append(q)

    def _new(self, q: Floats) -> bool:
        """Active where none of the others is alone: another pattern."""
        own = np.abs(self.pattern @ q) > 0.5
        return all((own != (np.abs(self.pattern @ other) > 0.5)).any() for other in self.found)
