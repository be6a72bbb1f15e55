"""The README's pictures, taken anew from the shipped runs: python -m benchmarks.pictures. Needs a Chromium.

The repository's social preview, too, to be chosen in its settings: Streamlit has no place for a page's own.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.classroom import class_serving
from benchmarks.serving import CHROMIUM, ROOT, serving, settle
from mlleak_core.report.contents import shipped
from mlleak_core.report.page import page as written
from mlleak_core.report.picture import picture

REST = 1500
"""Milliseconds for charts to be drawn."""
SIX = (1, 2, 4, 5, 7, 9)
"""The faces bet on in the picture of the membership page."""


def choose(page: Page, box: str, option: str) -> None:
    page.get_by_role("combobox", name=box, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    settle(page, REST)


def features(page: Page) -> None:
    choose(page, "Attribute", "Glasses")
    page.get_by_role("button", name="Just show me").click()
    page.locator(".verdict").wait_for()
    settle(page, REST)
    choose(page, "Colour by", "Glasses")


def membership(page: Page) -> None:
    grid = page.locator(".record-grid").first
    for tile in SIX:
        grid.locator("button").nth(tile).click()
        page.wait_for_timeout(300)
    settle(page, REST)
    page.get_by_role("button", name="Lock my bet").click()
    page.get_by_text("false alarms.").first.wait_for()
    settle(page, REST)


def shown(page: Page) -> None:
    """A page's verdict, without a bet."""
    page.get_by_role("button", name="Just show me").first.click()
    page.locator(".verdict").first.wait_for()
    settle(page, 3 * REST)


def social() -> None:
    """The first finding that Home shows, as links to the project are previewed."""
    report = shipped("features-0")
    assert report is not None
    (ROOT / "assets" / "social.png").write_bytes(picture(report))


def tour(page: Page) -> None:
    page.locator(".st-key-tour-bar").wait_for()


def room(browser: Any) -> None:
    """The teacher's page while three phones bet, and one of the phones beside it."""
    with class_serving() as (address, door, _):
        teacher = browser.new_page(viewport={"width": 890, "height": 844}, color_scheme="light")
        teacher.goto(f"{address}/classroom")
        settle(teacher, REST)
        teacher.get_by_role("button", name="Open a room").click()
        code = teacher.locator(".door b").inner_text().replace(" ", "")
        teacher.get_by_role("button", name="Next").click()
        phones = [browser.new_context(viewport={"width": 390, "height": 844}).new_page() for _ in SIX[:4]]
        for number, phone in enumerate(phones):
            bet(phone, f"{door}/", code, number)
        settle(teacher, 3 * REST)
        hide_the_address(teacher)
        sides = [Image.open(io.BytesIO(seen.screenshot())) for seen in (teacher, phones[-1])]
        beside(sides).save(ROOT / "assets" / "classroom.png", optimize=True)


def bet(phone: Page, door: str, code: str, number: int) -> None:
    """Join, and all but the last phone lock a bet."""
    phone.goto(door)
    phone.get_by_label("The code at the front").fill(code)
    phone.get_by_role("button", name="Join").click()
    phone.get_by_role("checkbox").first.wait_for()
    for tile in (*SIX[number:], *SIX[:number]):
        phone.get_by_role("checkbox").nth((tile + number) % 12).check()
    if number < 3:
        phone.get_by_role("button", name="Lock my bet").click()


def hide_the_address(teacher: Page) -> None:
    """A picture is no place for where the project's own machine was."""
    teacher.evaluate("document.querySelector('.door span').textContent = 'http://your.machine:8502'")


def beside(sides: Sequence[Image.Image]) -> Image.Image:
    """Pictures from left to right, on white."""
    whole = Image.new("RGB", (sum(s.width for s in sides) + 20, max(s.height for s in sides)), "white")
    at = 0
    for side in sides:
        whole.paste(side, (at, 0))
        at += side.width + 20
    return whole


def report(browser: Any) -> None:
    """The first report, as it opens from disk."""
    found = shipped("features-0")
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.html"
        file.write_bytes(written(found))
        page = browser.new_page(viewport={"width": 1000, "height": 1000}, color_scheme="light")
        page.goto(file.as_uri())
        page.wait_for_timeout(2 * REST)
        page.screenshot(path=str(ROOT / "assets" / "report.png"))


def main() -> None:
    social()
    pictures: dict[str, tuple[str, Any, int]] = {
        "features": ("features", features, 900),
        "membership": ("membership", membership, 1260),
        "property": ("property", shown, 1000),
        "backdoor": ("backdoor", shown, 1100),
        "tour": ("features?tour=short.2", tour, 700),
    }
    with serving(MLLEAK_WARM="1") as (address, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for name, (path, act, height) in pictures.items():
            page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
            page.set_default_timeout(90_000)
            page.goto(f"{address}/{path}")
            settle(page, REST)
            act(page)
            page.mouse.move(760, 2)
            page.evaluate("document.activeElement.blur()")
            page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
            page.wait_for_timeout(1000)
            page.screenshot(path=str(ROOT / "assets" / f"{name}.png"))
            page.close()
        report(browser)
        room(browser)
        browser.close()


if __name__ == "__main__":
    main()
