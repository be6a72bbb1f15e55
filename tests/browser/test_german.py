"""Who asks for German reads German: every page, before and after the bet, alternative texts too."""

from __future__ import annotations

import re

import pytest

from tests.browser.test_everybody import PATHS, opened, reveal

pytestmark = pytest.mark.browser
SHOWN = """() => {
  const root = document.querySelector('.stApp'), found = new Set();
  const skip = 'code, pre, [data-testid=stText], .nobody, script, style';
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement;
    if (at && !at.closest(skip)) found.add(walk.currentNode.textContent);
  }
  for (const el of root.querySelectorAll('[aria-label],[alt],[title],[placeholder]'))
    if (!el.closest('[data-testid=stElementToolbar], [data-testid=stHeader]'))
      for (const name of ['aria-label', 'alt', 'title', 'placeholder'])
        if (el.getAttribute(name)) found.add(el.getAttribute(name));
  return [...found].map(s => s.trim()).filter(Boolean);
}"""
ENGLISH = re.compile(
    r"\b(the|of|and|with|are|what|this|that|from|which|how|not|its|their|your|you|by|for|or|no|on|to|it|is|"
    r"his|her|they|without|where|when|than|each|every|more|only)\b",
    re.IGNORECASE,
)
TITLES = ("Labeled Faces in the Wild", "Location-30")
"""Names of things, which are not translated."""
STREAMLIT = re.compile(
    r"^(Press|Choose|Select|Increment|Decrement|Close|Toggle|Help for|Copy|Hide|Show|View|Clear|Selected|"
    r"Skip to|Link to heading|[XY]-axis|Symbol legend)\b"
)
"""What Streamlit and its charts say themselves, in English alone, mostly to screen readers."""


def english(texts: list[str]) -> list[str]:
    """Those that are English by the small words in them."""
    found = []
    for text in texts:
        left = text
        for title in TITLES:
            left = left.replace(title, "")
        if ENGLISH.search(left) and not STREAMLIT.match(left):
            found.append(text[:160])
    return found


@pytest.mark.parametrize("path", (*PATHS, "present", "classroom"))
def test_a_german_page_is_german(server, tab, path):
    page = opened(tab, server, f"{path}?lang=de")
    assert not english(page.evaluate(SHOWN)), path
    reveal(page, "Einfach zeigen")
    assert not english(page.evaluate(SHOWN)), f"{path}, after the bet"


def test_the_switch_changes_the_page_and_goes_along(server, tab):
    page = opened(tab, server, "")
    page.get_by_test_id("stSidebar").get_by_text("Deutsch", exact=True).click()
    way = page.get_by_test_id("stSidebar").get_by_role("link", name="Trainieren")
    way.click()
    title = page.get_by_role("heading", level=1, name="Bring einem Netz")
    title.wait_for()
    assert "lang=de" in page.evaluate("location.href")
    page.reload()
    title.wait_for()
    way.wait_for()
