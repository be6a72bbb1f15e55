"""Membership inference measured: how much leaks, what a fleet costs against a plain loop, one worker against two."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import Any

import numpy as np
import torch
from torch import nn

from mlleak_core.target import fleet

from mlleak_core import measure

from mlleak_core.threats.membership import pool as subjects

from mlleak_core.server import warmth
from mlleak_core.threats.membership.attacks import ATTACKS, TITLES, log_probabilities, stage
from mlleak_core.threats.membership.attacks import ShokriShadow as Shokri
from mlleak_core.target.blackbox import Local, softmax
from mlleak_core.contract import drain
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.settings import MembershipSettings, TrainSettings
from mlleak_core.server.desk import Workbench

SHADOWS, TARGETS = 32, 4


def measure_all(name: str) -> dict[str, Any]:
    """Everything of this threat's bench."""
    found = {"leaky": leaky(name), "workers": workers(name), "first_roc_seconds": first_roc(name), "clinic": table("clinic")}
    try:
        found["location"] = table("location")
    except Exception as problem:  # noqa: BLE001  the data may not be there
        found["location"] = str(problem)
    return found


def warm_up(executor: Executor) -> None:
    """Wait until every worker has started: naps keep those that are up from doing it all."""
    list(executor.map(time.sleep, [0.5] * 8))


def leaky(name: str) -> dict[str, Any]:
    """The leaky preset: LiRA and BASE over several targets; the fleet's seconds against the plain loop's, at what AUC each."""
    settings = MembershipSettings(data=name)
    recipe = subjects.recipe_for(settings)
    assert isinstance(recipe, TrainSettings)
    pool, _ = drain(subjects.open_pool(settings, recipe))
    with fleet.processes() as executor:
        warm_up(executor)
        seed = int(time.time()) % 9000 + 500  # a seed nobody has trained, so that nothing is taken from disk
        began = time.perf_counter()
        ours = drain(fleet.train(pool, recipe, seed, SHADOWS, executor))
        seconds = time.perf_counter() - began
        every = drain(fleet.train(pool, recipe, seed, SHADOWS + TARGETS, executor))
    began = time.perf_counter()
    plain = plain_fleet(pool, recipe, seed, SHADOWS + TARGETS)
    plain_seconds = (time.perf_counter() - began) * SHADOWS / (SHADOWS + TARGETS)
    assert len(ours) == SHADOWS
    return {
        "seed": seed, "records": len(pool), "ours_seconds": seconds, "plain_seconds": plain_seconds, "speed_ratio": plain_seconds / seconds,
        "ours": targets(pool, every), "plain": targets(pool, plain),
    }  # fmt: skip


def targets(pool: Pool, every: Fleet) -> dict[str, dict[str, float]]:
    """The last TARGETS models attacked with the first SHADOWS: means of AUC, TPR at 1 % and of both nulls."""
    shadows = Fleet(every.indices[:SHADOWS], every.inside[:SHADOWS], every.logits[:SHADOWS], 0.0)
    candidates = np.flatnonzero(~pool.public)
    rows: dict[str, list[list[float]]] = {"lira": [], "base": [], "base-2": [], "loss": []}
    for t in range(SHADOWS, SHADOWS + TARGETS):
        answers = {pool.x[i].tobytes(): every.logits[t, 0, i] for i in range(len(pool))}
        answers |= {np.ascontiguousarray(pool.x[i][..., ::-1]).tobytes(): every.logits[t, 1, i] for i in range(len(pool))}
        box = Local(lambda x, a=answers: np.stack([a[v.tobytes()] for v in x]), pool.classes)  # type: ignore[misc]
        view, member = stage(pool, shadows, box), every.inside[t, candidates]
        noise = np.random.default_rng(t)
        for name, found in rows.items():
            scores = drain(ATTACKS[name].run(view)).scores
            tpr = measure.tpr_at_fpr(scores, member, 0.01)
            found.append(
                [
                    float(measure.auc(scores, member)),
                    tpr.value if tpr else 0.0,
                    float(measure.auc(scores, noise.permutation(member))),
                ]
            )
    return {
        name: dict(zip(("auc", "tpr_at_1pct", "shuffled_auc"), np.mean(found, 0).tolist(), strict=True))
        for name, found in rows.items()
    }


def plain_fleet(pool: Pool, recipe: TrainSettings, seed: int, count: int) -> Fleet:
    """The same shadows one after another, as anybody would write it: float32, contiguous, two threads, AdamW."""
    from mlleak_core.target.settings import NETS

    shape = NETS[recipe.net]
    x, y = torch.tensor(np.asarray(pool.x)).float() / 64 - 2, torch.tensor(pool.y)
    inside, logits = [], []
    for index in range(count):
        generator = torch.Generator().manual_seed(index)
        layers: list[nn.Module] = []
        for a, b in zip((3, *shape.channels), shape.channels, strict=False):
            layers += [nn.Conv2d(a, b, 3, padding=1, stride=2), nn.ReLU()]
        net = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(shape.channels[-1] * 16, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, 2)
        )
        mask = pool.members(seed, index)
        members = torch.from_numpy(np.flatnonzero(mask))
        steps = -(-len(members) // 128)
        optimiser = torch.optim.AdamW(net.parameters(), recipe.lr, foreach=False)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.epochs * steps, pct_start=0.1)
        for _ in range(recipe.epochs):
            for rows in members[torch.randperm(len(members), generator=generator)].split(128):
                optimiser.zero_grad()
                nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            logits.append(np.stack([torch.cat([net(v) for v in turned.split(512)]).numpy() for turned in (x, x.flip(3))]))
        inside.append(mask)
    return Fleet(tuple(range(count)), np.stack(inside), np.stack(logits), 0.0)


def workers(name: str, count: int = 8) -> dict[str, float]:
    """Two Dask workers against one: seconds and efficiency."""
    from distributed import Client, LocalCluster

    settings = MembershipSettings(data=name)
    recipe = subjects.recipe_for(settings)
    pool, _ = drain(subjects.open_pool(settings, recipe))
    seconds = {}
    for n in (1, 2):
        with (
            LocalCluster(n_workers=n, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            executor = client.get_executor()
            drain(fleet.train(pool, recipe, 9000 + n + int(time.time()) % 500, 2 * n, executor))  # imports
            began = time.perf_counter()
            drain(fleet.train(pool, recipe, 8000 + n + int(time.time()) % 500, count, executor))
            seconds[n] = time.perf_counter() - began
    return {"one_worker_seconds": seconds[1], "two_workers_seconds": seconds[2], "efficiency": seconds[1] / (2 * seconds[2])}


def first_roc(name: str) -> float:
    """Seconds from the click to the first curve, on a server that has run before and for settings that nobody has asked for."""
    warmth.warm_up()
    bench = Workbench()
    warm_up(bench.executor())
    drain(bench.faces(TrainSettings(data=name)))
    began = time.perf_counter()
    job = bench.membership(MembershipSettings(data=name, seed=int(time.time()) % 9000), TrainSettings(data=name), "probabilities")
    while not ((now := bench.look(job)) and now.step and now.step.peek):
        time.sleep(0.02)
        if now and not now.active:
            raise RuntimeError(f"no curve before the end: {now.status} {now.error}")
    seconds = time.perf_counter() - began
    bench.jobs.stop(job)
    bench.executor().shutdown(wait=False)
    return seconds


def table(name: str) -> dict[str, Any]:
    """Records: seconds of 32 shadows, every attack's AUC, and the precision of Shokri's attack at its own threshold."""
    settings = MembershipSettings(data=name, seed=int(time.time()) % 9000)
    recipe = subjects.recipe_for(settings)
    pool, _ = drain(subjects.open_pool(settings, recipe))
    subject = drain(subjects.train_target(pool, recipe, settings))
    with fleet.processes() as executor:
        warm_up(executor)
        began = time.perf_counter()
        shadows = drain(fleet.train(pool, recipe, settings.seed, SHADOWS, executor))
        seconds = time.perf_counter() - began
    view = stage(pool, shadows, Local(subject.answer, pool.classes), trace=subject.trace)
    candidates = np.flatnonzero(~pool.public)
    member = subject.inside[candidates]
    said = drain(Shokri().run(view)).scores > 0
    right = log_probabilities(softmax(subject.answer(view.x))).argmax(1) == view.y
    aucs = {TITLES[n]: float(measure.auc(drain(a.run(view)).scores, member)) for n, a in ATTACKS.items()}
    return {
        "seconds": seconds, "records": len(pool), "train_accuracy": float(right[member].mean()), "test_accuracy": float(right[~member].mean()),
        "shokri_precision": float(member[said].mean()) if said.any() else None, "auc": aucs,
    }  # fmt: skip
