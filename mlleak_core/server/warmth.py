"""What a server's first visitors would otherwise wait for: imports, compiled code, the embedded faces
painted.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from mlleak_core.contract import drain, fingerprint
from mlleak_core.disk import compiled_home
from mlleak_core.threat import SlowStart, discover, imported


def warm_up() -> None:
    """For a background thread at the server's start.

    What takes longest and is kept on disk another process does, the first time: half a minute or more in
    which this one answers quickly. Whoever needs it meanwhile waits for it; whoever trains does not.
    """
    first = None if _done().exists() else _elsewhere()
    import torch
    from threadpoolctl import threadpool_limits

    from mlleak_core.target import training

    for threat in discover():
        imported(threat.run)
    slow = _slow_starts()
    with contextlib.ExitStack() as held:
        for start in slow:
            held.enter_context(start.lock)
        torch.zeros(1)
        _set_aside()
        training.rehearse()
        # NumPy's products here are small: two threads that wait for each other while shadows train took 2 s
        # where one takes 0.3.
        threadpool_limits(1, user_api="blas")
        _set_aside()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if first:
                first.wait(600)
    for start in slow:
        start.first()
    _set_aside()


def _slow_starts() -> list[SlowStart]:
    return [imported(threat.slow_start) for threat in discover() if threat.slow_start]


def _elsewhere() -> subprocess.Popen[bytes] | None:
    command = [sys.executable, "-c", f"from {__name__} import prepare; prepare()"]
    try:
        first = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return None
    atexit.register(first.terminate)  # what it has compiled so far is kept
    return first


def prepare() -> None:
    """Paint the embedded faces, which the first training waits for; then compile what maps need, behind
    whatever else runs.
    """
    from mlleak_core.data import synthetic

    drain(synthetic.load())
    _yield_to_others()
    for start in _slow_starts():
        start.first()
    _done().parent.mkdir(parents=True, exist_ok=True)
    _done().touch()


def _yield_to_others() -> None:
    """Run only where a processor would be idle: even at the lowest priority a training beside took half as
    long again.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.nice(19)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _done() -> Path:
    """The sign that `prepare` has ended with these versions."""
    from mlleak_core.data import synthetic

    parts = [version(package) for package in ("numba", "umap-learn", "pynndescent", "torch")]
    return compiled_home() / f"prepared-{fingerprint(sys.version, synthetic.VERSION, *parts)}"


def _set_aside() -> None:
    """Keep what lives now out of garbage collection: walking a million objects of imported modules takes
    200 to 500 ms, in which no page answers.
    """
    gc.collect()
    gc.freeze()
