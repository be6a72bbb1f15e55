"""Thirty phones and a teacher while trainings run: how long until a bet is on the teacher's screen?

Real parts: the app, the page for phones in its own process, a teacher's websocket whose live part is asked
for once a second as a browser does, trainings started on the Train page.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from benchmarks.load import Browser
from benchmarks.serving import ROOT, serving
from mlleak_core.classroom.doors import answers
from mlleak_core.classroom.rooms import Rooms
from mlleak_core.disk import cache_home
from mlleak_core.threat import Asked

SHOWN = re.compile(rb'<b class="hot">(\d+)</b><i>of \d+ have locked')
"""What the teacher's page says of bets."""
SECONDS = 8.0
"""In which a class bets on one question."""
TRAINING = "epochs=40&seed={}"


@contextlib.contextmanager
def class_serving() -> Iterator[tuple[str, str, Path]]:
    """The addresses of an app and of its page for phones, with a cache of their own; of this machine's they
    see the decoded data.
    """
    with tempfile.TemporaryDirectory(prefix="mlleak-class-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        for name in ("data", "numba"):
            if (cache_home() / name).is_dir():
                (home / name).symlink_to(cache_home() / name)
        port = _free_port()
        where = {"MLLEAK_CLASSROOM_PORT": str(port), "MLLEAK_CLASSROOM_HOST": "127.0.0.1"}
        env = {"MLLEAK_CACHE_HOME": folder, **where}
        with _phones(port, env), serving(app=ROOT / "app.py", shared=None, **env) as (address, _):
            yield address, f"http://127.0.0.1:{port}", home
        shutil.rmtree(home / "runs", ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _phones(port: int, env: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "mlleak_core", "classroom", "--port", str(port), "--host", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            if answers("127.0.0.1", port):
                break
            time.sleep(0.25)
        yield
    finally:
        server.terminate()
        server.wait(20)


class Teacher(Browser):
    """The teacher's browser: notes when it was told of how many bets."""

    def __init__(self, address: str) -> None:
        super().__init__(address, 0)
        self.told: dict[int, float] = {}

    def _look_for_marks(self, raw: bytes) -> None:
        for count in map(int, SHOWN.findall(raw)):
            for each in range(1, count + 1):
                self.told.setdefault(each, time.monotonic())


class Phone:
    """One phone: it joins, waits for the class as its page does, and bets."""

    def __init__(self, address: str, code: str) -> None:
        self.host, self.code = urlsplit(address).netloc, code
        self.cookie = ""
        self.cookie = (self.ask("/join", {"code": code}).getheader("Set-Cookie") or "").partition(";")[0]

    def ask(self, path: str, form: dict[str, Any] | None = None) -> http.client.HTTPResponse:
        line = http.client.HTTPConnection(self.host, timeout=60)
        head = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        line.request("POST" if form else "GET", path, urlencode(form) if form else None, head)
        reply = line.getresponse()
        reply.read()
        line.close()
        return reply

    def wait(self, over: threading.Event) -> None:
        """Ask again and again whether the class has moved on."""
        seen = 0
        while not over.is_set():
            with contextlib.suppress(OSError, ValueError):
                url = f"http://{self.host}/r/{self.code}/wait?seen={seen}"
                with urllib.request.urlopen(url, timeout=60) as reply:
                    seen = json.loads(reply.read())["version"]

    def bet(self, step: int, pick: int, after: float) -> tuple[float, float]:
        """Bet after some seconds; when it was sent and when it was answered."""
        time.sleep(after)
        began = time.monotonic()
        assert self.ask(f"/r/{self.code}/bet", {"step": step, "pick": pick}).status == 303
        return began, time.monotonic()


def measure(phones: int = 30) -> dict[str, Any]:
    """Seconds from a bet to the teacher's screen, over all questions of the lesson."""
    with class_serving() as (address, door, home):
        rooms = Rooms(home / "classroom" / "rooms.sqlite")
        code, key = rooms.open()
        class_ = [Phone(door, code) for _ in range(phones)]
        over, waits = threading.Event(), list[float]()
        trainer = Browser(address, 1)
        with ThreadPoolExecutor(2 * phones) as pool, contextlib.closing(trainer):
            for phone in class_:
                pool.submit(phone.wait, over)
            try:
                for step in range(len(rooms.steps)):
                    trainer.go("train", TRAINING.format(step))
                    trainer.press("Train these settings")
                    if step == 0:
                        time.sleep(20)
                    rooms.turn(code, key, step)
                    waits += _question(pool, Teacher(address), f"class={code}.{key}", class_, rooms, step)
            finally:
                over.set()
                rooms.close(code, key)
        rooms.close_all()
    p50, p95 = np.percentile(waits, [50, 95])
    found = {"phones": phones, "bets": len(waits), "p50": p50, "p95": p95, "longest": max(waits)}
    return {"processor": processor(), "cores": os.cpu_count()} | {
        name: value if isinstance(value, int) else round(float(value), 3) for name, value in found.items()
    }


def _question(
    pool: ThreadPoolExecutor, teacher: Teacher, query: str, class_: list[Phone], rooms: Rooms, step: int
) -> list[float]:
    """One question: all phones bet within some seconds while the teacher looks on."""
    question, dice = rooms.steps[step].question, np.random.default_rng(step)
    low, high = question.low, question.high
    if question.kind is not Asked.NUMBER:
        low, high = 0, len(question.options) - 1
    with contextlib.closing(teacher):
        teacher.go("classroom", query)
        bets = [
            pool.submit(phone.bet, step, int(dice.integers(low, high + 1)), float(dice.uniform(0, SECONDS)))
            for phone in class_
        ]
        for seconds in (SECONDS + 3, 10.0, 30.0):
            if len(teacher.told) < len(class_):
                teacher.stay(seconds)
        sent = sorted((bet.result() for bet in bets), key=lambda each: each[1])
    seen = f"the teacher saw {len(teacher.told)} of {len(class_)} bets on question {step + 1}"
    assert len(teacher.told) == len(class_), f"{seen}; {dict(teacher.seen.errors)}"
    return [teacher.told[count] - began for count, (began, _) in enumerate(sent, 1)]


def processor() -> str:
    """Its name, as the system says it."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 30), indent=1))
