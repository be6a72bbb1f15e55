"""Whose membership is asked for: the pool of records, the recipe, and the target that was trained on some of them."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mlleak_core.data import source

from mlleak_core.target import tabular
from mlleak_core.contract import BadInput, Step, fingerprint, now
from mlleak_core.data import Faces
from mlleak_core.data.faces import Provenance
from mlleak_core.data.records import RECORD_SOURCES, Records, load_records, records_identity
from mlleak_core.target.fleet import Pool, Recipe, Task, draw_members, lay_out, shadow_seed
from mlleak_core.target.models import ConvNet
from mlleak_core.disk import runs_home
from mlleak_core.target.settings import LEAKY, LEAKY_LFW, MembershipSettings, TableSettings, TrainSettings
from mlleak_core.target.training import Target, choose_faces, picture_answers, shrink, train_once

PUBLIC = 0.08
"""Share of the groups that nobody trains on: the attacker's own population."""
LEAST = 60
Logits = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Exhibit:
    """What a record looks like to a person: pictures [n, s, s, 3] or None, a name each, and the classes' names."""

    title: str
    images: NDArray[np.uint8] | None
    names: tuple[str, ...]
    classes: tuple[str, ...]
    provenance: Provenance
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Subject:
    """The target. inside [n]: who it was trained on. trace [e, n]: each record's loss over the epochs.

    answer and untrained map inputs to logits [n, c]: the trained model, and the same net before training.
    """

    key: str
    inside: NDArray[np.bool_]
    answer: Callable[[NDArray[Any]], Logits]
    untrained: Callable[[NDArray[Any]], Logits]
    trace: NDArray[np.float64]
    weights: dict[str, Tensor]
    about: dict[str, Any]
    seconds: float


def tabular_data(name: str) -> bool:
    return name.partition(":")[0] in {s.partition(":")[0] for s in RECORD_SOURCES}


def recipe_for(settings: MembershipSettings, run: TrainSettings | None = None) -> Recipe:
    """How target and shadows are trained. `run`: the train page's settings, for the full preset."""
    epochs: dict[str, Any] = {"epochs": settings.epochs} if settings.epochs else {}
    if tabular_data(settings.data):
        return TableSettings(**epochs)
    if settings.preset == "leaky":
        return TrainSettings(data=settings.data, **((LEAKY_LFW if settings.data == "lfw" else LEAKY) | epochs))
    base = run or TrainSettings(data=settings.data, seed=settings.seed)
    return dataclasses.replace(base, data=settings.data, **epochs)


def key_of(settings: MembershipSettings, recipe: Recipe) -> str:
    """Names a target: everything that can change its weights."""
    known = records_identity(settings.data) if tabular_data(settings.data) else source.identity(settings.data)
    return "m" + fingerprint("membership", 1, recipe, known, settings.preset, settings.records, settings.seed)[1:]


def open_pool(
    settings: MembershipSettings, recipe: Recipe, faces: Faces | None = None
) -> Generator[Step, None, tuple[Pool, Exhibit]]:
    """The records of the settings, ready for a fleet. `faces`: already opened."""
    if tabular_data(settings.data):
        records = yield from load_records(settings.data)
        return _records_pool(records, settings)
    assert isinstance(recipe, TrainSettings)
    if faces is None:
        faces = yield from source.load(settings.data)
    yield Step(0, 1, "choosing records")
    if settings.preset == "leaky":
        rows = leaky_rows(faces, settings)
        return _faces_pool(faces.subset(rows), settings, share=0.5, public=PUBLIC)
    return _faces_pool(choose_faces(faces, recipe), settings, share=0.74, public=0.0)


def leaky_rows(faces: Faces, settings: MembershipSettings) -> NDArray[np.int64]:
    """One photo a person, the classes balanced; `records` of them, or all."""
    rng = np.random.default_rng([settings.seed, 43])
    order = rng.permutation(len(faces))
    _, first = np.unique(faces.person[order], return_index=True)
    one_each = order[np.sort(first)]
    sides = [one_each[faces.task.codes[one_each] == c] for c in (0, 1)]
    most = min(len(s) for s in sides)
    count = min(most, settings.records // 2 or most)
    if 2 * count < LEAST:
        raise BadInput(f"at least {LEAST} people, half of each class", f"{2 * count}", "Use a larger data set.")
    return np.sort(np.concatenate([s[:count] for s in sides]))


def _faces_pool(faces: Faces, settings: MembershipSettings, share: float, public: float) -> tuple[Pool, Exhibit]:
    key = fingerprint(
        "faces", settings.data, source.identity(settings.data), settings.preset, settings.records, settings.seed, len(faces)
    )
    x = shrink(faces).contiguous().numpy()
    pool = Pool(
        x,
        faces.task.codes.astype(np.int64),
        faces.person,
        _public(faces.person, public, settings.seed),
        len(faces.task.classes),
        key,
        share,
    )
    names = tuple(faces.people[p].replace("_", " ") for p in faces.person)
    return pool, Exhibit(faces.provenance.title, faces.images, names, faces.task.classes, faces.provenance)


def _records_pool(records: Records, settings: MembershipSettings) -> tuple[Pool, Exhibit]:
    rng = np.random.default_rng([settings.seed, 43])
    count = min(len(records), settings.records or _usual(records))
    rows = np.sort(rng.permutation(len(records))[:count])
    group = np.arange(count)
    pool = Pool(
        records.x[rows], records.y[rows], group, _public(group, PUBLIC, settings.seed), len(records.classes),
        fingerprint(records.name, records_identity(settings.data), settings.seed, count),
    )  # fmt: skip
    names = tuple(f"record {r + 1}" for r in rows)
    return pool, Exhibit(records.provenance.title, None, names, records.classes, records.provenance, records.columns)


def _usual(records: Records) -> int:
    """Location-30's target was trained on 1,200 records (Shokri et al. 2017); others take all up to ten thousand."""
    return 2600 if records.name == "location" else 10_000


def _public(group: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    groups = np.unique(group)
    chosen = np.random.default_rng([seed, 44]).permutation(groups)[: round(share * len(groups))]
    return np.isin(group, chosen)


def train_target(
    pool: Pool, recipe: Recipe, settings: MembershipSettings, executor: Executor | None = None
) -> Generator[Step, None, Subject]:
    """Train the target on its own half, logging every record's loss over the epochs, as a trainer could.

    A picture net is trained by a worker of `executor`, where there is one, in a thread of its own like every shadow.
    """
    started, seed = now(), shadow_seed(settings.seed, -1)
    task = Task(str(lay_out(pool, recipe, settings.seed)), recipe, settings.seed, (-1,), pool.share, pool.classes)
    future = executor.submit(fit_target, task) if executor is not None and isinstance(recipe, TrainSettings) else None
    yield Step(0, 1, "training the target")
    if future is None:
        found = fit_target(task)
    else:
        while not future.done():
            wait([future], timeout=0.25)
            yield Step(0, 1, "training the target")
        found = future.result()
    weights = {name: torch.from_numpy(value) for name, value in found.weights.items()}
    if isinstance(recipe, TrainSettings):
        net, fresh = ConvNet(recipe.net, torch.Generator()), ConvNet(recipe.net, torch.Generator().manual_seed(seed * 2))
        net.load_state_dict(weights)
        answer, untrained = _answers(net.eval()), _answers(fresh.eval())
    else:
        first = tabular.initial(pool.x.shape[1], pool.classes, recipe, [seed])
        answer, untrained = _table_answers([weights[str(i)] for i in range(4)]), _table_answers(first)
    about = {"recipe": type(recipe).__name__, "settings": recipe.as_dict(), "membership": settings.as_dict(), "classes": pool.classes,
             "input": list(pool.x.shape[1:]), "dtype": str(pool.x.dtype)}  # fmt: skip
    key = key_of(settings, recipe)
    return Subject(key, pool.members(settings.seed, -1), answer, untrained, found.trace, weights, about, now() - started)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained target as plain arrays, so that it can come from anywhere."""

    weights: dict[str, NDArray[np.float32]]
    trace: NDArray[np.float64]


def fit_target(task: Task) -> Fitted:
    """Train the target of a fleet's folder; runs in a worker. trace [e, n]: losses after every second epoch, ten times at most."""
    x, y, group, public = task.arrays()
    rows, seed = np.flatnonzero(draw_members(group, public, task.share, task.seed, -1)), shadow_seed(task.seed, -1)
    trace, epochs, every = list[NDArray[np.float64]](), itertools.count(), max(2, -(-task.recipe.epochs // 10))

    def log(answers: Callable[[], Logits]) -> None:
        if next(epochs) % every == 0:
            trace.append(_losses(answers(), y))

    if isinstance(task.recipe, TrainSettings):
        net = train_once(x, y, rows, task.recipe, seed, lambda n: log(lambda: picture_answers(n, x, mirror=False, low=True)[0]))
        weights = {k: v.contiguous().numpy() for k, v in net.state_dict().items()}
    else:
        stack = tabular.train(x, y, [rows], task.recipe, [seed], task.classes, lambda w: log(lambda: tabular.logits(w, x)[0]))
        weights = {str(i): w.contiguous().numpy() for i, w in enumerate(stack)}
    return Fitted(weights, np.array(trace))


def of_run(target: Target, pool: Pool) -> Subject:
    """A run of the train page as a target: what it was trained on is its own split's secret."""
    inside = np.zeros(len(pool), bool)
    inside[target.split.members] = True
    nets = {epoch: target.net(epoch) for epoch in target.states}
    trace = np.array(
        [_losses(picture_answers(net, pool.x, mirror=False)[0], pool.y) for epoch, net in sorted(nets.items()) if epoch]
    )
    about = {"recipe": "TrainSettings", "settings": target.settings.as_dict(), "classes": pool.classes, "input": list(pool.x.shape[1:]),
             "dtype": str(pool.x.dtype)}  # fmt: skip
    last = max(nets)
    return Subject(target.key, inside, _answers(nets[last]), _answers(nets[0]), trace, target.states[last], about, target.seconds)


def _losses(logits: Logits, y: NDArray[np.int64]) -> NDArray[np.float64]:
    z = logits.astype(np.float64)
    z = z - z.max(1, keepdims=True)
    return np.asarray(np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y])


def _answers(net: ConvNet) -> Callable[[NDArray[Any]], Logits]:
    return lambda x: picture_answers(net, x.astype(np.uint8, copy=False), mirror=False)[0]


def _table_answers(weights: tabular.Weights) -> Callable[[NDArray[Any]], Logits]:
    return lambda x: tabular.logits(weights, x.astype(np.float32, copy=False))[0]


