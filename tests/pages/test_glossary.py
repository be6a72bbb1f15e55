"""Every word of the trade is explained once on every page, from one list."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from mlleak_core.glossary import pattern, term_of, terms
from mlleak_core.language import ENGLISH, languages, speak
from mlleak_core.threat import discover
from pages._kit.glossary import begin, explained
from tests.pages.driver import page, press

ROOT = Path(__file__).parents[2]
PAGES = ("app.py", "pages/train.py", *(f"pages/{found.card.slug}.py" for found in discover()))
MARKED = re.compile(r'<span class="term"><button[^>]*>(.*?)</button>')


def revealed(name):
    """A page with every bet skipped."""
    at = page(name)
    for _ in range(6):
        if not any(b.label == "Just show me" for b in at.button):
            break
        at = press(at, "Just show me")
    assert not at.exception
    return at


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("locked", [False, True])
def test_every_term_is_explained_exactly_once(name, locked):
    at = revealed(name) if locked else page(name)
    written = " ".join(p.proto.body for p in at.get("html"))
    told = Counter(term_of(m[1]).name for m in MARKED.finditer(written))
    told += Counter(re.findall(r"<dt>(.*?)</dt>", written))
    assert told == Counter(term.name for term in terms())


def test_a_finding_explains_its_own_words_where_they_stand():
    written = " ".join(p.proto.body for p in revealed("pages/membership.py").get("html"))
    marked = {m[1] for m in MARKED.finditer(written)}
    assert {"AUC", "seed", "false alarms", "BASE"} <= marked


def test_the_list_is_short_sentences_each_used_somewhere():
    folders = [*(ROOT / "pages").rglob("*.py"), *(ROOT / "mlleak_core").rglob("*.py")]
    used = "\n".join(path.read_text() for path in folders)
    for term in terms():
        assert term.says.endswith(".") and ". " not in term.says, f"{term.name}: one sentence"
        assert len(term.says) <= 160, term.name
        assert any(spelling in used for spelling in term.spellings), f"{term.name} stands nowhere"
    spellings = [s for term in terms() for s in term.spellings]
    assert len(spellings) == len(set(spellings)) > 30
    assert len(terms()) == (ROOT / "docs" / "glossary.md").read_text().count("\n* ")


@pytest.mark.parametrize("code", [code for code in languages() if code != ENGLISH])
def test_another_language_has_a_list_of_its_own_with_the_same_entries(code):
    english = terms()
    speak(code)
    try:
        assert len(terms()) == len(english) and terms() != english
        assert len(terms()) == (ROOT / "docs" / f"glossary.{code}.md").read_text().count("\n* ")
        spellings = [s for term in terms() for s in term.spellings]
        assert len(spellings) == len(set(spellings))
        for term in terms():
            assert term.says.endswith(".") and ". " not in term.says, f"{term.name}: one sentence"
            assert len(term.says) <= 180, term.name
            assert term_of(term.name) is term and pattern().fullmatch(term.name)
        assert not {term.name for term in terms()} & {"false alarm", "shadow", "epoch"}
    finally:
        speak(ENGLISH)


def test_words_are_whole_words_outside_of_links_and_only_the_first_is_explained():
    begin()
    body = explained('<p>AUC, AUC and <a href="#seed">seed</a>; reseeded</p>')
    assert body.count("<button") == 1 and body.index("<button") < body.index(", AUC")
    assert '<a href="#seed">seed</a>' in body and "reseeded" in body
    assert pattern().findall("Multi-Krum and n = 3, not nn") == ["Multi-Krum", "n"]
