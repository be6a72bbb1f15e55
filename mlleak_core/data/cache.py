"""Decoded arrays on disk: made once, memory-mapped after, written atomically."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Step
from mlleak_core.places import cache_home

Making = Callable[[], Generator[Step, None, NDArray[Any]]]


def array(key: str, make: Making) -> Generator[Step, None, NDArray[Any]]:
    """The array called `key`: from disk where it lies, else made, kept and memory-mapped.

    A cache that cannot be written costs the next start its speed, nothing else: the array is then kept in memory.
    """
    path = cache_home() / "data" / f"{key}.npy"
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        made = yield from make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
            np.save(file, made, allow_pickle=False)
        Path(file.name).replace(path)
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except OSError:
        yield Step(1, 1, f"cannot write {path.parent}: keeping the pictures in memory")
        made.flags.writeable = False
        return made
