"""The README's pictures, taken anew from the shipped runs: python -m benchmarks.pictures. Needs a Chromium.

The repository's social preview, too, to be chosen in its settings: Streamlit has no place for a page's own.
"""

from __future__ import annotations

import shutil
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import CHROMIUM, ROOT, serving, settle
from mlleak_core.report.contents import shipped
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


def social() -> None:
    """The first finding that Home shows, as links to the project are previewed."""
    report = shipped("features-0")
    assert report is not None
    (ROOT / "assets" / "social.png").write_bytes(picture(report))


def main() -> None:
    social()
    pictures: dict[str, tuple[Any, int]] = {"features": (features, 900), "membership": (membership, 1260)}
    with serving(MLLEAK_WARM="1") as (address, _), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for name, (act, height) in pictures.items():
            page = browser.new_page(viewport={"width": 1280, "height": height}, color_scheme="light")
            page.set_default_timeout(90_000)
            page.goto(f"{address}/{name}")
            settle(page, REST)
            act(page)
            page.mouse.move(760, 2)
            page.evaluate("document.activeElement.blur()")
            page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
            page.wait_for_timeout(1000)
            page.screenshot(path=str(ROOT / "assets" / f"{name}.png"))
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
