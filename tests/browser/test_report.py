"""A report in a real browser without a network: no error, nothing asked of anybody, and its figures move."""

from __future__ import annotations

import re

import pytest

from mlleak_core.report.contents import shipped
from mlleak_core.report.page import page

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(chromium, tmp_path):
    """Open a shipped exhibit's report as a file, the network cut."""
    told, contexts = [], []

    def opens(name, width=1280, scheme="light"):
        file = tmp_path / f"{name}.html"
        file.write_bytes(page(shipped(name)))
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            offline=True,
            reduced_motion="reduce",
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda m: told.append(m.text))
        tab.on("pageerror", lambda e: told.append(str(e)))
        tab.on(
            "request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else told.append(r.url)
        )
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-drawn]", timeout=60_000)
        return tab

    yield opens
    for context in contexts:
        context.close()
    assert not told


def test_the_map_moves_from_epoch_to_epoch(opened):
    tab = opened("features-0")
    picture = "document.querySelector('canvas.main').toDataURL()"
    before = tab.evaluate(picture)
    slider = tab.locator(".face-map input[type=range]").first
    slider.evaluate("e => { e.value = '0'; e.dispatchEvent(new Event('input')); }")
    tab.wait_for_timeout(1000)
    assert tab.evaluate(picture) != before
    assert tab.locator(".face-map").get_attribute("data-epoch") != "22"


def test_the_reel_plays(opened):
    tab = opened("reconstruction-0")
    reel = tab.locator(".face-reel")
    last = reel.get_attribute("data-at")
    reel.get_by_role("button", name="Play").click()
    assert reel.get_attribute("data-at") == "0" != last


def test_the_tape_can_be_wound(opened):
    tab = opened("property-0")
    slider = tab.locator(".round-tape input[type=range]")
    slider.evaluate("e => { e.value = '9'; e.dispatchEvent(new Event('input')); }")
    assert tab.locator(".round-tape").get_attribute("data-at") == "10"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_in_the_colours_of_the_reader(opened, scheme):
    tab = opened("membership-0", scheme=scheme)
    assert tab.locator(".plot .scatterlayer path.js-line").count() > 10
    inks = {"light": "rgb(29, 35, 48)", "dark": "rgb(236, 232, 223)"}
    title = tab.locator(".plot .xtitle").first
    assert title.evaluate("e => getComputedStyle(e).fill") == inks[scheme]
    tab.locator(".plot .legend .traces").nth(1).click()
    tab.locator('.plot .legend .traces[style*="opacity: 0.5"]').first.wait_for(state="attached")


@pytest.mark.parametrize("name", ["features-0", "membership-0", "backdoor-0"])
def test_it_fits_a_phone(opened, name):
    tab = opened(name, width=390)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_page_hands_it_over(server, tab, tmp_path):
    here = tab()
    here.goto(f"{server}/inversion")
    here.get_by_role("button", name="Just show me").first.click()
    here.get_by_role("button", name="Save as report").first.click()
    with here.expect_download() as told:
        here.get_by_role("button", name="Report (HTML)").first.click()
    assert re.fullmatch(r"mlleak-inversion-\d+\.html", told.value.suggested_filename)
    told.value.save_as(tmp_path / "it.html")
    assert (tmp_path / "it.html").read_bytes() == page(shipped("inversion-0"))
