"""Thirty visitors at once, ten minutes long, each with pictures of their own: how long a page takes, whether
anybody sees what is another's, whether the server grows.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil

from benchmarks.own import as_zip
from benchmarks.serving import serving
from mlleak_core.disk import cache_home

PEOPLE, PHOTOS, EPOCHS = 60, 3, 6
PAGES = ("train", "features", "train", "reconstruction", "", "inversion", "train", "membership")
"""What a visitor looks at in turn, most often the page of their own pictures; one visitor begins where
another is.
"""
OWN = "data=Your+upload"
PRESSED = ("Just show me",)
"""Buttons that are pressed wherever they stand."""
LOOKS = (4.0, 10.0)
"""Seconds for which a page is looked at, drawn anew each time."""
MARK = re.compile(rb"zq(\d\d)zq")
"""Every label and every name in a visitor's pictures begins with theirs."""


def mark(number: int) -> str:
    return f"zq{number:02d}zq "


@dataclass
class Seen:
    """By one visitor, or by all.

    waits: seconds of each rerun, by page; ticks: of each rerun of a page's live part; own, others: messages
    with a mark.
    """

    waits: list[tuple[str, float]] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    own: int = 0
    others: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def __iadd__(self, more: Seen) -> Seen:
        self.waits += more.waits
        self.ticks += more.ticks
        self.own += more.own
        self.others += more.others
        self.errors += more.errors
        return self


class Browser:
    """What a visitor's browser says to the server and waits for: one websocket, one cookie, no drawing."""

    def __init__(self, address: str, number: int) -> None:
        from websockets.sync.client import connect

        self.address, self.number, self.seen = address, number, Seen()
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=60) as reply:
            set_ = reply.headers.get_all("Set-Cookie") or []
        self.cookie = next(c.split(";")[0] for c in set_ if c.startswith("_streamlit_xsrf"))
        stream = f"{address.replace('http', 'ws')}/_stcore/stream"
        told: Any = {"subprotocols": ["streamlit"], "additional_headers": {"Cookie": self.cookie}}
        self._open = contextlib.ExitStack()
        self.socket = self._open.enter_context(connect(stream, max_size=None, **told))
        self.session, self.query, self.page = "", "", "train"
        self.fragments: dict[str, float] = {}
        self.elements: dict[str, Any] = {}
        self.states: dict[str, Any] = {}

    def close(self) -> None:
        self._open.close()

    def go(self, page: str, query: str) -> float:
        """Another page, as by its link; seconds until all of it has come."""
        self.page, self.query, self.states = page, query, {}
        return self.rerun()

    def rerun(self, fragment: str = "", pressed: str = "") -> float:
        """The page once more, or one fragment of it, or the page after a button was pressed."""
        from streamlit.proto.BackMsg_pb2 import BackMsg

        message = BackMsg()
        wish = message.rerun_script
        wish.page_name, wish.query_string = self.page, self.query
        wish.fragment_id, wish.is_auto_rerun = fragment, bool(fragment)
        wish.widget_states.widgets.extend(self.states.values())
        if pressed:
            wish.widget_states.widgets.add(id=pressed, trigger_value=True)
        if not fragment:
            self.fragments.clear()
            self.elements.clear()
        began = time.perf_counter()
        self.socket.send(message.SerializeToString())
        self._hear("script_finished")
        return time.perf_counter() - began

    def _hear(self, kind: str) -> Any:
        """The next message of this kind; what comes before it is looked at."""
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        while True:
            raw = self.socket.recv(timeout=120)
            assert isinstance(raw, bytes)
            self._look_for_marks(raw)
            got = ForwardMsg()
            got.ParseFromString(raw)
            this = got.WhichOneof("type")
            if this == "new_session":
                self.session = got.new_session.initialize.session_id
            elif this == "auto_rerun":
                self.fragments[got.auto_rerun.fragment_id] = got.auto_rerun.interval
            elif this == "script_finished" and got.script_finished == got.FINISHED_EARLY_FOR_RERUN:
                self.fragments.clear()  # the page wished to be drawn anew: its live parts are told again
            elif this == "delta" and got.delta.WhichOneof("type") == "new_element":
                self._note(got.delta.new_element)
            if this == kind and (this != "script_finished" or got.script_finished in _ends()):
                return got

    def _look_for_marks(self, raw: bytes) -> None:
        found = {int(n) for n in MARK.findall(raw)}
        self.seen.own += self.number in found
        for other in found - {self.number}:
            self.seen.others[f"{self.number} saw {other} on {self.page or 'home'}"] += 1

    def _note(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind in {"button", "file_uploader", "checkbox", "button_group"}:
            self.elements[getattr(element, kind).label] = getattr(element, kind)
        elif kind == "exception":
            self.seen.errors[f"{self.page}: {element.exception.type}"] += 1

    def send(self, name: str, blob: bytes) -> float:
        """Give a file to the page's uploader: ask where to, put it there, tell the page."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        message = BackMsg()
        wish = message.file_urls_request
        wish.request_id, wish.session_id = uuid.uuid4().hex, self.session
        wish.file_names.append(name)
        self.socket.send(message.SerializeToString())
        where = self._hear("file_urls_response").file_urls_response.file_urls[0]
        self._put(where.upload_url, name, blob)
        uploader = self.elements["ZIP of pictures"]
        state = WidgetState(id=uploader.id)
        state.file_uploader_state_value.uploaded_file_info.add(
            name=name, size=len(blob), file_id=where.file_id, file_urls=where
        )
        self.states[uploader.id] = state
        return self.rerun()

    def _put(self, path: str, name: str, blob: bytes) -> None:
        edge = uuid.uuid4().hex
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = head.encode() + blob + f"\r\n--{edge}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={edge}",
            "Cookie": self.cookie,
            "X-Xsrftoken": self.cookie.partition("=")[2],
        }
        request = urllib.request.Request(f"{self.address}{path}", body, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=120) as reply:
            assert reply.status < 300

    def press(self, label: str) -> float:
        return self.rerun(pressed=self.elements[label].id)

    def stay(self, seconds: float) -> None:
        """Look at the page; its live parts are asked for as often as the page wishes, as a browser does."""
        end, asked = time.monotonic() + seconds, dict.fromkeys(self.fragments, time.monotonic())
        while (now := time.monotonic()) < end:
            for name, every in list(self.fragments.items()):
                if now - asked.setdefault(name, now) >= every:
                    asked[name] = now
                    self.seen.ticks.append(self.rerun(fragment=name))
            time.sleep(0.1)


def _ends() -> set[int]:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    return {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}


def visit(address: str, number: int, arrives: float, leaves: float) -> Seen:
    """One visitor's ten minutes: send a ZIP, train on it, then look at one page after another."""
    dice = np.random.default_rng(number)
    blob = as_zip(PEOPLE, PHOTOS, number, mark(number))
    time.sleep(max(0.0, arrives - time.monotonic()))
    browser = Browser(address, number)
    query, seen = f"{OWN}&epochs={EPOCHS}", browser.seen

    def look(name: str, act: Callable[[], float]) -> None:
        seen.waits.append((name, act()))
        browser.stay(float(dice.uniform(*LOOKS)))

    try:
        look("train", lambda: browser.go("train", query))
        look("upload", lambda: browser.send(f"own-{number}.zip", blob))
        look("train", lambda: browser.press("Train these settings"))
        for turn in range(number, 10_000):
            page = PAGES[turn % len(PAGES)]
            if time.monotonic() > leaves:
                break
            look(page or "home", lambda: browser.go(page, query))  # noqa: B023  at once
            for label in PRESSED:
                if label in browser.elements and time.monotonic() < leaves:
                    look(page or "home", lambda: browser.press(label))  # noqa: B023  at once
    finally:
        browser.close()
    return seen


def memory(process: psutil.Process) -> float:
    """Megabytes of the server and of the processes it started."""
    found = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            found += each.memory_info().rss
    return found / 2**20


def measure(visitors: int = 30, minutes: float = 10.0, warm: float = 20.0) -> dict[str, Any]:
    """Waits of all reruns, and of those of a page's live part alone; marks of other visitors that anybody was
    sent; memory at start, half-way and at the end, each the median of a tenth of the time.
    """
    seen, sizes, began = Seen(), [], 0.0
    with serving(shared=cache_home()) as (address, number):
        server = psutil.Process(number)
        with contextlib.closing(Browser(address, 0)) as first:
            first.go("", "")
            time.sleep(warm)  # the background imports
        start = memory(server)
        began = time.monotonic()
        end = began + 60 * minutes
        with ThreadPoolExecutor(visitors) as pool:
            arrive = [began + 3 * minutes * n / visitors for n in range(visitors)]
            visits = [pool.submit(visit, address, n, at, end) for n, at in enumerate(arrive)]
            while not all(v.done() for v in visits):
                sizes.append((time.monotonic() - began, memory(server)))
                time.sleep(2)
            for v in visits:
                seen += v.result()
        cpu = server.cpu_times()
    return {"visitors": visitors, "minutes": minutes, **_row(seen), **_sizes(start, sizes, 60 * minutes)} | {
        "server_cpu_seconds": round(cpu.user + cpu.system)
    }


def _row(seen: Seen) -> dict[str, Any]:
    pages = sorted({page for page, _ in seen.waits})
    by_page = {page: [s for p, s in seen.waits if p == page] for page in pages}
    reruns = [s for page, s in seen.waits if page != "upload"]
    return {
        "reruns": _spread(reruns + seen.ticks),
        "whole_pages": _spread(reruns),
        "live_parts": _spread(seen.ticks),
        "by_page": {page: _spread(waits) for page, waits in by_page.items()},
        "messages_with_own_mark": seen.own,
        "messages_with_others_mark": seen.others.total(),
        "who_saw_whom": dict(seen.others),
        "errors": dict(seen.errors),
    }


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {"n": 0}
    p50, p95 = np.percentile(seconds, [50, 95]).round(3).tolist()
    return {"n": len(seconds), "p50": p50, "p95": p95, "longest": round(max(seconds), 2)}


def _sizes(start: float, sizes: list[tuple[float, float]], whole: float) -> dict[str, Any]:
    def around(share: float) -> float:
        near = [mb for at, mb in sizes if abs(at / whole - share) <= 0.05]
        return float(np.median(near)) if near else float("nan")

    middle, end = around(0.5), around(0.95)
    found = {"start": start, "middle": middle, "end": end, "highest": max(mb for _, mb in sizes)}
    return {"memory_mb": {k: round(v) for k, v in found.items()}, "end_to_middle": round(end / middle, 3)}


if __name__ == "__main__":
    most, minutes = (*map(float, sys.argv[1:]), *(30.0, 10.0)[len(sys.argv) - 1 :])
    print(json.dumps(measure(int(most), minutes), indent=1))
