"""Where files lie, and the only writer of them: a draft first, then renamed; nothing half written is ever
seen.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_dir, user_data_dir
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mlleak_core.contract import BadInput
from mlleak_core.language import say

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DRAFT, ASIDE = ".draft-", ".aside-"
"""What is being written, and what it is about to replace."""
A_DAY = 24 * 3600.0
Arrays = Mapping[str, NDArray[Any]]
FULL = (errno.ENOSPC, errno.EDQUOT)
SPENT = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN)
DAMAGE = (KeyError, TypeError, ValueError, OSError, EOFError, SafetensorError)
"""What reading a damaged file raises."""


def expanded(path: str) -> Path:
    """A path as somebody wrote it, with `~` as the home folder it stands for. Raises BadInput."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(
            say("the home folder of somebody known here"), repr(path[:80]), say("Write it out.")
        ) from error


def given(path: str) -> Path:
    """The path of somebody's data, there or not. Raises BadInput where no such path can be."""
    found = expanded(path)
    try:
        found.exists()
    except (OSError, ValueError) as error:
        got = f"{path[:80]!r} ({getattr(error, 'strerror', None) or error})"
        raise BadInput(
            say("a path that can be looked at"), got, say("Name an existing folder or table.")
        ) from error
    return found


def data_home() -> Path:
    """Folder of downloaded data sets: MLLEAK_DATA_HOME, else the user's data folder. May be read-only."""
    return expanded(os.environ.get("MLLEAK_DATA_HOME") or user_data_dir("mlleak"))


def cache_home() -> Path:
    """Folder of decoded data and compiled code: MLLEAK_CACHE_HOME, else the user's cache folder."""
    return expanded(os.environ.get("MLLEAK_CACHE_HOME") or user_cache_dir("mlleak"))


def runs_home() -> Path:
    """Folder of finished runs."""
    return cache_home() / "runs"


def compiled_home() -> Path:
    """Folder of numba's compiled code: NUMBA_CACHE_DIR, else within the caches; put where numba looks."""
    home = expanded(os.environ.get("NUMBA_CACHE_DIR") or str(cache_home() / "numba"))
    os.environ["NUMBA_CACHE_DIR"] = str(home)
    return home


def refused(problem: OSError) -> str:
    """What the machine refused, in a sentence, and one more with the remedy."""
    file = str(problem.filename or "")
    what = ": ".join(filter(None, [file, str(problem.strerror or problem)]))
    if problem.errno in FULL:
        return say("{what}. Free some space, or set MLLEAK_CACHE_HOME to a folder that has it.", what=what)
    if problem.errno in SPENT:
        return say("{what}. Free some memory and try again.", what=what)
    if Path(file).is_relative_to(cache_home()):
        return say("{what}. Set MLLEAK_CACHE_HOME to a folder that can be written.", what=what)
    return say("{what}. Look whether it is there and may be used, or name another.", what=what)


@contextlib.contextmanager
def draft(home: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of `home` once all of it is written; else nothing is
    left.

    What was there before is moved aside first: whoever is killed between the two leaves it to `tidy`.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=DRAFT, dir=home.parent))
    aside = home.with_name(ASIDE + home.name)
    try:
        with _at_work(folder):
            yield folder
            if home.exists():
                shutil.rmtree(aside, ignore_errors=True)
                home.replace(aside)
            folder.replace(home)
        shutil.rmtree(aside, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _bring_back(aside)
        raise


@contextlib.contextmanager
def draft_file(path: Path) -> Iterator[Any]:
    """A binary file to write, which takes the place of `path` once all of it is written."""
    file = tempfile.NamedTemporaryFile(prefix=DRAFT, dir=path.parent, delete=False)  # noqa: SIM115
    try:
        with _at_work(Path(file.name)):
            with file:
                yield file
            Path(file.name).replace(path)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


def tidy() -> None:
    """What processes that were killed have left in the caches: drafts go, what they moved aside comes back.

    What others are still writing stays; where that cannot be told, whatever is younger than a day.
    """
    home = cache_home()
    for folder in (runs_home(), home / "data", *(home / "fleets").glob("*")):
        with contextlib.suppress(OSError):
            for left in list(folder.glob(f"{DRAFT}*")):
                if _left_behind(left):
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
            for aside in folder.glob(f"{ASIDE}*"):
                _bring_back(aside)


def _bring_back(aside: Path) -> None:
    """What was moved aside, unless its successor is there."""
    home = aside.with_name(aside.name.removeprefix(ASIDE))
    if home.exists():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            aside.replace(home)


@contextlib.contextmanager
def _at_work(path: Path) -> Iterator[None]:
    """Hold a lock on it, which the system lets go of when this process ends, however it ends."""
    handle = _locked(path)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _locked(path: Path) -> int | None:
    """The lock's handle, to be closed; None where there is none to be had. Raises BlockingIOError where
    another holds it.
    """
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:
        os.close(handle)
        return None
    return handle


def _left_behind(path: Path) -> bool:
    """Whether nobody writes it any more."""
    try:
        handle = _locked(path)
    except OSError:
        return False
    if handle is None:
        return time.time() - path.stat().st_mtime > A_DAY
    os.close(handle)
    return True


def database(path: Path) -> sqlite3.Connection:
    """A database that several processes may use at once, made where there is none; what is deleted from it
    is overwritten. The caller closes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    found = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", "foreign_keys=ON"):
        found.execute(f"PRAGMA {pragma}")
    return found


def write_array(path: Path, array: NDArray[Any]) -> None:
    """One array as npy, atomically."""
    with draft_file(path) as file:
        np.save(file, array, allow_pickle=False)


def read_array(path: Path, mapped: bool = False) -> NDArray[Any] | None:
    """The array at `path`, memory-mapped if asked; None where there is none or it is damaged. Never
    unpickles.
    """
    try:
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        return None


def write_arrays(path: Path, arrays: Arrays, compressed: bool = False) -> None:
    """Several arrays as npz."""
    (np.savez_compressed if compressed else np.savez)(path, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz. Never unpickles."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def write_tensors(path: Path, tensors: Arrays) -> None:
    """Weights as safetensors."""
    save_file({name: np.asarray(value, order="C") for name, value in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    return load_file(path)


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def digests(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Checksums of files: name -> sha256."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def check(folder: Path, known: Mapping[str, str]) -> None:
    """Raise BadInput unless the files have the checksums they were written with."""
    for name, digest in digests(folder, tuple(known)).items():
        if digest != known[name]:
            expected = say("{name} of run {run} as it was written", name=name, run=folder.name)
            raise BadInput(expected, say("other bytes"), say("Delete the run and train it again."))
