"""Reconstruction measured: what each encoding carries off and at what price, against the paper's in a plain
loop.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from torch import nn

from mlleak_core.contract import drain
from mlleak_core.data import Faces, Split
from mlleak_core.measure import mean_with_interval
from mlleak_core.server.desk import Desk
from mlleak_core.target.settings import NETS, TrainSettings
from mlleak_core.target.training import fit, picture_answers, shrink
from mlleak_core.threats.inversion import card as inversion
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.reconstruction.capacity import weight_count
from mlleak_core.threats.reconstruction.card import KEY, ReconstructionSettings
from mlleak_core.threats.reconstruction.encodings import CapacityAbuse, synthetic_inputs
from mlleak_core.threats.reconstruction.judge import of_bits
from mlleak_core.threats.reconstruction.plan import PUBLIC
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
    "sgn": {"attack": "sgn"},
    "lsb": {"attack": "lsb"},
}
INVERSIONS: dict[str, dict[str, Any]] = {
    "one photo, mlp": {"attack": "analytic", "net": "mlp", "batch": 1},
    "four photos, strided-3": {},
    "four photos, strided-3, smoothness only": {"prior": "smoothness"},
}
KEPT = (
    "mae",
    "mae_mean_image",
    "mae_clean_twin",
    "ssim",
    "bit_error_rate",
    "bits",
    "bits_read",
    "bits_per_second",
    "identified_rate",
    "identified_low",
    "accuracy",
    "accuracy_clean_twin",
    "accuracy_cost",
    "accuracy_cost_low",
    "accuracy_cost_high",
    "fit_seconds",
    "fit_seconds_clean_twin",
    "n_test",
)


def measure_all(faces: Faces, name: str) -> dict[str, Any]:
    """Everything of this threat's bench."""
    cases = {}
    for title, change in CASES.items():
        row = drain(twins(ReconstructionSettings(data=name, **change), faces)).row()
        cases[title] = {k: row[k] for k in KEPT}
    desk, inverted = Desk(), {}
    for title, change in INVERSIONS.items():
        inverted[title] = drain(inversion.THREAT.start(InversionSettings(data=name, **change), desk)).row()
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
    """Bits per second of fitting: dense noise in our `fit` against few lit pixels in a plain fp32 loop; same
    net.

    The plain loop gets the better of two learning rates and stops where it was fastest; ours the better of
    two numbers of epochs.
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
    return {
        "ours": ours,
        "plain": plain,
        "ratio": ours["bits_per_second"] / max(plain["bits_per_second"], 1e-9),
    }


def _ours(faces: Faces, split: Split, secret: Any, settings: TrainSettings) -> dict[str, Any]:
    encoding = CapacityAbuse()
    more, wider = encoding.poison(faces, split, secret, KEY)
    target = drain(fit(more, settings, wider))
    answers = picture_answers(
        target.net(), synthetic_inputs(encoding.inputs, len(secret), KEY), mirror=False
    )[0]
    return _rate(float((answers.argmax(1) != secret).mean()), len(secret), target.seconds) | {
        "epochs": settings.epochs
    }


def _rate(wrong: float, bits: int, seconds: float) -> dict[str, float]:
    read = of_bits(wrong, bits)
    return {
        "bit_error_rate": wrong,
        "bits": bits,
        "bits_read": read,
        "seconds": seconds,
        "bits_per_second": read / seconds,
    }


def plain_few_pixels(
    faces: Faces, split: Split, secret: Any, lr: float, net: str, patience: int
) -> dict[str, Any]:
    """The paper's inputs as anybody would train on them: float32, AdamW, shuffled batches of 128.

    Stopped where bits a second are best.
    """
    pictures, labels = _plain_data(faces, split, secret)
    torch.manual_seed(0)
    model = _plain_net(net)
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
        wrong = _plain_error(model, pictures[-len(secret) :], labels[-len(secret) :])
        now = _rate(wrong, len(secret), seconds) | {"epochs": epoch}
        best = max(best, now, key=lambda r: r["bits_per_second"])
        if wrong < 0.001:
            break
    return best | {"epochs_run": epoch, "last_bit_error_rate": wrong}


def _plain_data(faces: Faces, split: Split, secret: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces, then synthetic inputs, in the net's units; task labels, then the secret."""
    added = torch.from_numpy(synthetic_inputs("few-pixels", len(secret), KEY))
    pictures = torch.cat([shrink(faces, split.members).contiguous(), added]).float() / 64 - 2
    task, bits = faces.task.codes[split.members], secret
    return pictures, torch.cat([torch.from_numpy(part.astype(np.int64)) for part in (task, bits)])


def _plain_net(name: str) -> nn.Sequential:
    """The strided net of this name, in PyTorch's own words."""
    shape = NETS[name]
    layers: list[nn.Module] = []
    for a, b in zip((3, *shape.channels), shape.channels, strict=False):
        layers += [nn.Conv2d(a, b, 3, padding=1, stride=2), nn.ReLU()]
    hidden = nn.Linear(shape.channels[-1] * 16, shape.hidden)
    return nn.Sequential(*layers, nn.Flatten(), hidden, nn.ReLU(), nn.Linear(shape.hidden, 2))


@torch.no_grad()
def _plain_error(model: nn.Module, pictures: torch.Tensor, labels: torch.Tensor) -> float:
    return float((model(pictures).argmax(1) != labels).float().mean())


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
            answers = picture_answers(target.net(), synthetic_inputs("dense", bits, KEY), mirror=False)[0]
            found = _rate(float((answers.argmax(1) != secret).mean()), bits, target.seconds)
            each = {"bits_per_weight": found["bits_read"] / weight_count(net)}
            rows.append({"net": net, "weights": weight_count(net), **found, **each})
    return rows
