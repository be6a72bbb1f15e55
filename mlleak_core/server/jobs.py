"""Long work for many visitors: a few worker threads drive generators of steps; pages read immutable
snapshots.

Equal keys share one job, so thirty visitors who press the same preset cost one training. A paused job is set
aside and lets others run. What somebody looks at goes first: a job that everybody has left gives way at its
next step, and goes on when nobody waits.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mlleak_core.contract import BadInput, Diverged, Step, Stop, now, stood_still
from mlleak_core.disk import refused
from mlleak_core.language import mark, say
from mlleak_core.server import wishes
from mlleak_core.server.pace import Pace

Status = Literal["queued", "running", "paused", "done", "stopped", "failed"]
Work = Callable[[], Generator[Step, None, Any]]
KEPT = 32
"""Finished jobs of a kind, the first word of the key, whose results stay in memory: a class of thirty with a
seed each finds its own again.
"""
ASIDE = 4
"""Paused jobs that are kept, with all they hold in memory; the one paused longest is stopped when there are
more. No more than these give way unfinished, either.
"""
WATCHED = 75.0
"""Seconds for which a visitor counts as watching; browsers let a hidden tab ask once a minute."""
BROKE = mark("Something in the program broke ({kind}: {problem}). Nothing else was lost.")
ELSEWHERE = 5.0
"""Seconds after which a visitor who asks for another job no longer wants the one before: pages ask every
second.
"""


@dataclass(frozen=True)
class Snapshot:
    """A job as it was at one moment.

    step: the last one; what its picture does not show anew stays from those before. left: seconds to the end
    of the whole run as they were at `at`, at soonest and at latest, where a like run is known. others:
    further visitors who watch it.
    """

    key: str
    status: Status
    step: Step | None = None
    result: Any = None
    error: str = ""
    place: int = 0
    seconds: float = 0.0
    left: tuple[float, float] | None = None
    at: float = 0.0
    others: int = 0

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running", "paused"}

    def remaining(self) -> tuple[float, float] | None:
        """Seconds to the end of the run from now on, at soonest and at latest."""
        if self.left is None or self.status != "running":
            return None
        gone = time.monotonic() - self.at
        return max(self.left[0] - gone, 0.0), max(self.left[1] - gone, 0.0)


class _Job:
    def __init__(self, key: str, work: Work, pace: Pace) -> None:
        self.key, self.work, self.pace = key, work, pace
        self.snapshot = Snapshot(key, "queued")
        self.stop, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.run: Generator[Step, None, Any] | None = None
        self.told_to_stop = False
        self.began, self.paused, self.aside_since = 0.0, 0.0, 0.0
        self.threads: int | None = None
        self.watchers: dict[str, float] = {}

    def wake(self) -> None:
        """Begin, or go on after having been set aside, with the clock and the threads it had."""
        if self.aside_since:
            self.paused, self.aside_since = self.paused + time.perf_counter() - self.aside_since, 0.0
        stood_still(self.paused)
        self.began = self.began or now()
        if self.threads:
            _threads(self.threads)

    def take_step(self) -> Step:
        """Go on by one step; a job that is asked to stop is told so once."""
        self.run = self.run or self.work()
        if self.stop.is_set() and not self.told_to_stop:
            self.told_to_stop = True
            return self.run.throw(Stop())
        return next(self.run)

    def note(self, step: Step) -> None:
        """Show this step, and what those before have shown."""
        seconds, last = now() - self.began, self.snapshot.step
        if last and last.peek:
            step = replace(step, peek={**last.peek, **(step.peek or {})})
        self.pace.note(step, seconds)
        left = self.pace.left()
        self.snapshot = Snapshot(self.key, "running", step, seconds=seconds, left=left, at=time.monotonic())

    def wanted(self, seen: dict[str, float]) -> bool:
        """Whether somebody watches who has not since turned to another job. seen: when each visitor last
        asked for any.
        """
        now = time.monotonic()
        here = [who for who, at in self.watchers.items() if seen.get(who, at) - at < ELSEWHERE]
        return any(now - self.watchers[who] < WATCHED for who in here)


class Jobs:
    """At most `workers` jobs run at a time (MLLEAK_JOBS; by default one for every two cores); others queue in
    order.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or wishes.workers()
        self._lock = threading.Condition()
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._queue: list[_Job] = []
        self._aside: list[_Job] = []
        self._seen: dict[str, float] = {}
        for number in range(self.workers):
            threading.Thread(target=self._serve, name=f"mlleak-job-{number}", daemon=True).start()

    def submit(self, key: str, work: Work, pace: Callable[[], Pace] = Pace) -> Snapshot:
        """Start `work` under `key`, or join the job that is already there unless it failed or was stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.snapshot.status in {"failed", "stopped"}:
                job = self._jobs[key] = _Job(key, work, pace())
                self._queue.append(job)
                self._forget()
                self._lock.notify()
            self._jobs.move_to_end(key)
        return self.look(key)  # type: ignore[return-value]

    def look(self, key: str, visitor: str = "") -> Snapshot | None:
        """The job's present state; a queued one knows its place, 1 being next. A `visitor` who is named
        counts as watching.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return None
            now = time.monotonic()
            job.watchers = {v: at for v, at in job.watchers.items() if now - at < WATCHED and v != visitor}
            others = len(job.watchers)
            if visitor:
                job.watchers[visitor] = self._seen[visitor] = now
                self._seen = {v: at for v, at in self._seen.items() if now - at < WATCHED}
            place = self._in_turn().index(job) + 1 if job in self._queue else 0
            return replace(job.snapshot, place=place, others=others)

    def stop(self, key: str) -> None:
        """Ask the job to wind up; what it has so far becomes its result."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return
            job.stop.set()
            job.go.set()
            self._take_up(job)
            if job in self._queue and job.run is None:
                self._queue.remove(job)
                job.snapshot = Snapshot(key, "stopped")

    def forget(self, part: str) -> None:
        """Stop all jobs with `part` in their key, and drop them with their results."""
        with self._lock:
            found = [key for key in self._jobs if part in key]
        for key in found:
            self.stop(key)
            with self._lock:
                self._jobs.pop(key, None)

    def pause(self, key: str, pause: bool = True) -> None:
        """Set the job aside after its present step, or let it go on: next, before those
        that have not begun.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or not job.snapshot.active:
                return
            if pause:
                job.go.clear()
            else:
                job.go.set()
                self._take_up(job)

    def _take_up(self, job: _Job) -> None:
        if job in self._aside:
            self._aside.remove(job)
            job.snapshot = replace(job.snapshot, status="queued")
            self._queue.insert(0, job)
            self._lock.notify()

    def _in_turn(self) -> list[_Job]:
        """Who waits, in the order of their turns: what is watched first, else as they came."""
        return sorted(self._queue, key=lambda job: not job.wanted(self._seen))

    def _gives_way(self, job: _Job) -> bool:
        """Whether everybody has left the job, and somebody waits for another."""
        waiting = any(other.wanted(self._seen) for other in self._queue)
        unfinished = sum(other.run is not None for other in self._queue) + len(self._aside)
        return waiting and unfinished < ASIDE and bool(job.watchers) and not job.wanted(self._seen)

    def _set_aside(self, job: _Job) -> bool:
        """Whether the job is paused or gives way, and so this worker is free for others."""
        with self._lock:
            if job.go.is_set() and self._gives_way(job):
                job.snapshot, job.aside_since = replace(job.snapshot, status="queued"), time.perf_counter()
                self._queue.append(job)
                return True
            if job.go.is_set():
                return False
            job.snapshot, job.aside_since = replace(job.snapshot, status="paused"), time.perf_counter()
            self._aside.append(job)
            if len(self._aside) > ASIDE:
                self.stop(self._aside[0].key)
            return True

    def _forget(self) -> None:
        finished: dict[str, list[str]] = {}
        for key, job in self._jobs.items():
            if not job.snapshot.active:
                finished.setdefault(key.partition("-")[0], []).append(key)
        for keys in finished.values():
            for key in keys[:-KEPT]:
                del self._jobs[key]

    def _serve(self) -> None:
        _yield_to_pages()
        while True:
            with self._lock:
                while not self._queue:
                    self._lock.wait()
                job = self._in_turn()[0]
                self._queue.remove(job)
                job.snapshot = replace(job.snapshot, status="running")
            before = _threads()
            job.wake()
            self._drive(job)
            job.threads = _threads()
            if before:
                _threads(before)
            del job
            gc.collect()  # nets and pictures that only cycles hold; pages don't (.streamlit/config.toml)

    def _drive(self, job: _Job) -> None:
        """Take steps until the job ends, or is paused and set aside."""
        status: Status = "done"
        result, error = None, ""
        try:
            while True:
                job.note(job.take_step())
                if self._set_aside(job):
                    return
        except StopIteration as end:
            result = end.value
            if not job.told_to_stop:
                job.pace.ended()
        except Stop:
            status = "stopped"
        except (BadInput, Diverged) as problem:
            status, error = "failed", str(problem)
        except OSError as problem:
            status, error = "failed", say("The machine refused: {problem}", problem=refused(problem))
        except Exception as problem:  # noqa: BLE001  a job must never take the worker down
            status, error = "failed", say(BROKE, kind=type(problem).__name__, problem=str(problem))
        if job.told_to_stop and status == "done":
            status = "stopped"
        job.run = None
        job.snapshot = Snapshot(job.key, status, job.snapshot.step, result, error, 0, now() - job.began)


def _threads(number: int | None = None) -> int | None:
    """PyTorch's threads, which a job may change for itself; sets them first if told to. None before anybody
    has imported it.
    """
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "set_num_threads"):
        return None
    if number:
        torch.set_num_threads(number)
    return int(torch.get_num_threads())


def _yield_to_pages() -> None:
    """Give this thread, and the threads it will start, a lower priority than those that answer visitors
    (Linux: per thread).
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
