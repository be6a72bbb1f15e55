"""The first minute of a server on a machine where nothing has been compiled."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

from mlleak_core import embedding, warmth
from mlleak_core.contract import Step, drain
from mlleak_core.data import cache


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
    monkeypatch.setattr(embedding, "first_fit", lambda: fits.append(embedding.ONE_FIT_AT_A_TIME.locked()))
    warmth.warm_up()
    warmth.warm_up()
    assert begun == [True], "whoever asks for a map waits for the compilation"
    assert fits == [False, False]


def test_the_other_process_can_find_what_it_is_asked_to_do(fresh, monkeypatch):
    """Up to the painting: the rest takes half a minute."""
    real, seen = subprocess.Popen, []
    monkeypatch.setattr(warmth.subprocess, "Popen", lambda command, **how: seen.append((command, how["cwd"])))
    warmth._elsewhere()
    (program, option, code), folder = seen[0]
    assert program == sys.executable
    with real([program, option, code.replace("prepare()", "prepare")], cwd=folder) as other:
        assert other.wait(60) == 0


def test_two_who_want_the_same_array_make_it_once(fresh):
    made, half, go_on, notes = [], threading.Event(), threading.Event(), []

    def make():
        made.append(1)
        half.set()
        go_on.wait(20)
        yield Step(1, 2, "half")
        return np.arange(6)

    first = threading.Thread(target=lambda: drain(cache.array("one", make)))
    first.start()
    half.wait(20)

    def told(step):
        notes.append(step.note)
        go_on.set()

    np.testing.assert_array_equal(drain(cache.array("one", make), told), np.arange(6))
    first.join()
    assert len(made) == 1
    assert "waiting" in notes[0]


def test_who_gives_up_leaves_the_turn_to_the_next(fresh):
    def make():
        yield Step(0, 1, "half")
        return np.arange(3)

    broken = cache.array("two", make)
    assert next(broken).note == "half"
    broken.close()
    np.testing.assert_array_equal(drain(cache.array("two", make)), np.arange(3))
