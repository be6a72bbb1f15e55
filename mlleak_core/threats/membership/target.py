"""The target: trained here on a half that only the judge will know, or a run of the train page.

Light to import: no torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Step
from mlleak_core.language import say
from mlleak_core.target.fleet import TICK, Pool, Task, draw_members, lay_out, shadow_seed
from mlleak_core.target.kinds import Answer, Logits, Recipe, Weights, answers_of, kind_of
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.pool import key_of, recipe_for

if TYPE_CHECKING:
    from mlleak_core.target.training import Target

TARGET = -1
"""The target's number among the models of a fleet."""
LOOKS = 10
"""How often at most the losses are logged while it trains."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """The target. inside [n]: who it was trained on. trace [e, n]: each record's loss over the epochs.

    answer, untrained: the trained model, and the same net before training. weights, about: as the store keeps
    a bare model; empty where the run is kept already.
    """

    key: str
    inside: NDArray[np.bool_]
    answer: Answer
    untrained: Answer
    trace: NDArray[np.float64]
    weights: Weights
    about: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained target as plain arrays, so that it can come from anywhere."""

    weights: Weights
    trace: NDArray[np.float64]


def train_target(
    pool: Pool, settings: MembershipSettings, executor: Executor | None = None
) -> Generator[Step, None, Subject]:
    """Train the target on its own half, logging every record's loss over the epochs, as a trainer could.

    What takes a while is done by a worker of `executor`, where there is one, in a thread of its own like
    every shadow.
    """
    recipe, seed = recipe_for(settings), shadow_seed(settings.seed, TARGET)
    folder = lay_out(pool, recipe, settings.seed)
    task = Task(str(folder), recipe, settings.seed, (TARGET,), pool.share, pool.classes)
    kind = kind_of(recipe)
    found = yield from _fitted(task, None if kind.stacked else executor)
    return Subject(
        key=key_of(settings),
        inside=pool.members(settings.seed, TARGET),
        answer=kind.answers(found.weights, recipe.as_dict()),
        untrained=kind.untrained(pool.x, recipe, seed, pool.classes),
        trace=found.trace,
        weights=found.weights,
        about=_about(pool, recipe, settings),
    )


def _fitted(task: Task, executor: Executor | None) -> Generator[Step, None, Fitted]:
    """The task done, here or by a worker."""
    future = executor.submit(fit_target, task) if executor is not None else None
    yield Step(0, 1, say("training the target"))
    if future is None:
        return fit_target(task)
    while not future.done():
        wait([future], timeout=TICK)
        yield Step(0, 1, say("training the target"))
    return future.result()


def _about(pool: Pool, recipe: Recipe, settings: MembershipSettings) -> dict[str, Any]:
    """What `serve` must know of a bare model."""
    return {
        "recipe": kind_of(recipe).name,
        "settings": recipe.as_dict(),
        "membership": settings.as_dict(),
        "classes": pool.classes,
        "input": list(pool.x.shape[1:]),
        "dtype": str(pool.x.dtype),
    }


def fit_target(task: Task) -> Fitted:
    """Train the target of a fleet's folder; runs in a worker. trace [e, n]: losses after every second epoch,
    `LOOKS` times at most.
    """
    x, y, group, public = task.arrays()
    rows = np.flatnonzero(draw_members(group, public, task.share, task.seed, TARGET))
    seed = shadow_seed(task.seed, TARGET)
    trace: list[NDArray[np.float64]] = []
    epochs, every = itertools.count(), max(2, -(-task.recipe.epochs // LOOKS))

    def log(answer: Answer) -> None:
        if next(epochs) % every == 0:
            trace.append(_losses(answer(x), y))

    weights = kind_of(task.recipe).fit(x, y, rows, task.recipe, seed, task.classes, log)
    return Fitted(weights, np.array(trace))


def of_run(target: Target, pool: Pool) -> Subject:
    """A run of the train page as a target: what it was trained on is its own split's secret."""
    inside = np.zeros(len(pool), bool)
    inside[target.split.members] = True
    answers = {epoch: answers_of(target.net(epoch)) for epoch in sorted(target.states)}
    return Subject(
        key=target.key,
        inside=inside,
        answer=answers[max(answers)],
        untrained=answers[0],
        trace=np.array([_losses(answer(pool.x), pool.y) for epoch, answer in answers.items() if epoch]),
        weights={},
        about={},
    )


def _losses(logits: Logits, y: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cross-entropy of each record, [n]."""
    z = logits.astype(np.float64)
    z = z - z.max(1, keepdims=True)
    return np.asarray(np.log(np.exp(z).sum(1)) - z[np.arange(len(y)), y])
