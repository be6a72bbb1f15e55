"""Long work for many visitors: a few worker threads drive generators of steps; pages read immutable snapshots.

Equal keys share one job, so thirty visitors who press the same preset cost one training.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, Literal

from mlleak_core.contract import BadInput, Diverged, Step, Stop

Status = Literal["queued", "running", "paused", "done", "stopped", "failed"]
Work = Callable[[], Generator[Step, None, Any]]
KEPT = 24
"""Finished jobs whose results stay in memory."""


@dataclass(frozen=True)
class Snapshot:
    """A job as it was at one moment. since: the seconds and the count done when its present stretch of steps began."""

    key: str
    status: Status
    step: Step | None = None
    result: Any = None
    error: str = ""
    place: int = 0
    seconds: float = 0.0
    since: tuple[float, int] = (0.0, 0)

    @property
    def active(self) -> bool:
        return self.status in {"queued", "running", "paused"}

    @property
    def left(self) -> float | None:
        """Seconds to the end of this stretch of steps, guessed from its pace so far."""
        began, first = self.since
        if not self.step or self.step.done <= first or self.status != "running":
            return None
        return (self.seconds - began) * (self.step.total - self.step.done) / (self.step.done - first)


class _Job:
    def __init__(self, key: str, work: Work) -> None:
        self.key, self.work = key, work
        self.snapshot = Snapshot(key, "queued")
        self.stop, self.go = threading.Event(), threading.Event()
        self.go.set()


class Jobs:
    """At most `workers` jobs run at a time (MLLEAK_JOBS; by default one for every two cores); others queue in order."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or int(os.environ.get("MLLEAK_JOBS") or max(1, (os.cpu_count() or 2) // 2))
        self._lock = threading.Condition()
        self._jobs: OrderedDict[str, _Job] = OrderedDict()
        self._queue: list[_Job] = []
        for number in range(self.workers):
            threading.Thread(target=self._serve, name=f"mlleak-job-{number}", daemon=True).start()

    def submit(self, key: str, work: Work) -> Snapshot:
        """Start `work` under `key`, or join the job that is already there unless it failed or was stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.snapshot.status in {"failed", "stopped"}:
                job = self._jobs[key] = _Job(key, work)
                self._queue.append(job)
                self._forget()
                self._lock.notify()
            self._jobs.move_to_end(key)
        return self.look(key)  # type: ignore[return-value]

    def look(self, key: str) -> Snapshot | None:
        """The job's present state; a queued one knows its place, 1 being next."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return None
            place = self._queue.index(job) + 1 if job in self._queue else 0
            return replace(job.snapshot, place=place)

    def stop(self, key: str) -> None:
        """Ask the job to wind up; what it has so far becomes its result."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return
            job.stop.set()
            job.go.set()
            if job in self._queue:
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
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.snapshot.active:
                (job.go.clear if pause else job.go.set)()

    def _forget(self) -> None:
        finished = [k for k, j in self._jobs.items() if not j.snapshot.active]
        for key in finished[: max(0, len(finished) - KEPT)]:
            del self._jobs[key]

    def _serve(self) -> None:
        _yield_to_pages()
        while True:
            with self._lock:
                while not self._queue:
                    self._lock.wait()
                job = self._queue.pop(0)
                job.snapshot = Snapshot(job.key, "running")
            self._drive(job)

    def _drive(self, job: _Job) -> None:
        started, paused = time.perf_counter(), 0.0
        status: Status = "done"
        result, error = None, ""
        last, since = Step(0, 0, ""), (0.0, 0)
        try:
            run = job.work()
            send: BaseException | None = None
            while True:
                step = run.throw(send) if send else next(run)
                send = None
                if not job.go.is_set():
                    began = time.perf_counter()
                    job.snapshot = replace(job.snapshot, status="paused", step=step)
                    job.go.wait()
                    paused += time.perf_counter() - began
                if job.stop.is_set() and status == "done":
                    status, send = "stopped", Stop()
                seconds = time.perf_counter() - started - paused
                if step.total != last.total or step.done < last.done:
                    since = (seconds, step.done)
                last = step
                job.snapshot = Snapshot(job.key, "running", step, seconds=seconds, since=since)
        except StopIteration as end:
            result = end.value
        except Stop:
            status = "stopped"
        except (BadInput, Diverged) as problem:
            status, error = "failed", str(problem)
        except OSError as problem:
            status, error = (
                "failed",
                f"The machine refused: {problem.strerror or problem}. Free some space or memory and try again.",
            )
        except Exception as problem:  # noqa: BLE001  a job must never take the worker down
            status, error = (
                "failed",
                f"Something in the program broke ({type(problem).__name__}: {problem}). Nothing else was lost.",
            )
        job.snapshot = Snapshot(job.key, status, job.snapshot.step, result, error, 0, time.perf_counter() - started - paused)


def _yield_to_pages() -> None:
    """Give this thread, and the threads it will start, a lower priority than those that answer visitors (Linux: per thread)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
