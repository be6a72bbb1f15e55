"""Decoded arrays on disk: made once, memory-mapped after, written atomically."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import Step
from mlleak_core.language import say

PATIENCE = 120.0
"""Seconds that one process waits for another, whose job may be paused."""

_here: set[Path] = set()
"""What this process holds. Its other threads do not wait for it: whoever holds it may be a paused job."""

Making = Callable[[], Generator[Step, None, NDArray[Any]]]


def array(key: str, make: Making) -> Generator[Step, None, NDArray[Any]]:
    """The array called `key`: from disk where it lies, else made, kept and memory-mapped, by one process
    while others wait.

    A cache that cannot be written costs the next start its speed, nothing else: the array is then kept in
    memory.
    """
    path = disk.cache_home() / "data" / f"{key}.npy"
    if (kept := disk.read_array(path, mapped=True)) is not None:
        return kept
    with contextlib.ExitStack() as held:
        yield from _take_turn(path, held)
        if (kept := disk.read_array(path, mapped=True)) is not None:  # made while we waited
            return kept
        made = yield from make()
        try:
            disk.write_array(path, made)
            return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except OSError as problem:
            yield Step(
                1,
                1,
                say("the pictures are kept in memory, cannot write {problem}", problem=disk.refused(problem)),
            )
            made.flags.writeable = False
            return made


def _take_turn(path: Path, held: contextlib.ExitStack) -> Generator[Step, None, None]:
    """Hold the lock beside `path` until `held` ends; where there is none to be had, go on without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock, end = FileLock(path.with_suffix(".lock"), thread_local=False), time.monotonic() + PATIENCE
        while path not in _here and time.monotonic() < end:
            try:
                held.enter_context(lock.acquire(blocking=False))
                _here.add(path)
                held.callback(_here.discard, path)
                return
            except Timeout:
                yield Step(0, 1, say("another process is making the same pictures: waiting for it"))
                time.sleep(0.1)
    except (OSError, NotImplementedError):
        return
