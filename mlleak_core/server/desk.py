"""Where runs are worked at, and what all visitors of one server share: jobs, kept runs, opened data.

Light to import: no torch. Knows no threat by name.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlleak_core import disk
from mlleak_core.contract import BadInput, Settings, Step, fingerprint, now, relay
from mlleak_core.data import source
from mlleak_core.language import mark, say
from mlleak_core.server.jobs import Jobs, Snapshot
from mlleak_core.server.pace import Courses
from mlleak_core.server.uploads import Uploads
from mlleak_core.target.settings import TrainSettings, run_key
from mlleak_core.threat import SHIPPED, Exhibit, Threat, imported

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.lines import Lines
    from mlleak_core.data.texts import Texts
    from mlleak_core.target.blackbox import BlackBox
    from mlleak_core.target.store import Store
    from mlleak_core.target.training import Target

NOT_KEPT = mark("the run is not kept on disk but until the server stops: {problem}")
OPEN_SETS = 3
OPEN_RUNS = 8


@dataclass(frozen=True)
class Machine:
    """What cannot change an answer, and so is in no key: where the work is done."""

    device: str = "cpu"
    cluster: str = ""


class Desk:
    """Thread-safe. Results depend on settings alone, never on who else is here."""

    def __init__(
        self,
        jobs: Jobs | None = None,
        machine: Machine | None = None,
        service: Callable[[], BlackBox] | None = None,
    ) -> None:
        self.machine = machine or Machine(cluster=os.environ.get("MLLEAK_CLUSTER", ""))
        self._service = service
        self._given = jobs
        self._lock = threading.Lock()
        self._opened_sets: OrderedDict[str, Any] = OrderedDict()
        self._held: OrderedDict[str, Any] = OrderedDict()
        self.uploads = Uploads()
        self.courses = Courses(SHIPPED / "pace.json")
        self._executor: Executor | None = None
        disk.tidy()

    @functools.cached_property
    def jobs(self) -> Jobs:
        """The queue, begun when first wanted."""
        return self._given or Jobs()

    @property
    def remote(self) -> bool:
        """Whether a service is attacked in place of what is trained here."""
        return self._service is not None

    @functools.cached_property
    def service(self) -> BlackBox | None:
        """That service, met when first wanted. Raises Refused where nobody answers."""
        return self._service() if self._service else None

    @property
    def store(self) -> Store:
        from mlleak_core.target.store import Store

        return Store()

    # What a run is given, see `threat.Desk`.

    def faces(self, data: str) -> Generator[Step, None, Faces]:
        """The faces of a source, opened once for all visitors."""
        return self.uploads.faces(data) or (yield from self._opened(data, "faces"))

    def texts(self, data: str) -> Generator[Step, None, Texts]:
        """The texts of a source, opened once for all visitors."""
        return (yield from self._opened(data, "texts"))  # type: ignore[no-any-return]

    def lines(self, data: str) -> Generator[Step, None, Lines]:
        """Windows of words of a text or of reviews, cut once for all visitors."""
        if not source.is_texts(data):
            return (yield from self._opened(data, "lines"))  # type: ignore[no-any-return]
        key = fingerprint("lines", data, source.identity(data))
        found: Lines | None = self._recall(self._opened_sets, key)
        if found is None:
            from mlleak_core.data import lines

            found = yield from lines.of_texts((yield from self.texts(data)))
            self._shelve(self._opened_sets, key, found, OPEN_SETS)
        return found

    def _opened(self, data: str, kind: source.Kind) -> Generator[Step, None, Any]:
        key = fingerprint(data, source.identity(data))
        found = self._recall(self._opened_sets, key)
        if found is None:
            found = yield from source.load(data, kind)
            self._shelve(self._opened_sets, key, found, OPEN_SETS)
        return found

    def target(
        self, settings: TrainSettings, afresh: bool = False, stopped: bool = False
    ) -> Generator[Step, None, Target]:
        """The run of these settings: from memory or disk, else trained and kept. afresh: trained in any case.

        stopped: one that was stopped early will do.
        """
        from mlleak_core.target.training import choose_faces, fit

        kept = None if afresh else self._finished(settings, stopped)
        if kept is not None:
            return kept
        faces = yield from self.faces(settings.data)
        found = yield from fit(choose_faces(faces, settings), settings, device=self.machine.device)
        self._hold(found.key, settings.data, found)
        problem = self.keep(settings.data, lambda store: store.save(found))
        if problem:
            yield Step(1, 1, say(NOT_KEPT, problem=problem))
        return found

    def executor(self) -> Executor:
        """Processes for shadows, started once for all visitors; a cluster where the machine names one."""
        from mlleak_core.target import fleet

        with self._lock:
            broken = getattr(self._executor, "_broken", False)
            if self._executor is None or broken:
                address = self.machine.cluster
                self._executor = fleet.cluster(address) if address else fleet.processes()
            return self._executor

    def keep(self, data: str, save: Callable[[Store], Any]) -> str:
        """Write something down unless `data` is a visitor's own; a full disk costs the
        keeping, not the run.
        """
        if source.is_private(data):
            return ""
        try:
            save(self.store)
        except OSError as problem:
            return disk.refused(problem)
        return ""

    def recall(self, key: str) -> Any:
        """What was remembered under `key`, or None."""
        found = self.uploads.held(key)
        return self._recall(self._held, key) if found is None else found

    def remember(self, key: str, value: Any, data: str = "") -> None:
        """Hold something in memory for later runs, for as long as there is room; `data`: an upload it came
        from.
        """
        self._hold(key, data, value)

    def close(self) -> None:
        """Let the processes go."""
        if self._executor is not None:
            from mlleak_core.target import fleet

            fleet.close(self._executor)
            self._executor = None

    # What a page asks for.

    def train(self, settings: TrainSettings, replay: int = 0) -> str:
        """Queue a training and return its job's key; `replay` asks for the same run to
        be computed once more.
        """
        job = self.training(settings, replay)
        work = lambda: self.target(settings, afresh=bool(replay))  # noqa: E731
        self.jobs.submit(job, work, lambda: self.courses.pace("train", settings))
        return job

    @staticmethod
    def training(settings: TrainSettings, replay: int = 0) -> str:
        """What the job of a training is called, queued or not."""
        return _named("train", run_key(settings), settings.data) + (f"-{replay}" if replay else "")

    def open(self, threat: Threat, settings: Settings) -> str:
        """Queue a run of a threat and return its job's key; its result is the threat's exhibit."""
        return self.queue(threat.card.slug, threat.run, settings)

    def queue(self, kind: str, run: str, settings: Any) -> str:
        """Queue `run`, "module:function" of (settings, desk), under a key of its kind and settings."""
        data = getattr(settings, "data", "")
        job = _named(kind, fingerprint(run, settings, _records_behind(data)), data)
        work = lambda: self._shown(imported(run)(settings, self))  # noqa: E731
        self.jobs.submit(job, work, lambda: self.courses.pace(kind, settings))
        return job

    def timed(self, kind: str, settings: Any, run: Generator[Step, None, Any]) -> Generator[Step, None, Any]:
        """The run, whose course is remembered when it ends, for guesses of how long the next will take."""
        pace, began = self.courses.pace(kind, settings), now()

        def note(step: Step) -> Step:
            pace.note(step, now() - began)
            return step

        found = yield from relay(run, note)
        pace.ended()
        return found

    def _shown(self, run: Generator[Step, None, Any]) -> Generator[Step, None, Any]:
        """The run with every result in it, finished or so far, as its exhibit."""
        seen: dict[int, Exhibit] = {}

        def show(step: Step) -> Step:
            result = step.peek.get("result") if step.peek else None
            if result is None:
                return step
            if id(result) not in seen:
                seen.clear()
                seen[id(result)] = result.exhibit()
            return replace(step, peek={"exhibit": seen[id(result)], "result": result})

        found = yield from relay(run, show)
        return found.exhibit() if hasattr(found, "exhibit") else found

    def look(self, job: str, visitor: str = "") -> Snapshot | None:
        return self.jobs.look(job, visitor)

    def finished(self, settings: TrainSettings) -> dict[str, Any] | None:
        """The description of a finished run with these settings, or None."""
        if source.is_private(settings.data):
            run = self.recall(run_key(settings))
            return {"seconds": run.seconds, "complete": run.complete} if run else None
        try:
            return disk.read_json(disk.runs_home() / run_key(settings) / "run.json")  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return None

    def run(self, settings: TrainSettings) -> Target:
        """A finished run, from memory or disk. Raises BadInput where there is none or it was altered."""
        key = run_key(settings)
        found: Target | None = self.recall(key)
        if found is None:
            found = self.store.load(key)
            self._hold(key, settings.data, found)
        return found

    def bring(self, blob: bytes, visitor: str = "") -> Generator[Step, None, str]:
        """Take in a visitor's ZIP of pictures; returns the name under which `faces` finds them. Raises
        BadInput.
        """
        from mlleak_core.data import upload

        name = upload.name_of(blob)
        if not self.uploads.own(name, visitor):
            self.uploads.keep(name, visitor, (yield from upload.open_upload(blob)))
        return name

    def forget(self, upload: str, visitor: str = "") -> None:
        """Let go of a visitor's pictures: with the last who brought them, of nets trained on them and of
        faces read back out of those.
        """
        if self.uploads.let_go(upload, visitor):
            self.jobs.forget(upload)

    def _finished(self, settings: TrainSettings, stopped: bool = False) -> Target | None:
        try:
            kept = self.run(settings)
        except BadInput:
            return None
        return kept if kept.complete or stopped else None

    def _hold(self, key: str, data: str, value: Any) -> None:
        if source.is_private(data):
            self.uploads.hold(data, key, value)
        else:
            self._shelve(self._held, key, value, OPEN_RUNS)

    def _recall(self, shelf: OrderedDict[str, Any], key: str) -> Any:
        with self._lock:
            if key in shelf:
                shelf.move_to_end(key)
            return shelf.get(key)

    def _shelve(self, shelf: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
        with self._lock:
            shelf[key] = value
            shelf.move_to_end(key)
            while len(shelf) > most:
                shelf.popitem(last=False)


def _records_behind(data: str) -> str:
    """Names them, so that a changed folder is not answered with its old job; empty where none are named."""
    try:
        return source.identity(data) if data else ""
    except BadInput:
        return ""  # the run itself says what is wrong


def _named(kind: str, key: str, data: str) -> str:
    """What a job is called; one about an upload names it, too, so that `forget` finds it."""
    return f"{kind}-{key}" + (f"-{data}" if source.is_private(data) else "")
