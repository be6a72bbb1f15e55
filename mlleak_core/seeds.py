"""Every random choice draws from a stream of its own, named by its purpose: one table, no number twice."""

from __future__ import annotations

import numpy as np

STREAMS = {
    "split by person": 0,
    "synthetic people": 1,
    "synthetic photos": 2,
    "paint noise": 3,
    "faces of a training": 7,
    "faces shown as right": 8,
    "mixup shares": 11,
    "ladder nulls": 12,
    "few-shot draws": 13,
    "shuffled labels": 14,
    "untrained nets": 15,
    "faces on a map": 21,
    "axes of a map": 22,
    "contact sheet": 31,
    "members of a model": 41,
    "seed of a model": 42,
    "records of a pool": 43,
    "public records": 44,
    "changed copies": 51,
    "shuffled membership": 61,
    "folds of the blind baseline": 62,
    "permutations of the blind baseline": 63,
    "records to bet on": 71,
    "which twin is A": 77,
    "line-up": 78,
    "victims": 91,
    "erasers": 97,
    "draws of a null": 101,
    "participants of a round": 111,
    "batches of a participant": 112,
    "parties of a federation": 113,
    "timeline of a property": 114,
    "batches of a victim": 115,
    "coins of a null property": 116,
    "batches of an attacker": 117,
    "noise on updates": 118,
    "shuffled timeline": 119,
    "records of a bootstrap": 120,
    "units of a disaggregation": 121,
    "noise on a gradient": 122,
    "doctor reviews": 123,
    "crowd of a federation": 131,
    "batches of a backdoor": 132,
    "batches of a repair": 134,
    "faces with a trigger": 135,
    "windows of a participant": 137,
    "windows of a text": 124,
    "first weights of a reader": 125,
    "batches of a reader": 126,
    "words a reader is not shown": 127,
    "batches of a poisoned reader": 128,
    "noise on an aggregate": 141,
    "noise on a histogram": 151,
}
"""Purpose -> the number that stands between the seed and the indices. Never renumber: shipped figures hang on
it.
"""


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """The dice for one purpose of a run; `indices` part it further (which model, which draw)."""
    return np.random.default_rng([seed, STREAMS[purpose], *indices])
