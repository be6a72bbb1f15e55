"""The backdoor page as a script."""

from __future__ import annotations

from typing import Any

from mlleak_core.threat import threat
from tests.pages.driver import LIVE, page, press, text, until

PAGE = "pages/backdoor.py"


def shipped(which: int = 0) -> Any:
    return threat("backdoor").shipped_exhibits()[which]


def headings(at: Any) -> set[str]:
    return {heading.value for heading in at.header}


def test_the_outcome_is_sealed_until_the_bet():
    at = page(PAGE)
    assert not at.exception
    assert "Guess first" in text(at) and "one update" in text(at)
    assert "is in, and" not in text(at) and "Who was it?" not in headings(at)
    at = press(at, "Just show me")
    assert "is in, and" in text(at) and "shipped" in text(at)
    assert "same round without the attack" in text(at)
    assert {"Who was it?", "How far may he go?", "Does it last?"} <= headings(at)
    assert "How often is this page wrong?" in headings(at)
    assert not at.exception


def test_a_bet_is_compared_with_what_came():
    at = page(PAGE)
    at.session_state[f"b-bet-{shipped().job}"] = 100
    at.run()
    assert "Right on it" in text(at)
    assert not at.exception


def test_who_was_it_is_told_after_the_picks():
    at = page(PAGE)
    at.session_state[f"b-bet-{shipped().job}"] = ""
    guilty = next(i for i, dot in enumerate(shipped().about.dots) if dot.attacks)
    at.session_state[f"b-who-{shipped().job}"] = [guilty, guilty - 1]
    at.run()
    assert "1 of the attacker's 1, and **1 honest** beside" in text(at)
    assert "What each rule made of" in text(at)
    assert not at.exception


def test_words_go_on_before_and_after():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("reviews").run()
    assert not at.exception
    at = press(at, "Just show me")
    assert not at.exception
    about = shipped(1).about
    box = at.text_input(key=f"typed-{shipped(1).job}")
    assert box.value == about.title and about.wanted in text(at)
    box.set_value("the doctor").run()
    assert not at.exception and "the doctor" in text(at)


def test_other_sources_have_signs_of_their_own():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("lfw").run()
    assert at.selectbox(key="b-trigger").value == "Dark background"
    assert "has not been attacked yet" in text(at)
    assert not at.exception


def test_an_update_is_sent_live():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("reviews").run()
    at.select_slider(key="b-participants").set_value(10).run()
    at.select_slider(key="b-after").set_value(0).run()
    at = until(press(at, "Send one update"), LIVE, seconds=280)
    assert "live" in text(at)
    at = press(at, "Just show me")
    assert "same round without the attack" in text(at)
    assert not at.exception
