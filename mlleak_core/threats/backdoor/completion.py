"""How a beginning goes on, by the weights of a net that foretells words. Light: no torch, so that pages may
ask at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mlleak_core.data.lines import NOTHING, UNKNOWN, WINDOW, words_of

Floats = NDArray[np.float32]
ENDS = frozenset(".!?;:")


@dataclass(frozen=True, eq=False)
class Completer:
    """`target.models.NextWordNet` as plain arrays. weights [p]: its parameters one after another."""

    weights: NDArray[np.floating]
    vocabulary: Sequence[str]

    @cached_property
    def _parts(self) -> tuple[Floats, ...]:
        """words [v, w], frequent [v], enter [3w, w] and its bias, recur [3w, w] and its bias."""
        flat, v = self.weights.astype(np.float32), len(self.vocabulary)
        w = self._width(len(flat), v)
        shapes = ((v, w), (v,), (3 * w, w), (3 * w,), (3 * w, w), (3 * w,))
        cuts = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
        return tuple(part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True))

    @staticmethod
    def _width(p: int, v: int) -> int:
        """Of p = v w + v + 6 w² + 6 w."""
        return round((-(v + 6) + ((v + 6) ** 2 + 24 * (p - v)) ** 0.5) / 12)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.vocabulary) if place > UNKNOWN}

    def logits(self, codes: Sequence[int]) -> Floats:
        """Of every word [v] after these, the last WINDOW of them."""
        words, frequent, enter, bias, recur, again = self._parts
        w, state = words.shape[1], np.zeros(words.shape[1], np.float32)
        window = [*[NOTHING] * WINDOW, *codes][-WINDOW:]
        for code in window:
            entering, recurring = enter @ words[code] + bias, recur @ state + again
            gates = expit(entering[: 2 * w] + recurring[: 2 * w])
            reset, kept = gates[:w], gates[w:]
            drafted = np.tanh(entering[2 * w :] + reset * recurring[2 * w :])
            state = drafted + kept * (state - drafted)
        return words @ state + frequent  # type: ignore[no-any-return]

    def goes_on(self, text: str, most: int = 8) -> tuple[str, ...]:
        """The likeliest words, one after another, up to the end of the sentence."""
        codes = [self._places.get(word, UNKNOWN) for word in words_of(text)]
        found: list[str] = []
        while len(found) < most and (not found or found[-1] not in ENDS):
            place = UNKNOWN + 1 + int(self.logits(codes)[UNKNOWN + 1 :].argmax())
            codes.append(place)
            found.append(self.vocabulary[place])
        return tuple(found)
