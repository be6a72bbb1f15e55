"""A real server: how soon Home shows, how long a page's rerun takes while a training runs, what ten runs cost
in memory.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import numpy as np
import psutil

from benchmarks.serving import CHROMIUM, first_paint, serving, serving_nothing
from mlleak_core.disk import cache_home

NAMES = {"lfw": "LFW", "synthetic": "Synthetic faces"}


class Visitor:
    """One session on the server, driven without a browser."""

    def __init__(self, address: str, page: str, **query: str) -> None:
        self.address = address
        first = self._post({"page": page, "query_params": {k: [v] for k, v in query.items()}})
        self.session, self.tree = first["session_id"], first

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.address}/_stcore/agent/interact",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            return json.loads(reply.read())  # type: ignore[no-any-return]

    def rerun(self) -> float:
        """Run the page once more; seconds until it was complete."""
        began = time.perf_counter()
        self.tree = self._post({"session_id": self.session})
        return time.perf_counter() - began

    def press(self, label: str) -> None:
        key = next(a["key"] for a in self.tree["actions"] if a.get("label") == label)
        self.tree = self._post({"session_id": self.session, "trigger": {"key": key}})

    def says(self, words: str) -> bool:
        return words in json.dumps(self.tree, ensure_ascii=False)


class Watcher:
    """A session over the front end's own websocket: what a visitor's browser waits for,
    without its drawing.
    """

    def __init__(self, address: str, page: str, query: str = "") -> None:
        from websockets.sync.client import connect

        stream = f"{address.replace('http', 'ws')}/_stcore/stream"
        spoken: Any = ["streamlit"]
        self.socket = connect(stream, subprotocols=spoken, max_size=None)
        self.page, self.query, self.fragment = page, query, ""
        self.rerun()

    def rerun(self, fragment: str = "") -> float:
        """Ask for a rerun, of one fragment if named; seconds until its last message has come."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = self.page, self.query
        message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, bool(fragment)
        ends = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}
        began = time.perf_counter()
        self.socket.send(message.SerializeToString())
        while True:
            got = ForwardMsg()
            got.ParseFromString(self.socket.recv(timeout=60))
            kind = got.WhichOneof("type")
            if kind == "auto_rerun":
                self.fragment = got.auto_rerun.fragment_id
            if kind == "script_finished" and got.script_finished in ends:
                return time.perf_counter() - began

    def follow(self, seconds: float) -> list[float]:
        """Ask for the live part of the page once a second, as its browser does; seconds that each took."""
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            found.append(self.rerun(self.fragment))
            time.sleep(max(0.0, 1 - found[-1]))
        return found


def classroom(data: str, visitors: int = 30) -> dict[str, Any]:
    """Many visitors watch one training: how long each waits for the live part of the page, and what it costs
    the training.
    """
    with serving("--server.enableAgentApi=true", shared=cache_home()) as (address, _):
        teacher = Visitor(address, "train", data=NAMES[data], seed="0", epochs="60")
        time.sleep(12)  # the background imports
        teacher.press("Train these settings")
        alone = _pace(teacher, 8)
        watchers = [
            Watcher(address, "train", f"data={quote(NAMES[data])}&epochs=60") for _ in range(visitors)
        ]
        with ThreadPoolExecutor(visitors) as pool:
            found = [pool.submit(w.follow, 10.0) for w in watchers]
            watched = _pace(teacher, 10)
            waits = [seconds for f in found for seconds in f.result()]
    return {
        "visitors": visitors, "asked": len(waits), "p50_ms": _ms(waits, 50), "p95_ms": _ms(waits, 95),
        "epochs_a_second_alone": alone, "epochs_a_second_watched": watched,
    }  # fmt: skip


def _pace(learner: Visitor, seconds: float) -> float:
    """Epochs a second of a training, over this long."""

    def epoch() -> int:
        learner.rerun()
        found = re.search(r"epoch (\d+) of", json.dumps(learner.tree))
        return int(found[1]) if found else 0

    while not (first := epoch()):
        time.sleep(0.2)
    began = time.perf_counter()
    time.sleep(seconds)
    return (epoch() - first) / (time.perf_counter() - began)


def first_minute(seconds: float = 45) -> dict[str, float]:
    """Reruns of Home from the first visit on, on a machine where nothing has been compiled yet."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(MLLEAK_WARM="1", NUMBA_CACHE_DIR=folder) as (address, _),
    ):
        watcher, found, end = Watcher(address, ""), [], time.monotonic() + seconds
        while time.monotonic() < end:
            found.append(watcher.rerun())
            time.sleep(0.5)
    return {"p50": _ms(found, 50), "p95": _ms(found, 95), "n": len(found)}


def home(times: int = 5) -> dict[str, Any]:
    """Median seconds, in a browser on the same machine: Home's first paint and its leak, beside an empty
    page's paint.
    """
    from playwright.sync_api import sync_playwright

    if not (chromium := shutil.which("chromium")):
        return {"skipped": "no chromium"}
    with serving() as (full, _), serving_nothing() as empty, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=CHROMIUM)
        rows = []
        for turn in range(times + 1):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            leak = first_paint(page, full, ".big", ".face-map canvas.main")
            paint = (
                page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
            )
            page.close()
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            rows.append((paint, leak, first_paint(page, empty, ".big")))
            page.close()
            if turn == 0:  # finds the servers cold
                rows.clear()
                time.sleep(20)
        browser.close()
    paint, leak, nothing = np.median(rows, axis=0).round(2).tolist()
    return {"first_contentful_paint": paint, "leak": leak, "empty_page": nothing}


def measure(data: str) -> dict[str, Any]:
    """Reruns of two pages, idle and while LFW-sized training runs; memory after each of ten runs."""
    name = NAMES[data]
    with serving("--server.enableAgentApi=true", shared=cache_home()) as (address, number):
        process = psutil.Process(number)
        watchers = [Watcher(address, page) for page in ("train", "features", "membership")]
        time.sleep(12)  # the background imports
        idle = [w.rerun() for _ in range(10) for w in watchers]
        busy: list[float] = []
        memory: list[float] = []
        for seed in range(10):
            learner = Visitor(address, "train", data=name, seed=str(seed), epochs="15" if seed == 0 else "3")
            learner.press("Train these settings")
            while not learner.says("Test accuracy"):
                if seed == 0:
                    busy += [w.rerun() for w in watchers]
                time.sleep(0.5)
                learner.rerun()
            print(f"run {seed + 1} of 10", file=sys.stderr, flush=True)
            memory.append(
                sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / 2**20
            )
    return {
        "rerun_idle_ms": {"p50": _ms(idle, 50), "p95": _ms(idle, 95), "n": len(idle)},
        "rerun_while_training_ms": {"p50": _ms(busy, 50), "p95": _ms(busy, 95), "n": len(busy)},
        "memory_mb_after_each_run": [round(m) for m in memory],
        "classroom": classroom(data),
        "home_seconds": home(),
        "first_minute_ms": first_minute(),
    }


def _ms(seconds: list[float], percent: float) -> float:
    return round(float(np.percentile(seconds, percent)) * 1000)
