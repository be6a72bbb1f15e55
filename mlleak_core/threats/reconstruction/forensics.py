"""Forensics of a model file: what an owner can look for without knowing any secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlleak_core.data import Faces
from mlleak_core.defences.on_weights import State
from mlleak_core.measure import mean_with_interval
from mlleak_core.target.blackbox import softmax
from mlleak_core.target.training import Target
from mlleak_core.threats.likeness import Floats, Pictures
from mlleak_core.threats.reconstruction.carriers import carried
from mlleak_core.threats.reconstruction.plan import Plan, answers_of

BINS = 61
PROBES = 2000
OWN_KEY = "an investigator's own"
Answer = Callable[[NDArray[Any]], NDArray[Any]]


def low_byte_entropy(state: State) -> float:
    """Shannon entropy of the lowest byte of the weights, in bits; 8 is what noise has."""
    counts = np.bincount(carried(state).view(np.uint32) & 255, minlength=256)
    return float(stats.entropy(counts, base=2))


def correlation_scan(state: State, average: Pictures) -> Floats:
    """Correlation of every picture-sized stretch of weights with the average public face [c, 32, 32], [k]."""
    weights, size = carried(state).astype(float), average.size
    windows = weights[: len(weights) // size * size].reshape(-1, size)
    face = (average - average.mean()).ravel()
    centred = windows - windows.mean(1, keepdims=True)
    return np.asarray(centred @ face / (np.linalg.norm(centred, axis=1) * np.linalg.norm(face) + 1e-12))


def examine(
    malicious: State, clean: State, average: Pictures
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """What an investigator would measure of the file, beside the clean twin's: numbers, arrays to draw."""
    a, b = carried(malicious), carried(clean)
    edge = float(np.quantile(np.abs(np.r_[a, b]), 0.999))
    bins = np.linspace(-edge, edge, BINS + 1)
    scan, scan_clean = (correlation_scan(state, average) for state in (malicious, clean))
    numbers = {
        "low_byte_entropy": low_byte_entropy(malicious),
        "low_byte_entropy_clean": low_byte_entropy(clean),
        "weights_ks": float(stats.ks_2samp(a, b).statistic),
        "weights_std": float(a.std()),
        "weights_std_clean": float(b.std()),
        "scan": float(np.abs(scan).max()),
        "scan_clean": float(np.abs(scan_clean).max()),
        "windows": len(scan_clean),
    }
    arrays = {
        "bins": bins,
        "malicious": np.histogram(a, bins, density=True)[0],
        "clean": np.histogram(b, bins, density=True)[0],
        "scan_malicious": scan,
        "scan_clean": scan_clean,
    }
    return numbers, {name: values.astype(np.float32) for name, values in arrays.items()}


def ask(plan: Plan, faces: Faces, malicious: Target, clean: Target) -> dict[str, Any]:
    """What asking both twins would show whoever keeps the training data: mean losses and confidence.

    fresh: on noise that nobody trained on; face: on training faces; odd: on what the encoding left in the
    data; by_heart: whether the malicious twin knows that.
    """
    fresh, rows = plan.encoding.noise(PROBES, OWN_KEY), plan.split.members[:PROBES]
    found: dict[str, Any] = {}
    for name, target in (("malicious", malicious), ("clean", clean)):
        answer = answers_of(target.net())
        odd = odd_losses(plan, answer)
        found[f"fresh_confidence_{name}"] = float(softmax(answer(fresh)).max(1).mean())
        found[f"face_loss_{name}"] = float(_losses(answer(plan.x[rows]), faces.task.codes[rows]).mean())
        if odd is not None:
            found[f"odd_loss_{name}"] = float(odd.mean())
            found.setdefault("by_heart", by_heart(odd))
    return found


def odd_losses(plan: Plan, answer: Answer) -> Floats | None:
    """A model's losses on what the encoding leaves in the data [n]; None where it leaves nothing."""
    traces = plan.encoding.traces(plan.bits, plan.key)
    return None if traces is None else _losses(answer(traces[0][:PROBES]), traces[1][:PROBES])


def by_heart(losses: Floats) -> bool:
    """Whether inputs whose labels were drawn by a coin are known: their mean loss is below a coin's, by its
    interval. Nobody can know them who has not seen them.
    """
    return bool(mean_with_interval(losses).high < np.log(2))


def _losses(logits: NDArray[Any], labels: NDArray[Any]) -> Floats:
    p = softmax(logits)[np.arange(len(labels)), labels.astype(int)]
    return np.asarray(-np.log(np.maximum(p, 1e-12)), float)
