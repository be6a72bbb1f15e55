"""Reconstruction measured: what each encoding carries off and at what price, against the paper's scheme in a plain loop."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from torch import nn

from mlleak_core.threats.reconstruction.encodings import CapacityAbuse, entropy, odd_inputs
from mlleak_core.threats.reconstruction.capacity import weight_count
from mlleak_core.contract import drain
from mlleak_core.data import Faces, Split
from mlleak_core.measure import mean_with_interval
from mlleak_core.threats.inversion.invert import invert
from mlleak_core.threats.reconstruction.plan import KEY, PUBLIC
from mlleak_core.target.settings import NETS, ReconstructionSettings, TrainSettings
from mlleak_core.target.training import fit, picture_answers, shrink
from mlleak_core.threats.reconstruction.twins import twins

CASE = "cap, 16 faces, transform code"
CASES: dict[str, dict[str, Any]] = {
    CASE: {"attack": "cap"},
    f"{CASE}, seed 1": {"attack": "cap", "seed": 1},
    f"{CASE}, seed 2": {"attack": "cap", "seed": 2},
    f"{CASE}, seed 3": {"attack": "cap", "seed": 3},
    f"{CASE}, seed 4": {"attack": "cap", "seed": 4},
    "cap, 16 faces, cosine transform": {"attack": "cap", "code": "dct"},
    "cap, 64 faces, transform code": {"attack": "cap", "faces": 64, "bits": 550, "epochs": 24},
    "cap, 16 faces, colour": {"attack": "cap", "colour": True},
    "cor": {"attack": "cor"},
    "sgn": {"attack": "sgn", "code": "pixels8"},
    "lsb": {"attack": "lsb"},
}
INVERSIONS: dict[str, dict[str, Any]] = {
    "one photo, mlp": {"net": "mlp", "batch": 1},
    "four photos, strided-3": {"batch": 4},
    "four photos, strided-3, smoothness only": {"batch": 4, "prior": "smoothness"},
}
KEPT = (
    "mae", "mae_mean_image", "mae_clean_twin", "ssim", "bit_error_rate", "bits", "bits_read", "bits_per_second", "identified_rate", "identified_low",
    "accuracy", "accuracy_clean_twin", "accuracy_cost", "accuracy_cost_low", "accuracy_cost_high", "fit_seconds", "fit_seconds_clean_twin", "n_test",
)  # fmt: skip


def measure_all(faces: Faces, name: str) -> dict[str, Any]:
    """Everything of this threat's bench."""
    cases = {}
    for title, change in CASES.items():
        row = drain(twins(ReconstructionSettings(data=name, **change), faces, erase=False)).row()
        cases[title] = {k: row[k] for k in KEPT}
    inverted = {}
    for title, change in INVERSIONS.items():
        inverted[title] = drain(invert(ReconstructionSettings(data=name, attack="gradient", **change), faces)).row()
    costs = np.array([row["accuracy_cost"] for title, row in cases.items() if title.startswith(CASE)])
    cost = mean_with_interval(costs)
    over_seeds = {"seeds": len(costs), "accuracy_cost": cost.value, "low": cost.low, "high": cost.high}
    return {
        "cases": cases,
        "cap over seeds": over_seeds,
        "inversion": inverted,
        "against_plain": against_plain(faces, name),
        "curve": curve(faces, name),
    }


def against_plain(faces: Faces, name: str, bits: int = 16_384, patience: int = 30) -> dict[str, Any]:
    """Bits per second of fitting: dense noise in our `fit` against few lit pixels in a plain fp32 loop; same net, same faces.

    The plain loop gets the better of two learning rates and stops where it was fastest; ours the better of two numbers of epochs.
    """
    settings = ReconstructionSettings(data=name).training()
    split = Split.by_person(faces, 0, public=PUBLIC)
    secret = np.random.default_rng(1).integers(0, 2, bits).astype(np.uint8)
    plain = max(
        (plain_few_pixels(faces, split, secret, lr, settings.net, patience) for lr in (0.002, 0.004)),
        key=lambda r: r["bits_per_second"],
    )
    ours = max(
        (_ours(faces, split, secret, dataclasses.replace(settings, epochs=e)) for e in (14, 16)),
        key=lambda r: r["bits_per_second"],
    )
    return {"ours": ours, "plain": plain, "ratio": ours["bits_per_second"] / max(plain["bits_per_second"], 1e-9)}


def _ours(faces: Faces, split: Split, secret: Any, settings: TrainSettings) -> dict[str, Any]:
    encoding = CapacityAbuse()
    more, wider = encoding.poison(faces, split, secret, KEY)
    target = drain(fit(more, settings, wider))
    answers = picture_answers(target.net(), odd_inputs(encoding.inputs, len(secret), KEY), mirror=False)[0]
    return _rate(float((answers.argmax(1) != secret).mean()), len(secret), target.seconds) | {"epochs": settings.epochs}


def _rate(wrong: float, bits: int, seconds: float) -> dict[str, float]:
    read = bits * (1 - entropy(wrong)) if wrong < 0.5 else 0.0
    return {"bit_error_rate": wrong, "bits": bits, "bits_read": read, "seconds": seconds, "bits_per_second": read / seconds}


def plain_few_pixels(faces: Faces, split: Split, secret: Any, lr: float, net: str, patience: int) -> dict[str, Any]:
    """The paper's inputs as anybody would train on them: float32, AdamW, shuffled batches of 128; stopped where bits a second are best."""
    shape = NETS[net]
    x = shrink(faces, split.members)
    odd = torch.from_numpy(odd_inputs("few-pixels", len(secret), KEY))
    pictures = torch.cat([x.contiguous(), odd]).float() / 64 - 2
    labels = torch.cat(
        [torch.from_numpy(faces.task.codes[split.members].astype(np.int64)), torch.from_numpy(secret.astype(np.int64))]
    )
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for a, b in zip((3, *shape.channels), shape.channels, strict=False):
        layers += [nn.Conv2d(a, b, 3, padding=1, stride=2), nn.ReLU()]
    model = nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(shape.channels[-1] * 16, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, 2)
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr)
    generator, seconds = torch.Generator().manual_seed(0), 0.0
    best: dict[str, Any] = _rate(0.5, len(secret), 1.0) | {"epochs": 0}
    for epoch in range(1, patience + 1):
        began = time.perf_counter()
        for rows in torch.randperm(len(labels), generator=generator).split(128):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pictures[rows]), labels[rows]).backward()
            optimiser.step()
        seconds += time.perf_counter() - began
        with torch.no_grad():
            wrong = float((model(pictures[-len(secret) :]).argmax(1) != labels[-len(secret) :]).float().mean())
        now = _rate(wrong, len(secret), seconds) | {"epochs": epoch}
        best = max(best, now, key=lambda r: r["bits_per_second"])
        if wrong < 0.001:
            break
    return best | {"epochs_run": epoch, "last_bit_error_rate": wrong}


def curve(faces: Faces, name: str) -> list[dict[str, Any]]:
    """Bits stored against weights and seconds: three widths, three sizes of secret, the default epochs."""
    rows = []
    split = Split.by_person(faces, 0, public=PUBLIC)
    for net in ("strided-3 narrow", "strided-3", "strided-3 wide"):
        settings = dataclasses.replace(ReconstructionSettings(data=name, net=net).training())
        for bits in (4096, 16_384, 49_152):
            secret = np.random.default_rng(1).integers(0, 2, bits).astype(np.uint8)
            more, wider = CapacityAbuse().poison(faces, split, secret, KEY)
            target = drain(fit(more, settings, wider))
            answers = picture_answers(target.net(), odd_inputs("dense", bits, KEY), mirror=False)[0]
            found = _rate(float((answers.argmax(1) != secret).mean()), bits, target.seconds)
            rows.append(
                {"net": net, "weights": weight_count(net), **found, "bits_per_weight": found["bits_read"] / weight_count(net)}
            )
    return rows
