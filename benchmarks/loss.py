"""kill -9 at random moments of a training, an audit, a pair of twins and a save: every next start has to find
all that was finished, nothing half, and to end what was broken off with the bits of an undisturbed run.

Processes follow one another in one cache folder, each the next start after the one before was killed. They
are forks of one that has only imported what they need, since that takes longer than all the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.own import as_folder

ROOT = Path(__file__).parents[1]
KINDS = ("training", "audit", "audit of tables", "twins", "save")
"""An audit of pictures trains its shadows in other processes, one of tables in its own."""
SEEDS = (1, 2)
"""Of the runs that are broken off; those of seed 0 were finished before, and stay."""
ORPHANS = 15.0
"""Seconds within which the processes that a killed one had started must have ended."""
Digests = dict[str, str]


# In the process that is killed, and in the one it is a fork of.


def forge() -> None:
    """For every line, a home and a data set, a process that begins there; the next when that has ended."""
    import mlleak_core.data.records
    import mlleak_core.threats.membership.audit
    import mlleak_core.threats.reconstruction.twins  # noqa: F401
    from mlleak_core.target.training import rehearse

    rehearse()
    while line := ask():
        pid = os.fork()
        if not pid:
            os.environ["MLLEAK_CACHE_HOME"], data = line
            try:
                work(str(data))
            except BaseException as problem:  # noqa: BLE001  said, not shown
                say("failed", repr(problem))
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        say("ended", pid)


def work(data: str) -> None:
    """Say what is kept here, then do what is asked, a line each: a kind of KINDS and a seed."""
    from mlleak_core.server.desk import Desk

    Desk().close()  # as a server or a command begins
    say("begun", os.getpid())
    say("found", {"kept": kept(), "litter": litter()})
    while line := ask():
        kind, seed = line
        say("begun", kind)
        say("done", attempt(kind, data, seed))


def ask() -> Any:
    """The next line, not a byte more: whoever comes next reads on from there."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        line += byte
    return json.loads(line)


def say(what: str, value: Any) -> None:
    os.write(1, json.dumps([what, value]).encode() + b"\n")


def attempt(kind: str, data: str, seed: int) -> str:
    """The digest of what the run found, or why it could not be. A saving writes the finished run of seed 0
    over itself for half a second.
    """
    from mlleak_core.contract import BadInput, drain
    from mlleak_core.server.desk import Desk

    desk = Desk()
    try:
        if kind == "save":
            return saved(desk, data)
        if kind == "training":
            return of_target(drain(desk.target(training(data, seed))))
        if kind == "twins":
            from mlleak_core.threats.reconstruction.twins import run as twins

            return of_twins(drain(twins(reconstruction(data, seed), desk)))
        from mlleak_core.threats.membership.audit import run as audit

        return of_audit(drain(audit(membership("clinic" if "tables" in kind else data, seed), desk)))
    except BadInput as problem:
        return str(problem)
    finally:
        desk.close()


def saved(desk: Any, data: str, seconds: float = 0.5) -> str:
    target, end = desk.run(training(data, 0)), time.monotonic() + seconds
    while time.monotonic() < end:
        desk.store.save(target)
    return of_target(desk.store.load(target.key))


def training(data: str, seed: int) -> Any:
    from mlleak_core.target.settings import TrainSettings

    return TrainSettings(data=data, epochs=8, net="strided-3", seed=seed)


def membership(data: str, seed: int) -> Any:
    from mlleak_core.threats.membership.card import MembershipSettings

    return MembershipSettings(data=data, attack="lira", shadows=4, epochs=6, seed=seed)


def reconstruction(data: str, seed: int) -> Any:
    from mlleak_core.threats.reconstruction.card import ReconstructionSettings

    return ReconstructionSettings(data=data, faces=4, bits=100, parity=0, epochs=6, seed=seed)


def digest(*parts: Any) -> str:
    """Of arrays and of what JSON can say."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(str((part.dtype, part.shape)).encode())
            found.update(np.ascontiguousarray(part).tobytes())
        else:
            found.update(json.dumps(part, sort_keys=True, default=float).encode())
    return found.hexdigest()[:16]


def of_target(target: Any) -> str:
    """Weights of every epoch, answers, split and curves; not how long it took."""
    states = [v.numpy() for _, state in sorted(target.states.items()) for _, v in sorted(state.items())]
    curves = [v for k, v in sorted(target.history.items()) if "second" not in k]
    split = [target.split.members, target.split.outsiders]
    return digest(target.key, target.complete, *states, *curves, *split, target.test_logits)


def of_audit(audit: Any) -> str:
    """Every record's scores by every attack, and the shadows' answers that they rest on."""
    scores = [v for _, v in sorted(audit.scores.items())]
    return digest(sorted(audit.scores), *scores, audit.shadow_phi, audit.inside, audit.target_phi, audit.lost)


def of_twins(twins: Any) -> str:
    """Both nets, and every picture that was read out of them."""
    pictures = [np.asarray(frame.pictures) for frame in twins.frames]
    return digest(of_target(twins.clean), of_target(twins.malicious), *pictures, twins.report.row())


def kept() -> Digests:
    """All that the cache would answer with: runs, bare models, shadows. What cannot be read is `damaged`."""
    from mlleak_core.contract import BadInput
    from mlleak_core.disk import cache_home, read_array
    from mlleak_core.target.store import Store

    store, found = Store(), {}
    homes = sorted(p for p in store.root.glob("[!.]*") if p.is_dir()) if store.root.is_dir() else []
    for home in homes:
        try:
            if store.has(home.name):
                found[f"runs/{home.name}"] = of_target(store.load(home.name))
                continue
            answer, about = store.load_model(home.name)
            inputs = np.zeros((2, *about["input"]), about["dtype"])
            found[f"runs/{home.name}"] = digest(np.asarray(answer(inputs)))
        except BadInput:
            found[f"runs/{home.name}"] = "damaged"
    for file in sorted(cache_home().glob("fleets/*/*.npy")):
        array = read_array(file)
        found[f"fleets/{file.parent.name}/{file.name}"] = "damaged" if array is None else digest(array)
    return found


def litter() -> list[str]:
    """What lies about that no run will ever use."""
    from mlleak_core.disk import cache_home

    found = [p for p in cache_home().rglob("*") if p.name.startswith(".") or p.suffix == ".tmp"]
    return sorted(str(p.relative_to(cache_home())) for p in found)


# In the process that kills.


class Unexpected(Exception):
    """Something else was said."""


class Forge:
    """Starts one process after the other; `close` ends the last."""

    def __init__(self) -> None:
        words = "from benchmarks.loss import forge; forge()"
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        one = {**os.environ, "OMP_NUM_THREADS": "1"}  # two would wait for one another on a busy machine
        self.process = subprocess.Popen([sys.executable, "-c", words], cwd=ROOT, env=one, **pipes)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.kill()
        self.process.wait()

    def say(self, *line: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")

    def hear(self, what: str, seconds: float = 300.0) -> Any:
        """What the next line says; None where none comes in time."""
        pipe = self.process.stdout
        assert pipe is not None
        if not select.select([pipe], [], [], max(seconds, 0.0))[0]:
            return None
        said, value = json.loads(pipe.readline() or "[null, null]")
        if said != what:
            raise Unexpected(f"heard {said!r} ({value}) instead of {what!r}")
        return value


class Start:
    """A start in the cache folder `home`: what it found there, and what it is asked to do."""

    def __init__(self, forge: Forge, home: Path, data: str) -> None:
        self.forge = forge
        forge.say(str(home), data)
        self.pid = forge.hear("begun")
        self.found = forge.hear("found")

    def begin(self, kind: str, seed: int) -> None:
        self.forge.say(kind, seed)
        self.forge.hear("begun")

    def do(self, kind: str, seed: int) -> tuple[str, float]:
        """Its digest, and the seconds it took."""
        began = time.perf_counter()
        self.begin(kind, seed)
        return self.forge.hear("done"), time.perf_counter() - began

    def kill(self, after: float = 0.0) -> tuple[bool, int]:
        """kill -9 after so many seconds; whether in the midst of it, and how many processes outlived it.

        They are ended after ORPHANS.
        """
        early = self.forge.hear("done", after) is None
        children = psutil.Process(self.pid).children(recursive=True)
        os.kill(self.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=ORPHANS)
        for process in alive:
            process.kill()
        try:
            self.forge.hear("ended")
        except Unexpected:  # done at the last moment
            self.forge.hear("ended")
            early = False
        return early, len(alive)


@dataclass
class Tally:
    """What became of the moments: killed, by kind; and what must not be, by what was seen."""

    killed: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    believed: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)
    outlived: int = 0
    too_late: int = 0

    def row(self) -> dict[str, Any]:
        return {"moments": self.killed.total(), **vars(self), "killed": dict(self.killed)}


def measure(
    moments: int = 50,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    seeds: Sequence[int] = SEEDS,
    before: Sequence[str] = KINDS[:-1],
) -> dict[str, Any]:
    """`moments` kills, the kinds in turn, each at a moment drawn from the length of an undisturbed run.
    Those of `before` were finished once with seed 0.

    lost: what had been finished and is not there any more. believed: what would be answered with although it
    is not what an undisturbed run leaves. otherwise: runs that end with other bits than an undisturbed one.
    """
    dice, tally, began = np.random.default_rng(seed), Tally(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, closing(Forge()) as forge:
        home, data = Path(folder) / "home", as_folder(Path(folder) / "pictures", 160, 2, seed)
        known = _undisturbed(forge, home, data, before, [(kind, s) for s in seeds for kind in kinds])
        broken: tuple[str, int] | None = None
        while tally.killed.total() < moments or broken:
            start = Start(forge, home, data)
            _look(tally, start.found, known)
            if broken and start.do(*broken)[0] != known.digests[broken]:
                tally.otherwise.append(f"{broken[0]}, seed {broken[1]}")
            broken = None
            if tally.killed.total() == moments:
                start.kill()
                break
            kind, number = kinds[tally.killed.total() % len(kinds)], seeds[int(dice.integers(len(seeds)))]
            _forget(home, known.finished)
            start.begin(kind, number)
            midst, orphans = start.kill(float(dice.uniform(0, known.seconds[kind])))
            tally.outlived += orphans
            if midst:
                broken = kind, number
                tally.killed[kind] += 1
                print(f"killed {tally.killed.total()} of {moments}", file=sys.stderr, flush=True)
            else:
                tally.too_late += 1
    return {**tally.row(), "seconds": time.perf_counter() - began, "seconds_undisturbed": known.seconds}


@dataclass(frozen=True)
class Known:
    """Of runs that nobody breaks off. finished: what those of seed 0 left, which must never be lost; whole:
    what all leave.

    digests: what each finds. seconds: how long one of a kind takes.
    """

    finished: Digests
    whole: Digests
    digests: dict[tuple[str, int], str]
    seconds: dict[str, float]


def _undisturbed(
    forge: Forge, home: Path, data: str, before: Sequence[str], runs: Sequence[tuple[str, int]]
) -> Known:
    """Runs of seed 0, then the others, which are forgotten again."""
    start = Start(forge, home, data)
    for kind in before:
        start.do(kind, 0)
    start.kill()
    start = Start(forge, home, data)
    finished = start.found["kept"]
    done = {run: start.do(*run) for run in runs}
    start.kill()
    start = Start(forge, home, data)
    start.kill()
    _forget(home, finished)
    seconds = {kind: done[kind, runs[-1][1]][1] for kind, _ in runs}
    return Known(finished, start.found["kept"], {run: v[0] for run, v in done.items()}, seconds)


def _look(tally: Tally, found: dict[str, Any], known: Known) -> None:
    """At what the next start finds."""
    here = found["kept"]
    tally.lost += [name for name, was in known.finished.items() if here.get(name) != was]
    tally.believed += [name for name, now in here.items() if known.whole.get(name) != now]
    tally.litter += found["litter"]


def _forget(home: Path, finished: Digests) -> None:
    """All but what was finished at first: the next run has to be made again."""
    for folder in (*home.glob("runs/[!.]*"), *home.glob("fleets/*")):
        if not any(name.startswith(str(folder.relative_to(home))) for name in finished):
            shutil.rmtree(folder)


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 50), indent=1))
