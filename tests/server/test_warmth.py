"""The first minute of a server on a machine where nothing has been compiled."""

from __future__ import annotations

import atexit
import gc
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mlleak_core.contract import Step, drain
from mlleak_core.data import cache
from mlleak_core.server import warmth
from mlleak_core.threat import SlowStart
from mlleak_core.threats.features import embedding


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    yield
    gc.unfreeze()


def test_what_takes_long_another_process_does_and_only_once(fresh, monkeypatch):
    begun, fits = [], []

    class Process:
        def wait(self, seconds):
            begun.append(embedding.ONE_FIT_AT_A_TIME.locked())
            warmth._done().parent.mkdir()
            warmth._done().touch()

    monkeypatch.setattr(warmth, "_elsewhere", Process)
    lock = embedding.ONE_FIT_AT_A_TIME
    monkeypatch.setattr(embedding, "SLOW_START", SlowStart(lock, lambda: fits.append(lock.locked())))
    warmth.warm_up()
    warmth.warm_up()
    assert begun == [True], "whoever asks for a map waits for the compilation"
    assert fits == [False, False]


def test_the_other_process_can_find_what_it_is_asked_to_do(fresh, monkeypatch):
    """Up to the painting: the rest takes half a minute."""
    real: Any = subprocess.Popen
    seen: list[Any] = []
    ended: list[Any] = []

    def note(command, **how):
        seen.append((command, how["cwd"]))
        return SimpleNamespace(terminate=ended.append)

    monkeypatch.setattr(subprocess, "Popen", note)
    monkeypatch.setattr(atexit, "register", ended.append)
    assert [other.terminate for other in [warmth._elsewhere()] if other] == ended, "it ends with the server"
    (program, option, code), folder = seen[0]
    assert program == sys.executable
    with real([program, option, code.replace("prepare()", "prepare")], cwd=folder) as other:
        assert other.wait(60) == 0


MAKER = """
import sys
import numpy as np
from mlleak_core.contract import Step, drain
from mlleak_core.data import cache

def make():
    print("making", flush=True)
    sys.stdin.readline()
    yield Step(1, 1, "made")
    return np.arange(6)

drain(cache.array("one", make))
"""


def maker() -> Any:
    """Another process that makes the same array, and waits for a line before it goes on."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", MAKER], **pipes)


def never():
    raise AssertionError("made a second time")
    yield


def test_two_processes_that_want_the_same_array_make_it_once(fresh):
    with maker() as other:
        assert other.stdout.readline() == "making\n"
        waiting = cache.array("one", never)
        assert "waiting" in next(waiting).note
        other.stdin.write("go on\n")
        other.stdin.close()
        np.testing.assert_array_equal(drain(waiting), np.arange(6))


def test_nobody_waits_for_a_paused_job_of_the_same_process_nor_for_ever(fresh, monkeypatch):
    paused = cache.array("two", make)
    assert next(paused).note == "half"
    np.testing.assert_array_equal(drain(cache.array("two", make)), np.arange(3))
    monkeypatch.setattr(cache, "PATIENCE", 0.3)
    with maker() as other:
        assert other.stdout.readline() == "making\n"
        np.testing.assert_array_equal(drain(cache.array("one", make)), np.arange(3))
        other.stdin.close()


def test_who_gives_up_leaves_the_turn_to_the_next(fresh):
    broken = cache.array("two", make)
    assert next(broken).note == "half"
    broken.close()
    assert not cache._here
    np.testing.assert_array_equal(drain(cache.array("two", make)), np.arange(3))


def make():
    yield Step(0, 1, "half")
    return np.arange(3)
