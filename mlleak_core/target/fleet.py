"""Many shadow models through one Executor: processes here, a Dask cluster elsewhere; same seeds, same
numbers.

A shadow is kept on disk as soon as it is finished, so that a killed server, a stopped run or a lost worker
costs the shadows in flight and nothing else. Light to import: no torch.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Diverged, Step, Stop, fingerprint
from mlleak_core.disk import cache_home, read_array, write_array
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.kinds import Kind, Recipe, kind_of, of_inputs

BLOCK = 16
"""Shadows that are trained as one stack, where their kind allows it."""
TICK = 0.25
"""Seconds after which a step is given although nothing came, so that whoever drives it can stop."""
PARTS = ("x", "y", "group", "public")
"""Of a pool, as they lie in its folder."""
Trained = tuple[NDArray[np.bool_], NDArray[np.float32], float]
"""A finished block: inside [k, n], logits [k, q, n, c], seconds."""
Shadow = tuple[NDArray[np.bool_], NDArray[np.float32]]
"""A finished shadow: who it was trained on [n], its answers [q, n, c]."""


@dataclass(frozen=True, eq=False)
class Pool:
    """The records that target and shadows draw from.

    x [n, ...]: uint8 pictures [n, 3, 32, 32] or float32 features [n, d]; y [n] in 0..classes-1; group [n]:
    records of one group (a person) are in or out together; public [n]: never trained on by anybody, the
    attacker's own population. share: how much of the rest a model is trained on.
    """

    x: NDArray[Any]
    y: NDArray[np.int64]
    group: NDArray[np.int64]
    public: NDArray[np.bool_]
    classes: int
    key: str
    share: float = 0.5

    def __len__(self) -> int:
        return len(self.x)

    @property
    def kind(self) -> Kind:
        return of_inputs(self.x)

    @property
    def candidates(self) -> NDArray[np.int64]:
        """The records that may be trained on."""
        return np.flatnonzero(~self.public)

    def members(self, seed: int, index: int) -> NDArray[np.bool_]:
        """Who model `index` is trained on [n]; -1 is the target. Every model draws for itself.

        A balanced design (each record in exactly half of the shadows) would give the target's own draw away:
        its members would be missing from the shadows.
        """
        return draw_members(self.group, self.public, self.share, seed, index)


def draw_members(
    group: NDArray[np.int64], public: NDArray[np.bool_], share: float, seed: int, index: int
) -> NDArray[np.bool_]:
    """Whole groups of the records that are not public, in random order, until `share` of them are in: [n]."""
    groups = np.unique(group[~public])
    order = stream(seed, "members of a model", index + 1).permutation(groups)
    chosen = order[: max(1, round(share * len(groups)))]
    return np.isin(group, chosen) & ~public


@dataclass(frozen=True)
class Task:
    """A block of shadows, small enough to send anywhere; the pool lies in a folder that all workers see."""

    folder: str
    recipe: Recipe
    seed: int
    indices: tuple[int, ...]
    share: float
    classes: int

    def arrays(self) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """x, y, group and public of the pool; x is mapped, not read."""
        folder = Path(self.folder)
        found = [read_array(folder / f"{part}.npy", mapped=part == "x") for part in PARTS]
        if any(part is None for part in found):
            expected = say("the pool's arrays in {folder}", folder=str(folder))
            remedy = say("Is the cache folder on a disk that all workers see?")
            raise BadInput(expected, say("none that can be read"), remedy)
        x, y, group, public = found
        return x, y, group, public  # type: ignore[return-value]


@dataclass(frozen=True, eq=False)
class Fleet:
    """Finished shadows: indices [k]; inside [k, n], who each was trained on; logits [k, q, n, c] of all
    records.

    q: the record itself and, for pictures, its mirror image. lost: why some are missing.
    """

    indices: tuple[int, ...]
    inside: NDArray[np.bool_]
    logits: NDArray[np.float32]
    seconds: float
    lost: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)


def quiet_worker() -> None:
    """One thread a process: two shadows on two cores beat one shadow on two. Pages come first. Imports now,
    not at the first task.
    """
    import torch

    from mlleak_core.target.training import rehearse

    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)
    rehearse()


def processes(workers: int | None = None) -> Executor:
    """This machine's executor: one process a core, each with one torch thread. The caller closes it.

    loky's, since the standard library's would run the caller's main script again in every worker: a page,
    here.
    """
    from loky import ProcessPoolExecutor
    from loky.backend import get_context

    count, context = workers or os.cpu_count() or 2, get_context("loky")
    return ProcessPoolExecutor(count, context=context, initializer=quiet_worker)  # type: ignore[no-any-return]


def _is_local(executor: Executor) -> bool:
    """A stack of small nets is trained before a process of this machine has started."""
    return type(executor).__module__.startswith("loky")


def close(executor: Executor) -> None:
    """Let go of an executor at once, what is still in flight included."""
    if _is_local(executor):
        executor.shutdown(wait=False, kill_workers=True)  # type: ignore[call-arg]
    else:
        executor.shutdown(wait=False)


def cluster(address: str) -> Executor:
    """The executor of a Dask scheduler. Raises BadInput when nobody answers there."""
    try:
        from distributed import Client
    except ImportError as error:
        remedy = "pip install distributed."
        raise BadInput("the package `distributed` for a cluster", "none installed", remedy) from error
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError, TimeoutError) as error:
        got = f"no answer ({type(error).__name__})"
        raise BadInput(f"a Dask scheduler at {address}", got, "Start one, or leave --cluster out.") from error
    return client.get_executor()  # type: ignore[no-any-return]


def train_block(task: Task) -> Trained:
    """Train a block of shadows in a worker."""
    started = time.perf_counter()
    x, y, group, public = task.arrays()
    inside = np.stack([draw_members(group, public, task.share, task.seed, i) for i in task.indices])
    members = [np.flatnonzero(m) for m in inside]
    seeds = [shadow_seed(task.seed, i) for i in task.indices]
    logits = kind_of(task.recipe).shadows(x, y, members, task.recipe, seeds, task.classes)
    return inside, logits, time.perf_counter() - started


def shadow_seed(seed: int, index: int) -> int:
    """First weights and order of model `index`; -1 is the target."""
    return int(stream(seed, "seed of a model", index + 1).integers(2**31))


def train(
    pool: Pool, recipe: Recipe, seed: int, count: int, executor: Executor | None = None, fresh: bool = False
) -> Generator[Step, None, Fleet]:
    """Train `count` shadows; each Step's peek carries the `Fleet` so far. Throwing `Stop` in keeps what is
    finished.

    Without an executor they are trained here, one after another. Shadows kept from before are taken up unless
    `fresh`.
    """
    run = _Run(lay_out(pool, recipe, seed), len(pool), count, fresh)
    tasks = run.tasks(pool, recipe, seed)
    if executor is None or (kind_of(recipe).stacked and _is_local(executor)):
        source = _serially(tasks)
    else:
        source = _spread(tasks, executor)
    try:
        yield run.step(say("shadows"))
        for outcome in source:
            run.take_in(outcome)
            yield run.step(say("training shadows"))
    except Stop:
        pass
    finally:
        source.close()
    if not run.done and not run.lost:
        raise Stop
    if not run.done:
        reasons = "; ".join(run.lost[:3])
        remedy = say("Lower the learning rate, or use other records.")
        raise BadInput(say("shadows that train"), reasons, remedy)
    return run.fleet()


Outcome = tuple[Task, Trained | Exception] | None


class _Run:
    """What has become of a fleet so far: done, a shadow each; lost, why some are missing."""

    def __init__(self, folder: Path, records: int, count: int, fresh: bool) -> None:
        self.folder, self.count = folder, count
        kept = {} if fresh else {i: _kept(folder, i, records) for i in range(count)}
        self.done: dict[int, Shadow] = {i: shadow for i, shadow in kept.items() if shadow is not None}
        self.lost: list[str] = []
        self.seconds = 0.0

    def tasks(self, pool: Pool, recipe: Recipe, seed: int) -> list[Task]:
        """What is missing, in blocks."""
        missing = [i for i in range(self.count) if i not in self.done]
        size = min(BLOCK, max(1, -(-len(missing) // 2))) if kind_of(recipe).stacked else 1
        blocks = [tuple(missing[i : i + size]) for i in range(0, len(missing), size)]
        return [Task(str(self.folder), recipe, seed, block, pool.share, pool.classes) for block in blocks]

    def take_in(self, outcome: Outcome) -> None:
        if outcome is None:
            return
        task, result = outcome
        if isinstance(result, Exception):
            lost = say("shadow {number}: {problem}", number=task.indices[0], problem=str(result))
            self.lost.append(lost)
            return
        inside, logits, seconds = result
        self.seconds += float(seconds)
        for index, *shadow in zip(task.indices, inside, logits, strict=True):
            self.done[index] = (shadow[0], shadow[1])
            _keep(self.folder, index, self.done[index])

    def fleet(self) -> Fleet:
        indices = tuple(sorted(self.done))
        inside = np.stack([self.done[i][0] for i in indices])
        logits = np.stack([self.done[i][1] for i in indices])
        return Fleet(indices, inside, logits, self.seconds, tuple(self.lost))

    def step(self, note: str) -> Step:
        return Step(len(self.done), self.count, note, {"fleet": self.fleet()} if self.done else None)


def _serially(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
    for task in tasks:
        yield task, _attempt(task)


def _attempt(task: Task) -> Trained | Diverged:
    try:
        return train_block(task)
    except Diverged as problem:
        return problem


def _spread(tasks: Sequence[Task], executor: Executor) -> Generator[Outcome, None, None]:
    """Give all tasks out now; results as they come."""
    return _collect({executor.submit(_attempt, task): task for task in tasks}, executor)


def _collect(waiting: dict[Future[Any], Task], executor: Executor) -> Generator[Outcome, None, None]:
    """Results as they come; None now and then, so that the caller can stop. A lost task is given out once
    more.
    """
    given_up: set[Task] = set()
    try:
        while waiting:
            finished, _ = wait(waiting, timeout=TICK, return_when=FIRST_COMPLETED)
            if not finished:
                yield None
            for future in finished:
                task = waiting.pop(future)
                try:
                    yield task, future.result()
                except (BrokenProcessPool, CancelledError, OSError) as problem:
                    if task in given_up or isinstance(problem, BrokenProcessPool):
                        yield task, _died(problem)
                    else:
                        given_up.add(task)
                        waiting[executor.submit(_attempt, task)] = task
    finally:
        for future in waiting:
            future.cancel()


def _died(problem: BaseException) -> RuntimeError:
    name = type(problem).__name__
    return RuntimeError(say("a worker died ({problem}); press again to train what is missing", problem=name))


def lay_out(pool: Pool, recipe: Recipe, seed: int) -> Path:
    """The fleet's folder, with the pool where the workers can map it."""
    shape, name = list(pool.x.shape), kind_of(recipe).name
    key = fingerprint(1, pool.key, pool.share, name, recipe, seed, shape)
    folder = cache_home() / "fleets" / key
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if not (folder / f"{part}.npy").is_file():
            write_array(folder / f"{part}.npy", getattr(pool, part))
    return folder


def _keep(folder: Path, index: int, shadow: Shadow) -> None:
    """A full disk costs the next start its speed, not this run."""
    with contextlib.suppress(OSError):
        write_array(folder / f"in-{index}.npy", shadow[0])
        write_array(folder / f"shadow-{index}.npy", shadow[1])


def _kept(folder: Path, index: int, n: int) -> Shadow | None:
    """A shadow of an earlier run; None where there is none, or not a sound one."""
    inside = read_array(folder / f"in-{index}.npy")
    logits = read_array(folder / f"shadow-{index}.npy")
    if inside is None or logits is None:
        return None
    sound = inside.shape == (n,) and logits.ndim == 3 and logits.shape[1] == n
    return (inside, logits) if sound and np.isfinite(logits).all() else None
