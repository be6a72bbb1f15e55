"""Forensics of a model file, and an eraser: what an owner can look for, and what he can do without knowing any secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from mlleak_core.attacks.reconstruction import carried, carriers, with_weights
from mlleak_core.codes import Floats, Pictures

State = Mapping[str, Tensor]
BINS = 61
Weights = NDArray[np.float32]


@dataclass(frozen=True)
class Eraser:
    """One cheap treatment of a model file. change: weights and dice to weights; epochs: of fine-tuning on clean data instead."""

    name: str
    change: Callable[[Weights, np.random.Generator], Weights] | None = None
    epochs: int = 0

    def apply(self, state: State, rng: np.random.Generator, tune: Callable[[State, int], State]) -> State:
        """The treated model; each layer is treated by its own scale."""
        if self.change is None:
            return tune(state, self.epochs)
        parts = [self.change(state[n].contiguous().flatten().numpy(), rng) for n in carriers(state)]
        return with_weights(state, np.concatenate(parts).astype(np.float32))


def _bfloat16(w: Weights, _: np.random.Generator) -> Weights:
    return torch.from_numpy(w.copy()).to(torch.bfloat16).to(torch.float32).numpy()


def _integers(bits: int) -> Callable[[Weights, np.random.Generator], Weights]:
    def change(w: Weights, _: np.random.Generator) -> Weights:
        step = float(np.abs(w).max()) / (2 ** (bits - 1) - 1)
        return np.round(w / step) * step

    return change


def _noise(share: float) -> Callable[[Weights, np.random.Generator], Weights]:
    return lambda w, rng: w + rng.normal(0, share * float(w.std()), w.shape).astype(np.float32)


def _prune(share: float) -> Callable[[Weights, np.random.Generator], Weights]:
    return lambda w, _: np.where(np.abs(w) < np.quantile(np.abs(w), share), 0, w)


ERASERS = (
    Eraser("round to bfloat16", _bfloat16),
    Eraser("round to 8-bit integers", _integers(8)),
    Eraser("round to 4-bit integers", _integers(4)),
    Eraser("add noise, 10%", _noise(0.1)),
    Eraser("add noise, 30%", _noise(0.3)),
    Eraser("add noise, 100%", _noise(1.0)),
    Eraser("prune 30%", _prune(0.3)),
    Eraser("prune 70%", _prune(0.7)),
    Eraser("prune 90%", _prune(0.9)),
    Eraser("fine-tune 1 epoch", epochs=1),
    Eraser("fine-tune 4 epochs", epochs=4),
)
"""Rounding, noise relative to each layer's spread, pruning of the smallest, and fine-tuning on the clean training data."""


def low_byte_entropy(state: State) -> float:
    """Shannon entropy of the lowest byte of the weights, in bits; 8 is what noise has."""
    counts = np.bincount(carried(state).view(np.uint32) & 255, minlength=256)
    return float(stats.entropy(counts, base=2))


def correlation_scan(state: State, average: Pictures) -> Floats:
    """Correlation of every stretch of weights, picture by picture, with the average public face [c, 32, 32], in size order, [k]."""
    weights, size = carried(state).astype(float), average.size
    windows = weights[: len(weights) // size * size].reshape(-1, size)
    face = (average - average.mean()).ravel()
    centred = windows - windows.mean(1, keepdims=True)
    return np.asarray(centred @ face / (np.linalg.norm(centred, axis=1) * np.linalg.norm(face) + 1e-12))


def examine(
    malicious: State, clean: State, average: Pictures, odd: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What an investigator would measure, beside the same of the clean twin: numbers and arrays for the page.

    odd: losses on odd inputs, measured by whoever can ask the models.
    """
    a, b = carried(malicious), carried(clean)
    edge = float(np.quantile(np.abs(np.r_[a, b]), 0.999))
    bins = np.linspace(-edge, edge, BINS + 1)
    scan = {name: correlation_scan(state, average) for name, state in (("malicious", malicious), ("clean", clean))}
    distance = stats.ks_2samp(a, b)
    numbers = {
        "low_byte_entropy": low_byte_entropy(malicious), "low_byte_entropy_clean": low_byte_entropy(clean),
        "weights_ks": float(distance.statistic), "weights_std": float(a.std()), "weights_std_clean": float(b.std()),
        "scan": float(np.abs(scan["malicious"]).max()), "scan_clean": float(np.abs(scan["clean"]).max()), "windows": len(scan["clean"]), **odd,
    }  # fmt: skip
    arrays = {
        "bins": bins.astype(np.float32), "malicious": np.histogram(a, bins, density=True)[0].astype(np.float32),
        "clean": np.histogram(b, bins, density=True)[0].astype(np.float32),
        "scan_malicious": scan["malicious"].astype(np.float32), "scan_clean": scan["clean"].astype(np.float32),
    }  # fmt: skip
    return numbers, arrays
