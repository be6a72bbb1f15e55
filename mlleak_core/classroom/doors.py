"""Where the phones' page is served, and how long: beside the app, on a port of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import IO

from mlleak_core.classroom.rooms import Rooms, home
from mlleak_core.contract import BadInput
from mlleak_core.door import listening

MINUTE = 60.0
MOVE_IT = "Choose another --port, or set MLLEAK_CLASSROOM_PORT."


def serve(host: str, port: int, ready: Callable[[str], None], until: IO[bytes] | None = None) -> None:
    """Serve until interrupted, or until `until` ends: whoever started it beside the app is gone then.

    Raises BadInput where the port is not free.
    """
    import uvicorn

    from mlleak_core.classroom.phones import app

    rooms = Rooms(home())
    options = uvicorn.Config(
        app(rooms), log_level="warning", timeout_graceful_shutdown=2, server_header=False
    )
    server = uvicorn.Server(options)
    with listening(host, port, MOVE_IT, " for the classroom") as door, contextlib.suppress(KeyboardInterrupt):
        _beside(lambda: _sweep(rooms))
        if until is not None:
            _beside(lambda: _stop_after(until, server))
        ready(f"classroom: phones join on port {port} of this machine")
        server.run(sockets=[door])
    rooms.close_all()


def _beside(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _sweep(rooms: Rooms) -> None:
    """Overwrite expired rooms even where nobody comes any more."""
    while True:
        time.sleep(MINUTE)
        try:
            rooms.purge()
        except BadInput as problem:
            print(f"mlleak: {problem}", file=sys.stderr)


def _stop_after(until: IO[bytes], server: object) -> None:
    until.read()
    server.should_exit = True  # type: ignore[attr-defined]


def answers(host: str, port: int) -> bool:
    """Whether a classroom is served there."""
    asked = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{asked}:{port}/health", timeout=1) as reply:
            return bool(json.loads(reply.read(200)) == {"mlleak": "classroom"})
    except (OSError, ValueError):
        return False


def address_of_this_machine() -> str:
    """Its address in the network it would use, for phones; no packet is sent. The loopback's where there is
    none.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
