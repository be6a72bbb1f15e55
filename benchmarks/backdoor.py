"""Backdoors measured: one update over seeds, every attack under every defence, and the speed of the rules."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlleak_core.contract import drain
from mlleak_core.defences.on_updates import CATALOGUE
from mlleak_core.server.desk import Desk
from mlleak_core.threats.backdoor.card import DARK, BackdoorSettings
from mlleak_core.threats.backdoor.run import Found, run

ROOT = Path(__file__).parents[1]
SEEDS = range(5)
TRIGGERS = {"synthetic": "Glasses", "lfw": DARK}
SPEED = (100, 278_000)
"""Updates, and numbers in each."""


def measure_all(name: str) -> dict[str, Any]:
    """One update and all defences over seeds; every attack under every defence."""
    desk = Desk()
    try:
        base = BackdoorSettings(data=name, trigger=TRIGGERS.get(name, DARK), after=20)
        found = [drain(run(dataclasses.replace(base, seed=seed), desk)) for seed in SEEDS]
        grids = [
            drain(run(dataclasses.replace(base, attack="all", aggregator="all", after=0, seed=seed), desk))
            for seed in SEEDS
        ]
    finally:
        desk.close()
    ours = {"one update": [_row(f) for f in found], "matrix": _matrix(grids), "speed": speed()}
    return {**ours, "beside Flower": beside_flower()}


def beside_flower() -> Any:
    """The rules that both have, in the environment in which Flower is; None where that is not."""
    python = ROOT / ".venv-federation" / "bin" / "python"
    if not python.exists():
        return None
    said = subprocess.run(
        [python, "-m", "benchmarks.flower_rules"], cwd=ROOT, capture_output=True, check=True
    )
    return json.loads(said.stdout)


def _row(found: Found) -> dict[str, Any]:
    row = found.row()
    del row["matrix"]
    return {"seed": found.settings.seed, "seconds": found.seconds, **row}


def _matrix(grids: list[Found]) -> list[dict[str, Any]]:
    """Mean over the seeds, with the least and the most; unit: shares of faces, and points of accuracy."""
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for grid in grids:
        for cell in grid.row()["matrix"]:
            cells.setdefault((cell["attack"], cell["aggregator"]), []).append(cell)
    return [
        {
            "attack": attack,
            "aggregator": aggregator,
            "backdoor": _spread([c["backdoor"] for c in rows]),
            "cost_points": _spread([100 * c["main_cost"] for c in rows]),
        }
        for (attack, aggregator), rows in cells.items()
    ]


def _spread(values: list[float]) -> tuple[float, float, float]:
    return float(np.mean(values)), min(values), max(values)


def speed() -> dict[str, float]:
    """Seconds of each rule for a hundred updates, best of three."""
    updates = torch.randn(SPEED, generator=torch.Generator().manual_seed(0))
    claims, found = torch.ones(SPEED[0]), {}
    for slug, rule in CATALOGUE.items():
        given = dataclasses.replace(rule, root=lambda: updates[0]) if slug == "fltrust" else rule
        times = []
        for _ in range(3):
            began = time.perf_counter()
            given.in_round(0)(updates, claims)
            times.append(time.perf_counter() - began)
        found[slug] = min(times)
    return found
