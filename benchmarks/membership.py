"""Membership inference measured: how much leaks, what a fleet costs against a plain loop, one worker against
two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlleak_core import measure
from mlleak_core.contract import drain
from mlleak_core.server import warmth
from mlleak_core.server.desk import Desk
from mlleak_core.target import fleet
from mlleak_core.target.blackbox import Local, softmax
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.settings import NETS, TrainSettings
from mlleak_core.threat import threat
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.confidence import log_probabilities
from mlleak_core.threats.membership.learned import ShokriShadow
from mlleak_core.threats.membership.pool import open_pool, recipe_for, views_of
from mlleak_core.threats.membership.target import train_target
from mlleak_core.threats.membership.view import stage

SHADOWS, TARGETS = 32, 4
COUNTS = (2, 4, 8, 16, 32)
WATCHED = ("lira", "lira-offline", "rmia", "base", "base-2", "bavaria", "pmia", "rapid", "loss")
WANTED = {"auc": 0.71, "tpr_at_1pct": 0.10}
BEFORE = ("lira", 2)
"""What the page led with before, and how many views of a face it asked for."""


def measure_all(name: str) -> dict[str, Any]:
    """Everything of this threat's bench."""
    found = {
        "leaky": leaky(name),
        "workers": workers(name),
        "first_roc_seconds": first_roc(name),
        "clinic": table("clinic"),
    }
    try:
        found["location"] = table("location")
    except Exception as problem:  # noqa: BLE001  the data may not be there
        found["location"] = str(problem)
    return found


def warm_up(executor: Executor) -> None:
    """Wait until every worker has started: naps keep those that are up from doing it all."""
    list(executor.map(time.sleep, [0.5] * 8))


def untried(most: int = 9000) -> int:
    """A seed nobody has trained, so that nothing is taken from disk."""
    return int(time.time()) % most


def opened(settings: MembershipSettings) -> Pool:
    return drain(open_pool(settings, Desk()))[0]


def leaky(name: str) -> dict[str, Any]:
    """The leaky preset: LiRA and BASE over several targets; the fleet's seconds against the plain loop's, at
    what AUC each.
    """
    settings = MembershipSettings(data=name)
    pool, recipe, seed = opened(settings), recipe_for(settings), 500 + untried()
    assert isinstance(recipe, TrainSettings)
    with fleet.processes() as executor:
        warm_up(executor)
        began = time.perf_counter()
        ours = drain(fleet.train(pool, recipe, seed, SHADOWS, executor))
        seconds = time.perf_counter() - began
        every = drain(fleet.train(pool, recipe, seed, SHADOWS + TARGETS, executor))
    began = time.perf_counter()
    plain = plain_fleet(pool, recipe, seed, SHADOWS + TARGETS)
    plain_seconds = (time.perf_counter() - began) * SHADOWS / (SHADOWS + TARGETS)
    assert len(ours) == SHADOWS
    views = views_of(recipe)
    strength = {count: targets(pool, every, views, count) for count in COUNTS}
    before = {count: targets(pool, every, BEFORE[1], count, BEFORE[:1]) for count in COUNTS}
    return {
        "seed": seed,
        "records": len(pool),
        "ours_seconds": seconds,
        "plain_seconds": plain_seconds,
        "speed_ratio": plain_seconds / seconds,
        "ours": strength,
        "before": before,
        "plain": targets(pool, plain, views, SHADOWS),
        "seconds_to": {what: until(strength, what, seconds) for what in WANTED},
        "seconds_to_before": {what: until(before, what, seconds) for what in WANTED},
    }


Strength = dict[str, dict[str, float]]


def until(strength: dict[int, Strength], what: str, seconds: float) -> float | None:
    """Seconds of the fewest shadows with which the best attack reaches what is WANTED; None where none do."""
    for count, attacks in strength.items():
        if max(numbers[what] for numbers in attacks.values()) >= WANTED[what]:
            return seconds * count / SHADOWS
    return None


def targets(pool: Pool, every: Fleet, views: int, count: int, names: Sequence[str] = WATCHED) -> Strength:
    """The last TARGETS models attacked with the first `count`: means of AUC, TPR at 1 % and of the shuffled
    AUC.
    """
    shadows = Fleet(every.indices[:count], every.inside[:count], every.logits[:count], 0.0)
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for t in range(SHADOWS, SHADOWS + TARGETS):
        view = stage(pool, shadows, recorded(pool, every.logits[t]), views=views)
        member, noise = every.inside[t, pool.candidates], np.random.default_rng(t)
        for name, found in rows.items():
            scores = drain(CATALOGUE[name].run(view)).scores
            tpr = measure.tpr_at_fpr(scores, member, 0.01)
            shuffled = float(measure.auc(scores, noise.permutation(member)))
            found.append((float(measure.auc(scores, member)), tpr.value if tpr else 0.0, shuffled))
    words = ("auc", "tpr_at_1pct", "shuffled_auc")
    return {name: dict(zip(words, np.mean(found, 0).tolist(), strict=True)) for name, found in rows.items()}


def recorded(pool: Pool, logits: NDArray[np.float32]) -> Local:
    """A box that knows its answers [q, n, c] by heart."""
    answers: dict[bytes, NDArray[np.float32]] = {}
    for view, said in zip(pool.kind.views(pool.x), logits, strict=True):
        answers |= {np.ascontiguousarray(x).tobytes(): z for x, z in zip(view, said, strict=True)}
    return Local(lambda x: np.stack([answers[v.tobytes()] for v in x]), pool.classes)


def plain_fleet(pool: Pool, recipe: TrainSettings, seed: int, count: int) -> Fleet:
    """The same shadows one after another, as anybody would write it: float32,
    contiguous, two threads, AdamW.
    """
    x, y = torch.tensor(np.asarray(pool.x)).float() / 64 - 2, torch.tensor(pool.y)
    inside, logits = [], []
    for index in range(count):
        net, mask = plain_net(recipe, index), pool.members(seed, index)
        members = torch.from_numpy(np.flatnonzero(mask))
        steps = -(-len(members) // 128)
        optimiser = torch.optim.AdamW(net.parameters(), recipe.lr, foreach=False)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.lr, total_steps=recipe.epochs * steps, pct_start=0.1
        )
        generator = torch.Generator().manual_seed(index)
        for _ in range(recipe.epochs):
            for rows in members[torch.randperm(len(members), generator=generator)].split(128):
                optimiser.zero_grad()
                nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            turned = [torch.cat([net(v) for v in view.split(512)]).numpy() for view in (x, x.flip(3))]
        logits.append(np.stack(turned))
        inside.append(mask)
    return Fleet(tuple(range(count)), np.stack(inside), np.stack(logits), 0.0)


def plain_net(recipe: TrainSettings, index: int) -> nn.Module:
    """The leaky preset's net, as anybody would write it."""
    shape = NETS[recipe.net]
    layers: list[nn.Module] = []
    for a, b in zip((3, *shape.channels), shape.channels, strict=False):
        layers += [nn.Conv2d(a, b, 3, padding=1, stride=2), nn.ReLU()]
    wide = nn.Linear(shape.channels[-1] * 16, shape.hidden)
    return nn.Sequential(*layers, nn.Flatten(), wide, nn.ReLU(), nn.Linear(shape.hidden, 2))


def workers(name: str, count: int = 8) -> dict[str, float]:
    """Two Dask workers against one: seconds and efficiency."""
    from distributed import Client, LocalCluster

    settings = MembershipSettings(data=name)
    pool, recipe = opened(settings), recipe_for(settings)
    seconds = {}
    for n in (1, 2):
        looks: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
        with LocalCluster(n_workers=n, **looks) as cluster, Client(cluster) as client:
            executor = client.get_executor()
            drain(fleet.train(pool, recipe, 9000 + n + untried(500), 2 * n, executor))  # imports
            began = time.perf_counter()
            drain(fleet.train(pool, recipe, 8000 + n + untried(500), count, executor))
            seconds[n] = time.perf_counter() - began
    efficiency = seconds[1] / (2 * seconds[2])
    return {"one_worker_seconds": seconds[1], "two_workers_seconds": seconds[2], "efficiency": efficiency}


def first_roc(name: str) -> float:
    """Seconds from the click to the first curve, on a server that has run before and for settings that nobody
    has asked for.
    """
    warmth.warm_up()
    bench = Desk()
    warm_up(bench.executor())
    drain(bench.faces(name))
    began = time.perf_counter()
    job = bench.open(threat("membership"), MembershipSettings(data=name, seed=untried(), attack="all"))
    while not ((now := bench.look(job)) and now.step and now.step.peek):
        time.sleep(0.02)
        if now and not now.active:
            raise RuntimeError(f"no curve before the end: {now.status} {now.error}")
    seconds = time.perf_counter() - began
    bench.jobs.stop(job)
    bench.close()
    return seconds


def table(name: str) -> dict[str, Any]:
    """Records: seconds of 32 shadows, every attack's AUC, and the precision of Shokri's attack at its own
    threshold.
    """
    settings = MembershipSettings(data=name, seed=untried())
    pool, recipe = opened(settings), recipe_for(settings)
    subject = drain(train_target(pool, settings))
    with fleet.processes() as executor:
        warm_up(executor)
        began = time.perf_counter()
        shadows = drain(fleet.train(pool, recipe, settings.seed, SHADOWS, executor))
        seconds = time.perf_counter() - began
    view = stage(pool, shadows, Local(subject.answer, pool.classes), trace=subject.trace)
    member = subject.inside[pool.candidates]
    said = drain(ShokriShadow().run(view)).scores > 0
    right = log_probabilities(softmax(subject.answer(view.x))).argmax(1) == view.y
    train_accuracy, test_accuracy = float(right[member].mean()), float(right[~member].mean())
    aucs = {a.title: float(measure.auc(drain(a.run(view)).scores, member)) for a in CATALOGUE.values()}
    return {
        "seconds": seconds,
        "records": len(pool),
        "train_accuracy": train_accuracy,
        "test_accuracy": test_accuracy,
        "shokri_precision": float(member[said].mean()) if said.any() else None,
        "auc": aucs,
    }
