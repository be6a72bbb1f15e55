"""A real server and a real Chromium; screenshots are kept under artifacts/."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "artifacts"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def serving(**env: str) -> Iterator[str]:
    """A fresh server; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tempfile.mkdtemp(prefix="mlleak-server-")
    variables = {**os.environ, "MLLEAK_CACHE_HOME": home, "MLLEAK_WARM": "1", **env}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as reply:
                    if reply.read() == b"ok":
                        break
            except OSError:
                time.sleep(0.25)
        yield address
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=binary, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium) -> Iterator[Callable[..., object]]:
    """Open a page; at the end its console must have been free of errors."""
    errors: list[str] = []
    opened = []

    def new(width: int = 1280, height: int = 900, scheme: str = "light") -> object:
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda e: errors.append(str(e)))
        # On a deep link the front end looks for its server below the page's own path first: two 404s that are its own.
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "404" not in m.text else None)
        opened.append(page)
        return page

    yield new
    for page in opened:
        page.close()
    assert not errors


def settle(page: object) -> None:
    page.wait_for_selector('[data-testid=stApp][data-test-script-state="notRunning"]')
    page.wait_for_timeout(400)


def shot(page: object, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=False)
