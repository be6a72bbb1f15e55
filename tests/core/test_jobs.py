"""Jobs: shared, queued, paused, stopped; a broken one takes nobody down."""

from __future__ import annotations

import threading
import time

import pytest

from mlleak_core.contract import BadInput, Step, Stop
from mlleak_core.jobs import Jobs, Snapshot


def wait(jobs, key, until, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        snapshot = jobs.look(key)
        if until(snapshot):
            return snapshot
        time.sleep(0.01)
    raise AssertionError(f"{key} stayed {jobs.look(key)}")


def counting(gate, total=5, log=None):
    def work():
        for i in range(total):
            if log is not None:
                log.append(i)
            try:
                yield Step(i + 1, total, f"{i}")
            except Stop:
                return f"stopped at {i}"
            gate.wait(5)
        return "all"

    return work


def test_thirty_visitors_cost_one_training():
    jobs, log, gate = Jobs(1), [], threading.Event()
    gate.set()
    for _ in range(30):
        jobs.submit("same", counting(gate, log=log))
    assert wait(jobs, "same", lambda s: s.status == "done").result == "all"
    jobs.submit("same", counting(gate, log=log))
    assert len(log) == 5


def test_further_jobs_see_their_place_in_the_queue():
    jobs, gate = Jobs(1), threading.Event()
    jobs.submit("a", counting(gate))
    wait(jobs, "a", lambda s: s.status == "running")
    for key in "bcd":
        jobs.submit(key, counting(gate))
    assert [jobs.look(k).place for k in "bcd"] == [1, 2, 3]
    jobs.stop("b")
    assert [jobs.look(k).place for k in "cd"] == [1, 2]
    gate.set()
    assert wait(jobs, "d", lambda s: s.status == "done").result == "all"


def test_time_left_is_guessed_from_the_present_stretch_of_steps():
    seen = Snapshot("a", "running", Step(3, 9, ""), seconds=130.0, since=(100.0, 0))
    assert seen.left == 60
    taken_up = Snapshot("a", "running", Step(22, 32, ""), seconds=8.0, since=(0.0, 20))
    assert taken_up.left == 40, "what was finished before says nothing of the pace"
    assert Snapshot("a", "running", Step(20, 32, ""), seconds=1.0, since=(0.0, 20)).left is None
    jobs, gate = Jobs(1), threading.Event()

    def two_stretches():
        yield Step(5, 5, "")
        time.sleep(0.05)
        yield Step(0, 4, "")
        gate.wait(5)
        return "all"

    jobs.submit("two", two_stretches)
    begun = wait(jobs, "two", lambda s: s.step and s.step.total == 4)
    assert begun.since[0] >= 0.05 and begun.since[1] == 0
    gate.set()


def test_forgotten_jobs_are_stopped_and_leave_nothing():
    jobs, gate, log = Jobs(1), threading.Event(), []
    jobs.submit("one-mine", counting(gate, log=log))
    jobs.submit("two-other", counting(gate))
    wait(jobs, "one-mine", lambda s: s.status == "running")
    jobs.forget("-mine")
    gate.set()
    assert jobs.look("one-mine") is None
    assert wait(jobs, "two-other", lambda s: s.status == "done").result == "all"
    assert len(log) < 5


def test_pause_and_go_on():
    jobs, gate = Jobs(1), threading.Event()
    jobs.submit("a", counting(gate, 3))
    wait(jobs, "a", lambda s: s.step is not None)
    jobs.pause("a")
    gate.set()
    wait(jobs, "a", lambda s: s.status == "paused")
    jobs.pause("a", False)
    assert wait(jobs, "a", lambda s: s.status == "done").result == "all"


def test_stop_keeps_the_partial_result_and_the_job_can_start_again():
    jobs, gate = Jobs(1), threading.Event()
    gate.set()
    slow = threading.Event()
    jobs.submit("a", counting(slow, 1000))
    wait(jobs, "a", lambda s: s.step is not None)
    jobs.stop("a")
    slow.set()
    assert wait(jobs, "a", lambda s: not s.active).result.startswith("stopped")
    assert jobs.look("a").status == "stopped"
    jobs.submit("a", counting(gate, 2))
    assert wait(jobs, "a", lambda s: s.status == "done").result == "all"


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (BadInput("a", "b", "c"), "Expected a; got b. c"),
        (OSError(28, "No space left"), "No space left"),
        (ZeroDivisionError("x"), "Nothing else was lost"),
    ],
)
def test_a_broken_job_explains_itself_and_the_worker_lives_on(problem, words):
    def broken():
        yield Step(1, 2, "")
        raise problem

    jobs, gate = Jobs(1), threading.Event()
    gate.set()
    jobs.submit("bad", broken)
    assert words in wait(jobs, "bad", lambda s: s.status == "failed").error
    jobs.submit("good", counting(gate))
    assert wait(jobs, "good", lambda s: s.status == "done").result == "all"
