"""A real server under load: how long a page's rerun takes while a training runs, and what ten runs cost in memory."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any

import numpy as np
import psutil

from benchmarks.serving import serving
from mlleak_core.places import cache_home


class Visitor:
    """One session on the server, driven without a browser."""

    def __init__(self, address: str, page: str, **query: str) -> None:
        self.address = address
        first = self._post({"page": page, "query_params": {k: [v] for k, v in query.items()}})
        self.session, self.tree = first["session_id"], first

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.address}/_stcore/agent/interact", json.dumps(body).encode(), {"Content-Type": "application/json"}
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
    """A session over the front end's own websocket: what a visitor's browser waits for, without its drawing."""

    def __init__(self, address: str, page: str) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from websockets.sync.client import connect

        self.socket = connect(f"{address.replace('http', 'ws')}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        self.message = BackMsg()
        self.message.rerun_script.page_name = page
        self.rerun()

    def rerun(self) -> float:
        """Ask for a rerun; seconds until its last message has come."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        began = time.perf_counter()
        self.socket.send(self.message.SerializeToString())
        while True:
            got = ForwardMsg()
            got.ParseFromString(self.socket.recv(timeout=60))
            if got.WhichOneof("type") == "script_finished" and got.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return time.perf_counter() - began


def measure(data: str) -> dict[str, Any]:
    """Reruns of two pages, idle and while LFW-sized training runs; memory after each of ten runs."""
    name = {"lfw": "LFW", "synthetic": "Synthetic faces"}[data]
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
            memory.append(sum(p.memory_info().rss for p in (process, *process.children(recursive=True))) / 2**20)
    return {
        "rerun_idle_ms": {"p50": _ms(idle, 50), "p95": _ms(idle, 95), "n": len(idle)},
        "rerun_while_training_ms": {"p50": _ms(busy, 50), "p95": _ms(busy, 95), "n": len(busy)},
        "memory_mb_after_each_run": [round(m) for m in memory],
    }


def _ms(seconds: list[float], percent: float) -> float:
    return round(float(np.percentile(seconds, percent)) * 1000)
