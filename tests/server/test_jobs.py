"""Jobs: shared, queued, paused, stopped; a broken one takes nobody down."""

from __future__ import annotations

import threading
import time

import pytest

from mlleak_core.contract import BadInput, Step, Stop, now
from mlleak_core.server.jobs import ASIDE, KEPT, WATCHED, Jobs, Snapshot


def wait(jobs, key, until, seconds=30):
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


def test_a_class_with_a_seed_each_finds_its_results_again_and_memory_has_an_end():
    jobs, gate = Jobs(1), threading.Event()
    gate.set()
    seats = [f"{kind}-{seat}" for seat in range(KEPT) for kind in ("train", "features", "map")]
    for key in seats:
        jobs.submit(key, counting(gate, 1))
    wait(jobs, seats[-1], lambda s: s.status == "done", seconds=90)
    assert all(jobs.look(key).result == "all" for key in seats)
    for late in range(3):
        jobs.submit(f"train-late-{late}", counting(gate, 1))
    wait(jobs, "train-late-2", lambda s: s.status == "done")
    jobs.submit("train-last", counting(gate, 1))
    gone = [key for key in seats if jobs.look(key) is None]
    assert gone == ["train-0", "train-1", "train-2"]


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


def test_time_left_is_of_the_whole_run_and_runs_down_between_steps():
    at = time.monotonic()
    seen = Snapshot("a", "running", Step(3, 9, ""), left=(40.0, 90.0), at=at - 30)
    low, high = seen.remaining()
    assert 9 < low <= 10 and 59 < high <= 60
    assert Snapshot("a", "running", left=(4.0, 9.0), at=at - 30).remaining() == (0.0, 0.0)
    assert Snapshot("a", "paused", left=(4.0, 9.0), at=at).remaining() is None
    assert Snapshot("a", "running", Step(3, 9, "")).remaining() is None


def test_what_was_shown_stays_when_the_next_steps_show_nothing():
    jobs, gate = Jobs(1), threading.Event()

    def work():
        yield Step(1, 2, "faces", {"faces": 3, "curve": 1})
        yield Step(2, 2, "curve", {"curve": 2})
        yield Step(0, 9, "judging")
        gate.wait(5)
        return "all"

    jobs.submit("a", work)
    seen = wait(jobs, "a", lambda s: s.step and s.step.note == "judging")
    assert seen.step.peek == {"faces": 3, "curve": 2}
    gate.set()


def left_behind(jobs, gate):
    """A long job that somebody watched, and the moment at which he turned to another."""
    jobs.submit("maps", counting(gate, 200))
    wait(jobs, "maps", lambda s: s.status == "running")
    jobs.look("maps", "ada")
    jobs.submit("audit", counting(gate, 2))
    return jobs.look("audit", "ada")


def test_what_everybody_has_left_gives_way_and_goes_on_later(monkeypatch):
    monkeypatch.setattr("mlleak_core.server.jobs.ELSEWHERE", 0.05)
    jobs, gate = Jobs(1), threading.Event()
    assert left_behind(jobs, gate).place == 1
    time.sleep(0.1)
    jobs.look("audit", "ada")
    gate.set()
    assert wait(jobs, "audit", lambda s: s.status == "done").result == "all"
    assert wait(jobs, "maps", lambda s: s.status == "done").result == "all"


def test_what_somebody_else_still_watches_goes_on(monkeypatch):
    monkeypatch.setattr("mlleak_core.server.jobs.ELSEWHERE", 0.05)
    jobs, gate = Jobs(1), threading.Event()
    left_behind(jobs, gate)
    jobs.look("maps", "bob")
    time.sleep(0.1)
    jobs.look("audit", "ada")
    gate.set()
    wait(jobs, "audit", lambda s: s.status == "done")
    assert jobs.look("maps").status == "done", "ada waits until bob's is finished"


def test_what_is_watched_goes_before_what_is_not():
    jobs, gate = Jobs(1), threading.Event()
    jobs.submit("first", counting(gate, 2))
    wait(jobs, "first", lambda s: s.status == "running")
    for key in "abc":
        jobs.submit(key, counting(gate, 2))
    jobs.look("c", "ada")
    assert [jobs.look(key).place for key in "abc"] == [2, 3, 1]
    gate.set()
    wait(jobs, "b", lambda s: s.status == "done", seconds=40)


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


def set_aside(jobs, key, total=5, log=None):
    gate = threading.Event()
    jobs.submit(key, counting(gate, total, log))
    jobs.pause(key)
    gate.set()
    return wait(jobs, key, lambda s: s.status == "paused")


def test_a_paused_job_lets_others_run_and_goes_on_where_it_was():
    jobs, open_gate, log = Jobs(1), threading.Event(), []
    open_gate.set()
    paused = set_aside(jobs, "a", 3, log)
    jobs.submit("b", counting(open_gate))
    assert wait(jobs, "b", lambda s: s.status == "done").result == "all"
    assert jobs.look("a") == paused
    jobs.pause("a", False)
    assert wait(jobs, "a", lambda s: not s.active).result == "all"
    assert log == [0, 1, 2]


def test_a_paused_job_goes_on_before_those_that_have_not_begun():
    jobs, gate = Jobs(1), threading.Event()
    set_aside(jobs, "paused")
    for key in ("running", "waiting"):
        jobs.submit(key, counting(gate))
    wait(jobs, "running", lambda s: s.status == "running")
    jobs.pause("paused", False)
    assert [jobs.look(k).place for k in ("paused", "waiting")] == [1, 2]
    jobs.stop("paused")
    gate.set()
    stopped = wait(jobs, "paused", lambda s: not s.active)
    assert stopped.status == "stopped" and stopped.result.startswith("stopped at")


def test_of_many_paused_jobs_the_oldest_is_stopped_and_keeps_what_it_has():
    jobs = Jobs(1)
    for number in range(ASIDE + 1):
        set_aside(jobs, str(number))
    assert wait(jobs, "0", lambda s: not s.active).result.startswith("stopped at")
    assert [jobs.look(str(n)).status for n in range(1, ASIDE + 1)] == ["paused"] * ASIDE


def test_a_job_set_aside_finds_its_threads_again():
    torch = pytest.importorskip("torch")
    jobs, seen, before, gate = Jobs(1), [], torch.get_num_threads(), threading.Event()

    def own_threads():
        torch.set_num_threads(3)
        gate.wait(5)
        for i in range(2):
            yield Step(i, 2, "")
            seen.append(torch.get_num_threads())

    def other():
        seen.append(torch.get_num_threads())
        yield Step(1, 1, "")

    jobs.submit("a", own_threads)
    jobs.pause("a")
    gate.set()
    wait(jobs, "a", lambda s: s.status == "paused")
    jobs.submit("b", other)
    wait(jobs, "b", lambda s: not s.active)
    jobs.pause("a", False)
    wait(jobs, "a", lambda s: not s.active)
    assert seen == [before, 3, 3]


def test_the_clock_stands_still_while_a_job_is_set_aside():
    jobs, gate, clock = Jobs(1), threading.Event(), []

    def timed():
        began = now()
        gate.wait(5)
        yield Step(1, 2, "")
        yield Step(2, 2, "")
        clock.append(now() - began)

    jobs.submit("a", timed)
    jobs.pause("a")
    gate.set()
    wait(jobs, "a", lambda s: s.status == "paused")
    time.sleep(0.3)
    jobs.pause("a", False)
    done = wait(jobs, "a", lambda s: not s.active)
    assert 0 < clock[0] < 0.2 and done.seconds < 0.2


def test_who_watches_a_job_is_counted_and_who_has_left_is_not(monkeypatch):
    jobs, gate, clock = Jobs(1), threading.Event(), [0.0]
    monkeypatch.setattr("mlleak_core.server.jobs.time.monotonic", lambda: clock[0])
    jobs.submit("a", counting(gate))
    assert [jobs.look("a", v).others for v in ("one", "one", "two", "one")] == [0, 0, 1, 1]
    clock[0] += WATCHED / 2
    jobs.look("a", "one")
    clock[0] += WATCHED / 2 + 1
    assert jobs.look("a", "one").others == 0
    gate.set()


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
