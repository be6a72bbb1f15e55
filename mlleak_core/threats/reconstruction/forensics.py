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

from mlleak_core.threats.reconstruction.encodings import carried, carriers, with_weights
from mlleak_core.threats.reconstruction.codes import Floats, Pictures

State = Mapping[str, Tensor]
BINS = 61
Weights = NDArray[np.float32]


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
