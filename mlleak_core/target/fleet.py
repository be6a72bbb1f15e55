"""Many shadow models through one Executor: processes here, a Dask cluster elsewhere; same seeds, same numbers.

A shadow is kept on disk as soon as it is finished, so that a killed server, a stopped run or a lost worker costs
the shadows in flight and nothing else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Diverged, Step, Stop, fingerprint
from mlleak_core.disk import cache_home
from mlleak_core.seeds import stream
from mlleak_core.target.settings import TableSettings, TrainSettings

BLOCK = 16
"""Shadows of tabular nets that are trained as one stack."""
Recipe = TrainSettings | TableSettings


@dataclass(frozen=True, eq=False)
class Pool:
    """The records that target and shadows draw from.

    x [n, ...]: uint8 pictures [n, 3, 32, 32] or float32 features [n, d]; y [n] in 0..classes-1; group [n]: records of one
    group (a person) are in or out together; public [n]: never trained on by anybody, the attacker's own population.
    share: how much of the rest a model is trained on.
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
    def pictures(self) -> bool:
        return self.x.ndim == 4

    def members(self, seed: int, index: int) -> NDArray[np.bool_]:
        """Who model `index` is trained on [n]; -1 is the target. Every model draws for itself.

        A balanced design (each record in exactly half of the shadows) would give the target's own draw away: its members
        would be missing from the shadows.
        """
        return draw_members(self.group, self.public, self.share, seed, index)


def draw_members(group: NDArray[np.int64], public: NDArray[np.bool_], share: float, seed: int, index: int) -> NDArray[np.bool_]:
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
        x = np.load(folder / "x.npy", mmap_mode="r", allow_pickle=False)
        y, group, public = (np.load(folder / f"{part}.npy", allow_pickle=False) for part in ("y", "group", "public"))
        return x, y, group, public


@dataclass(frozen=True, eq=False)
class Fleet:
    """Finished shadows: indices [k]; inside [k, n], who each was trained on; logits [k, q, n, c] of all records.

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
    """One thread a process: two shadows on two cores beat one shadow on two. Pages come first. Imports now, not at the first task."""
    import torch

    from mlleak_core.target.training import rehearse

    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)
    rehearse()


def processes(workers: int | None = None) -> Executor:
    """This machine's executor: one process a core, each with one torch thread. The caller closes it.

    loky's, since the standard library's would run the caller's main script again in every worker: a page, here.
    """
    from loky import ProcessPoolExecutor
    from loky.backend import get_context

    return ProcessPoolExecutor(workers or os.cpu_count() or 2, context=get_context("loky"), initializer=quiet_worker)  # type: ignore[no-any-return]


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
        raise BadInput("the package `distributed` for a cluster", "none installed", "pip install distributed.") from error
    try:
        client = Client(address, timeout=5)
    except (OSError, ValueError, TimeoutError) as error:
        raise BadInput(
            f"a Dask scheduler at {address}", f"no answer ({type(error).__name__})", "Start one, or leave --cluster out."
        ) from error
    return client.get_executor()  # type: ignore[no-any-return]


def train_block(task: Task) -> tuple[NDArray[np.bool_], NDArray[np.float32], float]:
    """Train a block of shadows in a worker: inside [k, n], logits [k, q, n, c], seconds."""
    import time

    started = time.perf_counter()
    x, y, group, public = task.arrays()
    inside = np.stack([draw_members(group, public, task.share, task.seed, i) for i in task.indices])
    seeds = [shadow_seed(task.seed, i) for i in task.indices]
    if isinstance(task.recipe, TrainSettings):
        answers = [_picture_shadow(x, y, m, task.recipe, s) for m, s in zip(inside, seeds, strict=True)]
        return inside, np.stack(answers), time.perf_counter() - started
    from mlleak_core.target import tabular

    weights = tabular.train(x, y, [np.flatnonzero(m) for m in inside], task.recipe, seeds, task.classes)
    return inside, tabular.logits(weights, x)[:, None], time.perf_counter() - started


def shadow_seed(seed: int, index: int) -> int:
    """First weights and order of model `index`; -1 is the target."""
    return int(stream(seed, "seed of a model", index + 1).integers(2**31))


def _picture_shadow(
    x: NDArray[np.uint8], y: NDArray[np.int64], inside: NDArray[np.bool_], recipe: TrainSettings, seed: int
) -> NDArray[np.float32]:
    from mlleak_core.target.training import picture_answers, train_once

    net = train_once(x, y, np.flatnonzero(inside), recipe, seed)
    return picture_answers(net, x)


def train(
    pool: Pool, recipe: Recipe, seed: int, count: int, executor: Executor | None = None, fresh: bool = False
) -> Generator[Step, None, Fleet]:
    """Train `count` shadows; each Step's peek carries the `Fleet` so far. Throwing `Stop` in keeps what is finished.

    Without an executor they are trained here, one after another. Shadows kept from before are taken up unless `fresh`.
    """
    folder = lay_out(pool, recipe, seed)
    done = {i: found for i in range(0 if fresh else count) if (found := _kept(folder, i, len(pool))) is not None}
    missing = [i for i in range(count) if i not in done]
    size = 1 if isinstance(recipe, TrainSettings) else min(BLOCK, max(1, -(-len(missing) // 2)))
    tasks = [
        Task(str(folder), recipe, seed, tuple(missing[i : i + size]), pool.share, pool.classes)
        for i in range(0, len(missing), size)
    ]
    lost: list[str] = []
    seconds = 0.0
    source = _serially(tasks) if executor is None or (size > 1 and _is_local(executor)) else _spread(tasks, executor)
    try:
        yield Step(len(done), count, "shadows", {"fleet": _fleet(done, seconds, lost)} if done else None)
        for outcome in source:
            if outcome is not None:
                seconds += _take_in(outcome, done, lost, folder)
            yield Step(len(done), count, "training shadows", {"fleet": _fleet(done, seconds, lost)} if done else None)
    except Stop:
        pass
    finally:
        source.close()
    if not done:
        raise (
            Stop
            if not lost
            else BadInput("shadows that train", "; ".join(lost[:3]), "Lower the learning rate, or use other records.")
        )
    return _fleet(done, seconds, lost)


Outcome = tuple[Task, tuple[NDArray[np.bool_], NDArray[np.float32], float] | Exception] | None


def _serially(tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
    for task in tasks:
        yield task, _attempt(task)


def _attempt(task: Task) -> Any:
    try:
        return train_block(task)
    except Diverged as problem:
        return problem


def _spread(tasks: Sequence[Task], executor: Executor) -> Generator[Outcome, None, None]:
    """Give all tasks out now; results as they come."""
    return _collect({executor.submit(_attempt, task): task for task in tasks}, executor)


def _collect(waiting: dict[Future[Any], Task], executor: Executor) -> Generator[Outcome, None, None]:
    """Results as they come; None now and then, so that the caller can stop. A lost task is given out once more."""
    given_up: set[Task] = set()
    try:
        while waiting:
            finished, _ = wait(waiting, timeout=0.25, return_when=FIRST_COMPLETED)
            if not finished:
                yield None
            for future in finished:
                task = waiting.pop(future)
                try:
                    yield task, future.result()
                except (BrokenProcessPool, CancelledError, OSError) as problem:
                    if task in given_up or isinstance(problem, BrokenProcessPool):
                        yield (
                            task,
                            RuntimeError(f"a worker died ({type(problem).__name__}); press again to train what is missing"),
                        )
                    else:
                        given_up.add(task)
                        waiting[executor.submit(_attempt, task)] = task
    finally:
        for future in waiting:
            future.cancel()


def _take_in(outcome: Any, done: dict[int, Any], lost: list[str], folder: Path) -> float:
    task, result = outcome
    if isinstance(result, Exception):
        lost.append(f"shadow {task.indices[0]}: {result}")
        return 0.0
    inside, logits, seconds = result
    for at, index in enumerate(task.indices):
        done[index] = (inside[at], logits[at])
        _keep(folder, index, inside[at], logits[at])
    return float(seconds)


def _fleet(done: dict[int, Any], seconds: float, lost: Sequence[str]) -> Fleet:
    indices = tuple(sorted(done))
    return Fleet(indices, np.stack([done[i][0] for i in indices]), np.stack([done[i][1] for i in indices]), seconds, tuple(lost))


def lay_out(pool: Pool, recipe: Recipe, seed: int) -> Path:
    """The fleet's folder, with the pool where the workers can map it."""
    folder = (
        cache_home() / "fleets" / fingerprint(1, pool.key, pool.share, type(recipe).__name__, recipe, seed, list(pool.x.shape))
    )
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("x", "y", "group", "public"):
        if not (folder / f"{part}.npy").is_file():
            _write(folder / f"{part}.npy", getattr(pool, part))
    return folder


def _keep(folder: Path, index: int, inside: NDArray[np.bool_], logits: NDArray[np.float32]) -> None:
    try:
        _write(folder / f"in-{index}.npy", inside)
        _write(folder / f"shadow-{index}.npy", logits)
    except OSError:
        pass  # a full disk costs the next start its speed, not this run


def _kept(folder: Path, index: int, n: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]] | None:
    try:
        inside = np.load(folder / f"in-{index}.npy", allow_pickle=False)
        logits = np.load(folder / f"shadow-{index}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    sound = inside.shape == (n,) and logits.ndim == 3 and logits.shape[1] == n and np.isfinite(logits).all()
    return (inside, logits) if sound else None


def _write(path: Path, array: NDArray[Any]) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        np.save(file, array, allow_pickle=False)
    Path(file.name).replace(path)
