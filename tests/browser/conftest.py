"""A real server and a real Chromium; screenshots are kept under artifacts/."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving import CHROMIUM, serving
from mlleak_core.disk import cache_home

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "artifacts"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(shared=cache_home(), MLLEAK_WARM="1") as (address, _):
        yield address


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=binary, args=CHROMIUM)
        yield browser
        browser.close()


def excused(text: str) -> bool:
    """On a deep link the front end looks for its server below the page's own path first: two 404s of its own.
    A live picture may be asked for after the next one has taken its place.
    """
    return "404" in text or "Image source error" in text


@pytest.fixture
def tab(chromium) -> Iterator[Callable[..., object]]:
    """Open a page; at the end its console must have been free of errors."""
    errors: list[str] = []
    opened = []

    def new(width: int = 1280, height: int = 900, scheme: str = "light") -> object:
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(90_000)
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on(
            "console", lambda m: errors.append(m.text) if m.type == "error" and not excused(m.text) else None
        )
        opened.append(page)
        return page

    yield new
    for page in opened:
        page.close()
    assert not errors


def shot(page: Any, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=False)
