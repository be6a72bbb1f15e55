"""Where files lie: data that a user has, and caches and runs that mlleak makes."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir, user_data_dir


def data_home() -> Path:
    """Folder of downloaded data sets: MLLEAK_DATA_HOME, else the user's data folder. May be read-only."""
    return Path(os.environ.get("MLLEAK_DATA_HOME") or user_data_dir("mlleak"))


def cache_home() -> Path:
    """Folder of decoded data and compiled code: MLLEAK_CACHE_HOME, else the user's cache folder."""
    return Path(os.environ.get("MLLEAK_CACHE_HOME") or user_cache_dir("mlleak"))


def runs_home() -> Path:
    """Folder of finished runs."""
    return cache_home() / "runs"


def compiled_home() -> Path:
    """Folder of numba's compiled code: NUMBA_CACHE_DIR, else within the caches. It goes into the environment, where numba looks."""
    return Path(os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_home() / "numba")))
