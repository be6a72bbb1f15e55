"""Property inference measured: what shows of whom, beside how many, and what a hundred participants cost."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mlleak_core.contract import drain
from mlleak_core.data import Faces
from mlleak_core.measure import cluster_mean
from mlleak_core.server.desk import Desk
from mlleak_core.target.federated import Federation, FederationSettings
from mlleak_core.target.models import ConvNet
from mlleak_core.target.training import shrink
from mlleak_core.threats.inversion import card as inversion
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.parties import Sample, parties
from mlleak_core.threats.property.run import watch

BUSH = "person:George_W_Bush"
AUTHORS: dict[str, Any] = {"rounds": 400, "lr": 0.01, "often": 0.2, "enters": 0.1}
"""Two participants, whole batches, every fifth round, the authors' learning rate."""
CASES: dict[str, dict[str, Any]] = {
    "Black, passive": {"property": "Black", "attack": "passive"},
    "Eyeglasses, passive": {"property": "Eyeglasses", "attack": "passive"},
    "Asian, passive": {"property": "Asian", "attack": "passive"},
    "Black, online": {"property": "Black"},
    "Eyeglasses, online": {"property": "Eyeglasses"},
    "Asian, online": {"property": "Asian"},
    "Black, active": {"property": "Black", "attack": "active"},
    "Bush, passive": {"property": BUSH, "attack": "passive"},
    "Bush, online": {"property": BUSH},
    "Bush, half of the batch": {"property": BUSH, "batch_share": 0.5},
    **{f"Black, {s:.0%} of the batch": {"property": "Black", "batch_share": s} for s in (0.5, 0.3, 0.1)},
    **{f"Black, {n} participants": {"property": "Black", "participants": n} for n in (4, 8, 16, 32)},
    "Black, noise 1": {"property": "Black", "noise": 1.0},
    "Black, a tenth of the values": {"property": "Black", "kept": 0.1},
    "a coin": {"property": "coin"},
}

SEEDS = range(3, 8)
"""None took part in choosing how the attacker rehearses (docs/choices.md); each deals other people."""
SEVERAL = (
    "Asian, passive",
    "Asian, online",
    "Eyeglasses, passive",
    "Eyeglasses, online",
    "Black, 30% of the batch",
)
HUGO = "author:Hugo"
REVIEWS: dict[str, dict[str, Any]] = {
    "author, online": {"property": HUGO},
    "author, passive": {"property": HUGO, "attack": "passive"},
    "author, a third of the batch": {"property": HUGO, "batch_share": 0.3},
    "author, four participants": {"property": HUGO, "participants": 4},
    "specialty, online": {"property": "specialty:dentist"},
    "specialty, passive": {"property": "specialty:dentist", "attack": "passive"},
}


def measure_all(name: str) -> dict[str, Any]:
    """Everything of this threat's bench; on data that have no such labels, the coin alone."""
    desk = Desk()
    try:
        faces = drain(desk.faces(name))
        cases = {k: v for k, v in CASES.items() if name == "lfw" or v["property"] == "coin"}
        found = {
            case: watched(faces, PropertySettings(data=name, **AUTHORS, **more))
            for case, more in cases.items()
        }
        return {
            "cases": found,
            "over_seeds": over_seeds(faces) if name == "lfw" else {},
            "disaggregation": apart(name, desk),
            "hundred": hundred(faces),
            "reviews": {} if name == "lfw" else reviews(desk),
        }
    finally:
        desk.close()


def over_seeds(faces: Faces) -> dict[str, Any]:
    """AUC of each seed, their mean and its interval; online minus passive on the same trainings."""
    found = {case: [_auc(faces, case, seed) for seed in SEEDS] for case in SEVERAL}
    for of in ("Asian", "Eyeglasses"):
        pairs = zip(found[f"{of}, online"], found[f"{of}, passive"], strict=True)
        found[f"{of}, online minus passive"] = [online - passive for online, passive in pairs]
    return {case: {"each": each, "mean": _mean(each)} for case, each in found.items()}


def _auc(faces: Faces, case: str, seed: int) -> float:
    settings = PropertySettings(data="lfw", seed=seed, **AUTHORS, **CASES[case])
    return drain(watch(settings, parties(settings, faces))).report.auc.value


def _mean(values: list[float]) -> dict[str, Any]:
    return dataclasses.asdict(cluster_mean(values, np.arange(len(values))))


def reviews(desk: Desk) -> dict[str, Any]:
    """Authors and specialties of the made-up reviews, each beside the same training without them."""
    texts, found = drain(desk.texts("reviews")), {}
    for case, more in REVIEWS.items():
        settings = PropertySettings(data="reviews", **more)
        absent = drain(watch(settings, parties(settings, texts), absent=True))
        found[case] = {**watched(texts, settings), "null_auc": absent.report.auc.value}
    return found


def watched(faces: Sample, settings: PropertySettings) -> dict[str, Any]:
    """One training under the attacker's eyes."""
    began = time.perf_counter()
    seen = drain(watch(settings, parties(settings, faces)))
    seconds = time.perf_counter() - began
    return {**seen.report.row(), "task_accuracy": float(seen.right.mean()), "seconds": seconds}


def apart(name: str, desk: Desk) -> dict[str, dict[str, Any]]:
    """Batches taken apart, several of each size: how many, how exactly, in what time, and what they show."""
    sizes = {"mlp": (2, 4, 8, 12, 16), "strided-3": (4, 8, 12), "conv-3": (4, 8)}
    return {f"{net}, {batch}": _apart(name, net, batch, desk) for net in sizes for batch in sizes[net]}


def _apart(name: str, net: str, batch: int, desk: Desk, seeds: int = 5) -> dict[str, Any]:
    asked = [
        InversionSettings(data=name, attack="disaggregation", net=net, batch=batch, seed=seed)
        for seed in range(seeds)
    ]
    rows = [drain(inversion.THREAT.start(one, desk)).row() for one in asked]
    whole = [row for row in rows if not row["note"]]

    def of(key: str) -> list[float]:
        return [row[key] for row in whole if row[key] is not None]

    return {
        "apart": len(whole),
        "of": len(rows),
        "error": max(of("error"), default=None),
        "mae": of("mae"),
        "ssim": of("ssim"),
        "owners": of("identified_rate"),
        "labels_right": of("labels_right"),
        "labels_right_usual": of("labels_right_usual"),
        "seconds": max(row["invert_seconds"] for row in rows),
    }


def hundred(faces: Faces, participants: int = 100) -> dict[str, float]:
    """Rounds a second of a hundred participants at once, beside the same one after another."""
    x = shrink(faces).float() / 64 - 2
    y = torch.from_numpy(faces.task.codes.astype(np.int64))
    shares = [(x[rows[:40]], y[rows[:40]]) for rows in torch.arange(len(y)).chunk(participants)]
    found: dict[str, float] = {}
    for rule, rounds in (("sgd", 20), ("fedavg", 3)):
        rules = FederationSettings(rule=rule, rounds=rounds, batch=8, lr=0.05)
        net = ConvNet("strided-3 narrow", torch.Generator().manual_seed(0))
        federation = Federation(net, shares, rules)
        began = time.perf_counter()
        drain(federation.run())
        ours = rounds / (time.perf_counter() - began)
        began = time.perf_counter()
        for number in range(2):
            one_by_one(federation, number)
        plain = 2 / (time.perf_counter() - began)
        found |= {f"{rule}_rounds_a_second": ours, f"{rule}_plain": plain, f"{rule}_ratio": ours / plain}
    return found


def one_by_one(federation: Federation, number: int) -> None:
    """A round as anybody would write it: a net, its optimiser, participant after participant."""
    settings = federation.settings
    for who, (x, y) in enumerate(federation.shares):
        net = ConvNet("strided-3 narrow", torch.Generator().manual_seed(0))
        nn.utils.vector_to_parameters(federation.weights, net.parameters())
        optimiser = torch.optim.SGD(net.parameters(), settings.lr)
        for rows in federation._batches(who, number):
            optimiser.zero_grad()
            functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimiser.step()
        nn.utils.parameters_to_vector(net.parameters())
