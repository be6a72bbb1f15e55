"""The fleet: same numbers wherever it runs, resumed, stopped, diverged, with a worker killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mlleak_core.contract import BadInput, Diverged, Step, Stop, drain
from mlleak_core.target import fleet, tabular
from mlleak_core.target.fleet import Pool, Task, train
from mlleak_core.target.settings import TableSettings, TrainSettings

RECIPE = TrainSettings(epochs=2, lr=0.004, augment=False, mixup=0.0, net="strided-3")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    x = (rng.integers(0, 120, (300, 3, 32, 32)) + 90 * y[:, None, None, None]).astype(np.uint8)
    return Pool(x, y, np.arange(300), np.arange(300) >= 280, 2, "noise")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 8)).astype(np.float32)
    return Pool(x, rng.integers(0, 3, 400), np.arange(400), np.zeros(400, bool), 3, "table")


@pytest.fixture(scope="module")
def workers():
    with fleet.processes(2) as executor:
        yield executor


def test_processes_and_this_process_find_the_same_numbers(home, pool, workers, monkeypatch):
    spread = drain(train(pool, RECIPE, 5, 4, workers))
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(home / "other"))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = drain(train(pool, RECIPE, 5, 4))
    finally:
        torch.set_num_threads(threads)
    assert spread.indices == alone.indices == (0, 1, 2, 3)
    np.testing.assert_array_equal(spread.inside, alone.inside)
    np.testing.assert_array_equal(spread.logits, alone.logits)
    assert spread.logits.shape == (4, 2, 300, 2)


def test_a_stack_of_nets_is_the_nets_one_by_one(table):
    settings = TableSettings(epochs=3, hidden=16)
    rows = [np.flatnonzero(table.members(2, i)) for i in range(3)]
    together = tabular.logits(tabular.train(table.x, table.y, rows, settings, [7, 8, 9], 3), table.x)
    for i in range(3):
        alone = tabular.logits(tabular.train(table.x, table.y, [rows[i]], settings, [7 + i], 3), table.x)[0]
        np.testing.assert_allclose(together[i], alone, atol=1e-4)


def test_stop_keeps_what_is_finished_and_the_next_start_takes_it_up(home, pool, monkeypatch):
    run = train(pool, RECIPE, 1, 5)
    steps = 0
    found = None
    try:
        step = next(run)
        while True:
            steps += 1
            step = run.throw(Stop()) if step.done >= 2 else next(run)
    except StopIteration as end:
        found = end.value
    assert 2 <= len(found) < 5
    trained: list[Task] = []
    real = fleet.train_block
    monkeypatch.setattr(fleet, "train_block", lambda task: trained.append(task) or real(task))
    whole = drain(train(pool, RECIPE, 1, 5))
    assert len(whole) == 5
    assert len(trained) == 5 - len(found), "finished shadows are not trained again"
    np.testing.assert_array_equal(whole.logits[: len(found)], found.logits)


def test_a_damaged_shadow_is_trained_again(home, pool):
    first = drain(train(pool, RECIPE, 1, 2))
    file = next(home.glob("fleets/*/shadow-1.npy"))
    file.write_bytes(file.read_bytes()[:-50])
    np.testing.assert_array_equal(drain(train(pool, RECIPE, 1, 2)).logits, first.logits)


def test_a_diverged_shadow_is_left_out_and_named(home, pool, monkeypatch):
    real = fleet.train_block

    def sometimes(task):
        if task.indices == (1,):
            raise Diverged("Training diverged: lower the learning rate.")
        return real(task)

    monkeypatch.setattr(fleet, "train_block", sometimes)
    found = drain(train(pool, RECIPE, 1, 3))
    assert found.indices == (0, 2)
    assert "shadow 1: Training diverged" in found.lost[0]


def test_when_all_diverge_it_says_so(home, pool):
    with pytest.raises(BadInput, match="shadows that train"):
        drain(train(pool, TrainSettings(epochs=2, lr=100.0, net="conv-3"), 1, 2))


def test_shadows_kept_by_an_earlier_program_are_still_found(home, pool, table):
    """The folders' names are what they were: a cache of months is not lost."""
    names = [fleet.lay_out(p, r, 5).name for p, r in ((pool, RECIPE), (table, TableSettings()))]
    assert names == ["06e3a35905ca09ed", "da10220e4e1289ca"]
    assert {f.name for f in (home / "fleets" / names[0]).iterdir()} == {
        "x.npy",
        "y.npy",
        "group.npy",
        "public.npy",
    }


def test_a_pool_that_a_worker_cannot_see_is_named(tmp_path):
    with pytest.raises(BadInput, match="a disk that all workers see"):
        Task(str(tmp_path), RECIPE, 0, (0,), 0.5, 2).arrays()


def test_a_scheduler_that_is_not_there():
    with pytest.raises(BadInput, match="Dask scheduler"):
        fleet.cluster("tcp://127.0.0.1:9")


def test_a_killed_worker_process_costs_its_shadow_only(home, pool):
    with fleet.processes(2) as executor:
        found, killed = None, False
        slow = TrainSettings(epochs=30, lr=0.004, augment=False, mixup=0.0, net="strided-3")
        run = train(pool, slow, 3, 6, executor)
        try:
            while True:
                step: Step = next(run)
                if step.done >= 2 and not killed:
                    os.kill(_worker(executor), signal.SIGKILL)
                    killed = True
        except StopIteration as end:
            found = end.value
    assert killed
    assert 2 <= len(found) < 6
    assert "a worker died" in found.lost[0]
    assert len(drain(train(pool, slow, 3, 6))) == 6, "the next start trains what is missing"


def _worker(executor) -> int:
    return next(iter(executor._processes))


def dask(part, *options):
    """A scheduler or a worker in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{part}", *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.timeout(180)
def test_a_cluster_finds_the_same_numbers_and_survives_the_loss_of_a_worker(home, pool, monkeypatch):
    pytest.importorskip("distributed")
    card = str(home / "s.json")
    here = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", card)
    scheduler = dask("scheduler", *here)
    beside = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(home))
    workers = [dask("worker", "--scheduler-file", card, *beside) for _ in range(2)]
    try:
        for _ in range(200):
            if (home / "s.json").exists():
                break
            time.sleep(0.1)
        executor = fleet.cluster(json.loads((home / "s.json").read_text())["address"])
        recipe = TrainSettings(epochs=20, lr=0.004, augment=False, mixup=0.0, net="strided-3")
        run, killed, found = train(pool, recipe, 9, 6, executor), False, None
        try:
            while True:
                step = next(run)
                if step.done >= 1 and not killed:
                    workers[0].kill()
                    killed = True
        except StopIteration as end:
            found = end.value
        executor.shutdown(wait=False)
        assert killed
        assert len(found) == 6
        assert not found.lost
        monkeypatch.setenv("MLLEAK_CACHE_HOME", str(home / "other"))
        with fleet.processes(2) as here:
            local = drain(train(pool, recipe, 9, 6, here))
        np.testing.assert_array_equal(found.logits, local.logits)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait(10)
