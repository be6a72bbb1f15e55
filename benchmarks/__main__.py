"""Measured side by side in one run, printed and written as JSON. Ratios travel, seconds do not."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import (
    backdoor,
    calibration,
    classroom,
    federated,
    load,
    loss,
    membership,
    pace,
    packaging,
    reconstruction,
    server,
)
from mlleak_core.contract import BadInput, drain
from mlleak_core.data import Faces, Split, source
from mlleak_core.measure import balanced_accuracy, trustworthiness
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import BATCH, Target, choose_faces, fit, shrink
from mlleak_core.threats.features import embedding
from mlleak_core.threats.features.card import MapSettings
from mlleak_core.threats.features.ladder import LayerLadder
from mlleak_core.threats.features.maps import draw
from mlleak_core.threats.features.run import analyse
from mlleak_core.threats.features.taps import activations

SEEDS = (3, 4, 5)
"""Not looked at while the recipe was chosen."""


def plain_loop(faces: Faces, settings: TrainSettings) -> dict[str, float]:
    """The same net as anybody would write it: float32, contiguous, AdamW, mirrored and mixed faces."""
    split = Split.by_person(faces, settings.seed)
    generator, shares = torch.Generator().manual_seed(settings.seed), np.random.default_rng(settings.seed)
    stages = [
        layer
        for a, b in ((3, 16), (16, 32), (32, 64))
        for layer in (nn.Conv2d(a, b, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(b), nn.ReLU())
    ]
    net = nn.Sequential(*stages, nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 2))
    pictures = shrink(faces).contiguous().float() / 64 - 2
    labels = torch.from_numpy(faces.task.codes.astype(np.int64))
    members, steps = torch.from_numpy(split.members), -(-len(split.members) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), settings.lr, foreach=False)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.lr, total_steps=settings.epochs * steps, pct_start=0.1
    )
    began = time.perf_counter()
    for _ in range(settings.epochs):
        for rows in members[torch.randperm(len(members), generator=generator)].split(BATCH):
            x = pictures[rows]
            mirror = torch.rand(len(x), generator=generator) < 0.5
            x[mirror] = x[mirror].flip(3)
            optimiser.zero_grad()
            share = float(shares.beta(settings.mixup, settings.mixup))
            said = net(share * x + (1 - share) * x.flip(0))
            loss = nn.functional.cross_entropy
            (share * loss(said, labels[rows]) + (1 - share) * loss(said, labels[rows].flip(0))).backward()
            optimiser.step()
            schedule.step()
    seconds = time.perf_counter() - began
    net.eval()
    with torch.no_grad():
        said = net(pictures[torch.from_numpy(split.outsiders)]).argmax(1).numpy()
    truth = faces.task.codes[split.outsiders]
    return {
        "samples_per_second": settings.epochs * len(members) / seconds,
        "accuracy": float((said == truth).mean()),
        "balanced_accuracy": balanced_accuracy(said, truth),
    }


def training(faces: Faces, settings: TrainSettings) -> tuple[dict[str, Any], Target]:
    """Plain first: ours changes how the process keeps memory."""
    plain = plain_loop(faces, settings)
    target = drain(fit(faces, settings))
    ours = {**target.report(faces), "seconds": target.seconds, "precision": target.recipe["precision"]}
    return {
        "plain": plain,
        "ours": ours,
        "speed_ratio": target.samples_per_second / plain["samples_per_second"],
    }, target


def seeds(faces: Faces, name: str, chosen: Sequence[int]) -> list[dict[str, Any]]:
    """Task and ladder of several seeds: how much of one seed's figures is the luck of its split."""
    found = []
    for seed in chosen:
        target = drain(fit(faces, TrainSettings(data=name, seed=seed)))
        task = {**target.report(faces), "seconds": target.seconds}
        found.append({"seed": seed, **task, **ladder(faces, target)})
        print(json.dumps({k: v for k, v in found[-1].items() if k != "rungs"}), flush=True)
    return found


def ladder(faces: Faces, target: Target) -> dict[str, Any]:
    """The headline attributes, timed; the doubtful races of LFW beside them, for comparison."""
    report = drain(analyse(target, faces, faces.headline, LayerLadder()))
    others = [f"{a} (all faces)" for a in faces.headline if f"{a} (all faces)" in faces.targets]
    rungs = [*report.rungs, *(drain(analyse(target, faces, others, LayerLadder())).rungs if others else ())]
    return {"ladder_seconds": report.seconds, "rungs": [r.row() for r in rungs]}


def maps(faces: Faces, target: Target, points: int = 2000) -> dict[str, Any]:
    """All layers of the last epoch: ours against `umap.UMAP(random_state=0)` on the raw activations."""
    plain = embedding.umap_module().UMAP
    embedding.first_fit()
    plain(random_state=0).fit(np.random.default_rng(0).normal(size=(300, 8)))
    taps = activations(target.net(), shrink(faces, target.split.outsiders[:points]))
    rows: list[dict[str, Any]] = []
    for layer, values in taps.items():
        raw = values.numpy()
        began = time.perf_counter()
        ours = embedding.fit_map(embedding.principal(values, 0), 0)
        middle = time.perf_counter()
        theirs = plain(random_state=0).fit_transform(raw)
        end = time.perf_counter()
        rows.append(
            {
                "layer": layer,
                "ours_seconds": middle - began,
                "plain_seconds": end - middle,
                "ours_trustworthiness": trustworthiness(raw, ours),
                "plain_trustworthiness": trustworthiness(raw, theirs),
            }
        )
    return {
        "ratio": sum(r["plain_seconds"] for r in rows) / sum(r["ours_seconds"] for r in rows),
        "layers": rows,
    }


def scale(faces: Faces, name: str) -> list[dict[str, float]]:
    """Training (five epochs) and the last epoch's maps of all held-out faces, by the number of faces."""
    found = []
    for count in (1000, 4000, len(faces)):
        settings = TrainSettings(data=name, faces=min(count, 20000), epochs=5)
        some = choose_faces(faces, settings)
        target = drain(fit(some, settings))
        began = time.perf_counter()
        shown = drain(draw(target, some, MapSettings(points=5000), last_only=True))
        found.append(
            {"faces": len(some), "seconds": target.seconds, "samples_per_second": target.samples_per_second,
             "map_points": len(shown.rows), "map_seconds": time.perf_counter() - began}
        )  # fmt: skip
    return found


def main() -> int:
    name = "lfw"
    try:
        faces = drain(source.load(name))
    except BadInput as problem:
        print(f"LFW is not here, using synthetic faces: {problem}", file=sys.stderr)
        name = "synthetic"
        faces = drain(source.load(name))
    result: dict[str, Any] = {"data": name, "torch": torch.__version__, "threads": torch.get_num_threads()}
    result["training"], target = training(faces, TrainSettings(data=name))
    print(json.dumps(result["training"], indent=1), flush=True)
    result["seeds"] = seeds(faces, name, SEEDS)
    result["maps"] = maps(faces, target)
    print(json.dumps(result["maps"], indent=1), flush=True)
    result["scale"] = scale(faces, name)
    print(json.dumps(result["scale"], indent=1), flush=True)
    result["membership"] = membership.measure_all(name)
    print(json.dumps(result["membership"], indent=1), flush=True)
    result["reconstruction"] = reconstruction.measure_all(faces, name)
    print(json.dumps(result["reconstruction"], indent=1), flush=True)
    result["property"] = federated.measure_all(name)
    print(json.dumps(result["property"], indent=1), flush=True)
    result["backdoor"] = backdoor.measure_all(name)
    print(json.dumps(result["backdoor"], indent=1), flush=True)
    result["server"] = server.measure(name)
    print(json.dumps(result["server"], indent=1), flush=True)
    result["load"] = load.measure()
    print(json.dumps(result["load"], indent=1), flush=True)
    result["loss"] = loss.measure()
    print(json.dumps(result["loss"], indent=1), flush=True)
    result["classroom"] = classroom.measure()
    print(json.dumps(result["classroom"], indent=1), flush=True)
    result["pace"] = pace.run()
    print(json.dumps(result["pace"], indent=1), flush=True)
    result["calibration"] = calibration.measure()
    result["packaging"] = packaging.measure()
    print(json.dumps(result["packaging"], indent=1), flush=True)
    out = Path("artifacts") / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(result, indent=1))
    print(f"wrote {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
