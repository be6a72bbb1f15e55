"""A page as a script: open it, read its words, press its buttons, wait for what a job brings."""

from __future__ import annotations

import re
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages._kit.words import JOINED

ROOT = Path(__file__).parents[2]
LIVE = 'pill live">live<'
"""What the run card says of a finished run of this server."""
EXPLAINED = re.compile(r'<span class="term"><button[^>]*>(.*?)</button>.*?</span></span>')
"""A word with what is said of it on hovering."""


def page(name: str, **address: str) -> AppTest:
    """A page, opened with these parameters in its address: once it is drawn they would no longer be read."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    if name != "app.py":
        at.switch_page(name)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def text(at: AppTest) -> str:
    """The words of a page as people read them."""
    return re.sub(r"\\([^\w\s])", r"\1", source(at)).replace(JOINED, "")


def source(at: AppTest) -> str:
    """The words of a page as they are written, in Markdown or HTML."""
    parts = [*at.markdown, *at.title, *at.caption, *at.info, *at.error, *at.warning, *at.get("html")]
    written = " ".join(
        str(getattr(p, "value", "") or getattr(getattr(p, "proto", None), "body", "")) for p in parts
    )
    return EXPLAINED.sub(r"\1", written)


def press(at: AppTest, label: str) -> AppTest:
    next(b for b in at.button if b.label == label).click()
    return at.run()


def until(at: AppTest, words: str, seconds: float = 90) -> AppTest:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if words in text(at) or any(words in m.label for m in at.metric):
            return at
        time.sleep(0.5)
        at.run()
        assert not at.exception
    raise AssertionError(f"no {words!r} in: {text(at)[:800]}")
