"""Handouts as a printer gets them: Chromium makes the PDF, and its pages are looked at."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pypdfium2
import pytest

from mlleak_core.handouts.lessons import Lesson, lessons
from mlleak_core.handouts.sheets import Handout, handouts
from mlleak_core.language import ENGLISH, languages, say, speaking

pytestmark = pytest.mark.browser

A4 = (595, 842)
"""Points."""
MOST = {"cards": 3, "students": 4, "teacher": 2}
MARGIN = 12 / 25.4 * 72
"""Points that stay white at the left and at the right: printers reach no farther."""
FOOT = 48
"""Points at the bottom that the page's number stands in."""
OVER = """[...document.querySelectorAll('body *')]
    .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .filter(e => getComputedStyle(e).display !== 'inline')
    .map(e => e.className || e.tagName)"""


def spoken_in(code: str) -> tuple[dict[str, Handout], tuple[Lesson, ...]]:
    """What is printed in a language: the sheets by language and name, and the lessons."""
    with speaking(code):
        return {f"{code}/{sheet.name}": sheet for sheet in handouts()}, lessons()


SPOKEN = {code: spoken_in(code) for code in languages()}
SHEETS = {name: sheet for sheets, _ in SPOKEN.values() for name, sheet in sheets.items()}
LESSONS = [(code, about) for code, (_, abouts) in SPOKEN.items() for about in abouts]
NAMES = [f"{code}: {about.title}" for code, about in LESSONS]


@pytest.fixture(scope="module")
def printed(chromium, tmp_path_factory):
    """Every sheet as a PDF, made without a network."""
    folder, made = tmp_path_factory.mktemp("printed"), {}
    context = chromium.new_context(offline=True)
    for name, sheet in SHEETS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(sheet.write())
        tab = context.new_page()
        tab.goto((folder / name).as_uri())
        made[name] = pypdfium2.PdfDocument(tab.pdf(prefer_css_page_size=True, print_background=False))
        tab.close()
    context.close()
    return made


def grey(page):
    """A page as a printer without colours sees it, a pixel a point."""
    return np.asarray(page.render(scale=1).to_pil().convert("L"))


def words(page):
    return " ".join(page.get_textpage().get_text_range().split())


@pytest.mark.parametrize("name", SHEETS)
def test_it_is_a_few_pages_of_a4_inside_their_margins(printed, name):
    pages = list(printed[name])
    assert 1 <= len(pages) <= next(most for kind, most in MOST.items() if kind in name)
    for page in pages:
        assert tuple(map(round, page.get_size())) == A4
        ink = np.argwhere(grey(page) < 200)
        assert len(ink) > 300, "an empty page"
        assert ink[:, 1].min() > MARGIN and ink[:, 1].max() < A4[0] - MARGIN
        assert page.get_textpage().count_chars() > 20
        assert re.search(rf"\d / {len(pages)}", words(page)), "its number"


@pytest.mark.parametrize("name", SHEETS)
def test_it_is_black_on_white(printed, name):
    """Words are dark enough in grey: whatever is not a picture is near black."""
    page = printed[name][len(printed[name]) - 1]
    shades = grey(page)
    assert (shades > 250).mean() > 0.6 and (shades < 60).sum() > 200


@pytest.mark.parametrize(("code", "about"), LESSONS, ids=NAMES)
def test_no_row_is_torn(printed, code, about):
    """Every question is whole on one page, in the lesson's order."""
    for kind in ("students", "teacher"):
        pages = [words(page) for page in printed[f"{code}/lesson-{about.number}-{kind}.html"]]
        asked = [re.sub(r"\W", "", row.ask) for row in about.rows]
        found = [next(i for i, text in enumerate(pages) if each in re.sub(r"\W", "", text)) for each in asked]
        assert all(a <= b for a, b in pairwise(found))


@pytest.mark.parametrize(("code", "about"), LESSONS, ids=NAMES)
def test_no_question_is_torn_from_its_lines(printed, code, about):
    """What stands last on a page is a line across it: to write on, or the edge of a box or table."""
    for page in printed[f"{code}/lesson-{about.number}-students.html"]:
        dark = grey(page)[: A4[1] - FOOT] < 190
        assert dark[np.flatnonzero(dark.any(1))[-2:]].sum(1).max() > 0.6 * A4[0]


def test_cards_are_whole_six_a_page_and_the_key_stands_alone(printed):
    first, second, key = printed[f"{ENGLISH}/cards-membership.html"]
    for page, numbers in ((first, range(1, 7)), (second, range(7, 13))):
        shown = words(page)
        assert [n for n in range(1, 13) if re.search(rf"(?<!\d){n} Who was in\?", shown)] == list(numbers)
        assert "yes" not in shown
    assert "For the teacher" in words(key)
    faces = grey(first)[60:260, 90:230]
    assert faces.std() > 25, "a face, not a blank"


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_is_wider_than_its_page_on_screen_and_on_paper(chromium, tmp_path, name):
    (tmp_path / "it.html").write_bytes(SHEETS[name].write())
    tab = chromium.new_page(viewport={"width": 794, "height": 1123})
    tab.goto((tmp_path / "it.html").as_uri())
    for media in ("screen", "print"):
        tab.emulate_media(media=media)
        over = tab.evaluate(OVER)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 794 and not over, media
    tab.close()


@pytest.mark.parametrize("code", languages())
def test_the_classroom_page_hands_them_over(server, tab, tmp_path, code):
    sheet = SHEETS[f"{code}/cards-membership.html"]
    with speaking(code):
        to_print = say("To print")
    here = tab()
    here.goto(f"{server}/classroom?lang={code}")
    here.get_by_text(to_print).click()
    with here.expect_download() as told:
        here.get_by_role("button", name=sheet.title).click()
    assert told.value.suggested_filename == "cards-membership.html"
    told.value.save_as(tmp_path / "it.html")
    assert (tmp_path / "it.html").read_bytes() == sheet.write()
