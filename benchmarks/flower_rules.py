"""Our rules beside Flower's own, on the same updates in the same run. Runs where Flower is installed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.defences.on_updates import CATALOGUE

UPDATES, NUMBERS = 100, 278_000


def measure() -> dict[str, dict[str, float]]:
    """Seconds of each, best of three, their ratio, and the largest difference between the results."""
    flower = importlib.import_module("flwr.server.strategy.aggregate")
    updates = torch.randn(UPDATES, NUMBERS, generator=torch.Generator().manual_seed(0)) / 10
    results = [([row.numpy()], 10) for row in updates]
    krum = dataclasses.replace(CATALOGUE["krum"], malicious=1)
    several = dataclasses.replace(CATALOGUE["multi-krum"], malicious=1, kept=10)
    pairs: dict[str, tuple[Any, Callable[[], Any]]] = {
        "mean": (CATALOGUE["mean"], lambda: flower.aggregate(results)),
        "median": (CATALOGUE["median"], lambda: flower.aggregate_median(results)),
        "trimmed": (CATALOGUE["trimmed"], lambda: flower.aggregate_trimmed_avg(results, 0.2)),
        "krum": (krum, lambda: flower.aggregate_krum(results, 1, 0)),
        "multi-krum": (several, lambda: flower.aggregate_krum(results, 1, 10)),
    }
    claims, found = torch.full((UPDATES,), 10.0), {}
    for name, (rule, theirs) in pairs.items():
        ours = _timed(functools.partial(rule, updates, claims))
        other = _timed(theirs)
        found[name] = {
            "seconds": ours[0],
            "flower_seconds": other[0],
            "times_as_fast": other[0] / ours[0],
            "difference": _apart(ours[1], other[1][0]),
        }
    return found


def _timed(act: Callable[[], Any]) -> tuple[float, Any]:
    seconds, result = [], None
    for _ in range(3):
        began = time.perf_counter()
        result = act()
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


def _apart(ours: Tensor, theirs: NDArray[Any]) -> float:
    return float(np.abs(ours.numpy() - np.asarray(theirs)).max())


if __name__ == "__main__":
    print(json.dumps(measure()))
