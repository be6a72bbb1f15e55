"""What all visitors of one server share: the job queue, the store of runs, and opened data. Light to import: no torch."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlleak_core.blackbox import Reveal
from mlleak_core.contract import BadInput, Step, Stop, fingerprint
from mlleak_core.data.upload import KIND as UPLOAD
from mlleak_core.jobs import Jobs, Snapshot
from mlleak_core.settings import MembershipSettings, ReconstructionSettings, TrainSettings, run_key

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.maps import MapSettings
    from mlleak_core.runs import Store
    from mlleak_core.training import Target

OPEN_SETS = 3
OPEN_RUNS = 4
UPLOADS = 8


class Workbench:
    """Thread-safe. Results depend on settings alone, never on who else is here."""

    def __init__(self, jobs: Jobs | None = None) -> None:
        self.jobs = jobs or Jobs()
        self._lock = threading.Lock()
        self._faces: OrderedDict[str, Faces] = OrderedDict()
        self._runs: OrderedDict[str, Target] = OrderedDict()
        self._uploads: OrderedDict[str, Faces] = OrderedDict()
        self._executor: Executor | None = None

    @property
    def store(self) -> Store:
        from mlleak_core.runs import Store

        return Store()

    def train(self, settings: TrainSettings, replay: int = 0) -> str:
        """Queue a training and return its job's key; `replay` asks for the same run to be computed once more."""
        job = self.training(settings, replay)
        self.jobs.submit(job, lambda: self._train(settings, afresh=bool(replay)))
        return job

    @staticmethod
    def training(settings: TrainSettings, replay: int = 0) -> str:
        """What the job of a training is called, queued or not."""
        return f"train-{_name(settings)}" + (f"-{replay}" if replay else "")

    def features(self, settings: TrainSettings, attributes: Sequence[str], seed: int = 0) -> str:
        """Queue the ladder of a finished run."""
        job = f"features-{_name(settings)}-{fingerprint(list(attributes), seed)}"
        self.jobs.submit(job, lambda: self._features(settings, attributes, seed))
        return job

    def open_up(
        self, settings: TrainSettings, attributes: Sequence[str], attribute: str, chosen: MapSettings
    ) -> tuple[str, str, str]:
        """Queue all that the features page shows, what a visitor looks at first coming first.

        Returns the keys of three jobs: the maps of the last epoch, the ladder, the maps of all epochs.
        """
        name = f"{_name(settings)}-{fingerprint(attribute, chosen)}"
        first, all_epochs = f"map-{name}", f"maps-{name}"
        self.jobs.submit(first, lambda: self._maps(settings, attribute, chosen, last_only=True))
        ladder = self.features(settings, attributes)
        self.jobs.submit(all_epochs, lambda: self._maps(settings, attribute, chosen, known=first))
        return first, ladder, all_epochs

    def membership(self, settings: MembershipSettings, run: TrainSettings, reveal: Reveal) -> str:
        """Queue an audit; its result is a `Showcase`. `run` is the train page's experiment, for the full preset."""
        experiment = run if settings.preset == "full" else None
        job = f"membership-{fingerprint(settings, experiment, reveal)}"
        self.jobs.submit(job, lambda: self._membership(settings, experiment, reveal))
        return job

    def reconstruction(self, settings: ReconstructionSettings, reveal: Reveal) -> str:
        """Queue a pair of twins, or an inverted update; its result is a `Gallery`."""
        job = f"reconstruction-{_name(settings.training())}-{fingerprint(settings, reveal)}"
        self.jobs.submit(job, lambda: self._reconstruction(settings, reveal))
        return job

    def finished(self, settings: TrainSettings) -> dict[str, Any] | None:
        """The description of a stored run with these settings, or None."""
        import json

        from mlleak_core.places import runs_home

        if _private(settings.data):
            run = self._recall(self._runs, run_key(settings))
            return {"seconds": run.seconds, "complete": run.complete} if run else None
        try:
            return json.loads((runs_home() / run_key(settings) / "run.json").read_text())  # type: ignore[no-any-return]
        except (OSError, ValueError):
            return None

    def faces(self, settings: TrainSettings) -> Generator[Step, None, Faces]:
        """The faces of a training, opened once for all visitors."""
        from mlleak_core import data
        from mlleak_core.training import choose_faces

        key = fingerprint(settings.data, data.identity(settings.data))
        found = self._recall(self._uploads, settings.data) or self._recall(self._faces, key)
        if found is None:
            found = yield from data.load(settings.data)
            self._remember(self._faces, key, found, OPEN_SETS)
        return choose_faces(found, settings)

    def bring(self, blob: bytes) -> Generator[Step, None, str]:
        """Take in a visitor's ZIP of pictures; returns the name under which `faces` finds them. Raises BadInput."""
        from mlleak_core.data import upload

        name = upload.name_of(blob)
        if self._recall(self._uploads, name) is None:
            self._remember(self._uploads, name, (yield from upload.open_upload(blob)), UPLOADS)
        return name

    def forget(self, upload: str) -> None:
        """Let go of a visitor's pictures, of nets trained on them and of faces read back out of those."""
        with self._lock:
            self._uploads.pop(upload, None)
            for key in [k for k, run in self._runs.items() if run.settings.data == upload]:
                del self._runs[key]
        self.jobs.forget(upload)

    def run(self, settings: TrainSettings) -> Target:
        """A finished run, from memory or disk. Raises BadInput where there is none or it was altered."""
        key = run_key(settings)
        found = self._recall(self._runs, key)
        if found is None:
            found = self.store.load(key)
            self._remember(self._runs, key, found, OPEN_RUNS)
        return found

    def _train(self, settings: TrainSettings, afresh: bool) -> Generator[Step, None, Target]:
        from mlleak_core.training import fit

        if not afresh:
            try:
                kept = self.run(settings)
                if kept.complete:
                    return kept
            except BadInput:
                pass
        faces = yield from self.faces(settings)
        target = yield from fit(faces, settings)
        self._remember(self._runs, target.key, target, OPEN_RUNS)
        try:
            if not _private(settings.data):
                self.store.save(target)
        except OSError as problem:
            yield Step(1, 1, f"the run could not be kept on disk ({problem.strerror}); it lives until the server stops")
        return target

    def _features(self, settings: TrainSettings, attributes: Sequence[str], seed: int) -> Generator[Step, None, Any]:
        from mlleak_core.attacks.features import LayerLadder, analyse

        faces = yield from self.faces(settings)
        return (yield from analyse(self.run(settings), faces, attributes, LayerLadder(seed=seed)))

    def _maps(
        self, settings: TrainSettings, attribute: str, chosen: MapSettings, known: str = "", last_only: bool = False
    ) -> Generator[Step, None, Any]:
        from mlleak_core.maps import draw

        faces = yield from self.faces(settings)
        earlier = self.look(known) if known else None
        result = earlier.result if earlier else None
        return (yield from draw(self.run(settings), faces, attribute, chosen, result, last_only))

    def _membership(self, settings: MembershipSettings, run: TrainSettings | None, reveal: Reveal) -> Generator[Step, None, Any]:
        import torch

        from mlleak_core import training  # noqa: F401  it notes the number of threads, so before that is changed
        from mlleak_core.audit import audit
        from mlleak_core.showcase import showcase
        from mlleak_core.subjects import tabular_data

        if _private(settings.data):
            raise BadInput(
                "records that other processes may read from disk, where the shadows are trained", "an upload, which is never written there",
                "Attack another data set here, or put the pictures into a folder and use the command line.",
            )  # fmt: skip
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the cores belong to the shadows; two threads that wait for each other would crawl

        faces = None
        if not tabular_data(settings.data):
            faces = yield from self.faces(run or TrainSettings(data=settings.data))
        steps = audit(
            settings,
            run=run,
            reveal=reveal,
            executor=self.executor(),
            faces=faces,
            target_run=self.run if run else None,
            live=True,
        )
        try:
            step, seen, live = next(steps), None, None
            while True:
                if step.peek and step.peek["audit"] is not seen:
                    seen = step.peek["audit"]
                    live = {"showcase": showcase(seen)}
                try:
                    yield replace(step, peek=live)
                    step = next(steps)
                except Stop:
                    step = steps.throw(Stop())
        except StopIteration as end:
            return showcase(end.value)
        finally:
            torch.set_num_threads(threads)

    def _reconstruction(self, settings: ReconstructionSettings, reveal: Reveal) -> Generator[Step, None, Any]:
        from mlleak_core.gallery import gallery, inversion_gallery
        from mlleak_core.participant import invert
        from mlleak_core.twins import twins

        faces = yield from self.faces(TrainSettings(data=settings.data))
        if settings.attack == "gradient":
            return inversion_gallery((yield from invert(settings, faces)))
        key = f"twin-{run_key(settings.training())}"
        found = yield from twins(settings, faces, reveal, clean=self._recall(self._runs, key))
        if found.clean.complete:
            self._remember(self._runs, key, found.clean, OPEN_RUNS)
        if not _private(settings.data):
            with contextlib.suppress(OSError):
                self.store.save(found.malicious)
        return gallery(found)

    def executor(self) -> Executor:
        """Processes for shadows, started once for all visitors; a cluster where MLLEAK_CLUSTER names one."""
        import os

        from mlleak_core import fleet

        with self._lock:
            broken = getattr(self._executor, "_broken", False)
            if self._executor is None or broken:
                address = os.environ.get("MLLEAK_CLUSTER")
                self._executor = fleet.cluster(address) if address else fleet.processes()
            return self._executor

    def look(self, job: str, visitor: str = "") -> Snapshot | None:
        return self.jobs.look(job, visitor)

    def _recall(self, shelf: OrderedDict[str, Any], key: str) -> Any:
        with self._lock:
            if key in shelf:
                shelf.move_to_end(key)
            return shelf.get(key)

    def _remember(self, shelf: OrderedDict[str, Any], key: str, value: Any, most: int) -> None:
        with self._lock:
            shelf[key] = value
            shelf.move_to_end(key)
            while len(shelf) > most:
                shelf.popitem(last=False)


def _private(name: str) -> bool:
    """Whether nothing about these records may be written to disk: a visitor's upload."""
    return name.partition(":")[0] == UPLOAD


def _name(settings: TrainSettings) -> str:
    """What jobs about a run are called by; those about an upload name it, too, so that `forget` finds them."""
    return run_key(settings) + (f"-{settings.data}" if _private(settings.data) else "")
