"""A Streamlit server of one's own, for benches and browser tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
"""Options for a Chromium in a container, without the internet."""


def settle(page: Any, milliseconds: int = 400) -> None:
    """Wait until the script has run, and a little for what the browser draws after it."""
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')
    page.wait_for_timeout(milliseconds)


def first_paint(page: Any, address: str, *marks: str) -> float:
    """Seconds from asking for `address` in a fresh tab until all `marks` are seen."""
    began = time.perf_counter()
    page.goto(address)
    for mark in marks:
        page.locator(mark).first.wait_for()
    return time.perf_counter() - began


@contextmanager
def serving(
    *options: str, app: Path = ROOT / "app.py", shared: Path | None = None, **env: str
) -> Iterator[tuple[str, int]]:
    """Its address and process number, once it answers. It has an empty cache; of `shared` it sees the decoded
    data.
    """
    home = Path(tempfile.mkdtemp(prefix="mlleak-server-"))
    for name in ("data", "numba"):
        if shared and (shared / name).is_dir():
            (home / name).symlink_to(shared / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
    ]
    variables = {**os.environ, "MLLEAK_CACHE_HOME": str(home), **env}
    server = subprocess.Popen(
        [*command, *options], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as reply:
                    if reply.read() == b"ok":
                        break
            except OSError:
                time.sleep(0.25)
        yield address, server.pid
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine
            server.kill()
            server.wait(20)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def serving_nothing() -> Iterator[str]:
    """The address of an empty page with one mark, `.big`: what Streamlit and the
    machine take by themselves.
    """
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "empty.py"
        app.write_text("import streamlit as st\nst.html('<p class=big>empty</p>')\n")
        with serving(app=app) as (address, _):
            yield address
