"""Words that the others wrote: an embedding changes only where a word of theirs stands.

Source: Melis, Song, De Cristofaro & Shmatikov, S&P 2019, section 4.1 (non-zero gradients of an embedding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.measure import SHARE, cluster_mean
from mlleak_core.target.federated import Glimpse
from mlleak_core.threats.property.parties import Labelled

Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]
ROUNDING = 4.0
"""Steps of float32: what is smaller may have come from subtracting one's own update."""
SHOWN, MORE = 12, 1.5
"""How many words are told at most, and how many times as frequent they must be."""


def occurring(glimpse: Glimpse, shape: torch.Size) -> Bools:
    """Which words stand in the others' batches [v], from the embedding [width, v], a net's first tensor."""
    size = shape.numel()
    changed, own = glimpse.others[:size].abs(), glimpse.own[:size].abs()
    blur = torch.finfo(changed.dtype).eps * ROUNDING * (glimpse.took_part * glimpse.before[:size].abs() + own)
    return np.asarray((changed > blur).view(shape).any(0).numpy())


@dataclass(frozen=True, eq=False)
class Heard:
    """rounds [n]: those looked at; words [n, v]: which were read in each."""

    rounds: Rows
    words: Bools

    @classmethod
    def more(cls, before: Heard | None, round_: int, words: Bools) -> Heard:
        """With one round more."""
        if before is None:
            return cls(np.array([round_]), words[None])
        return cls(np.append(before.rounds, round_), np.concatenate([before.words, words[None]]))

    def occurring(self, words: Bools, records: Rows) -> Bools:
        """The truth [n, v], for the judge alone: words [m, v] of the victim's texts, of which records
        [rounds, batch] were in a batch.
        """
        return np.stack([words[records[number]].any(0) for number in self.rounds])

    def judged(self, words: Bools, records: Rows, shift: int = 0) -> tuple[Estimate, Estimate]:
        """Precision and recall, means over rounds; arguments as of `occurring`. shift: held against the batch
        so many looks later, which is the control.
        """
        there = np.roll(self.occurring(words, records), -shift, axis=0)
        right = self.words & there
        each = np.arange(len(self.rounds))
        precision = right.sum(1) / np.maximum(self.words.sum(1), 1)
        recall = right.sum(1) / there.sum(1)
        return cluster_mean(precision, each, SHARE), cluster_mean(recall, each, SHARE)


def telling(heard: Heard, sure: Bools, own: Labelled) -> Sequence[tuple[int, float]]:
    """Words that give the property away: read in at least half of the rounds [n] in which he is sure of it,
    and how many times as frequent in his own texts that have it.
    """
    if not sure.any():
        return ()
    often = heard.words[: len(sure)][sure].mean(0) >= 0.5
    having, lacking = ((x.sum(0).numpy() + 0.5) / (len(x) + 1) for x, _ in (own.having, own.lacking))
    times = np.where(often, having / lacking, 0)
    first = times.argsort()[::-1][:SHOWN]
    return [(int(word), round(float(times[word]), 1)) for word in first if times[word] > MORE]
