"""The membership page: a bet, the attacks, one record under the microscope; live, dials, links, a pin."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core.defences.on_output import CATALOGUE as SHOWS
from mlleak_core.threat import threat
from tests.pages.driver import LIVE, page, press, text, until

PAGE = "pages/membership.py"
DIALS = ("data-of", "m-preset", "m-reveal", "m-shadows", "m-records", "m-epochs", "seed")


def shipped() -> Any:
    return threat("membership").shipped_exhibits()[0]


def test_membership_from_the_shipped_run_before_any_click():
    at = page(PAGE)
    assert not at.exception
    assert "Guess first" in text(at)
    assert "false alarms" in text(at)
    assert "untrained target" in text(at)
    assert "sealed until your bet" in text(at)
    at = press(at, "Just show me")
    assert "in the training set" in text(at)
    assert "sealed" not in text(at)
    at.select_slider(key="m-base").set_value(1).run()
    assert "base rate 1%" in text(at)
    assert not at.exception


def test_the_verdict_is_the_exhibits_and_a_name_is_not_the_line():
    at = page(PAGE)
    strongest = shipped().leading
    assert f"finds {strongest.tpr_1pct.value:.1%} of the members at 1% false alarms" in text(at)
    assert f"it can name <em>{strongest.named_count}</em> records" in text(at)
    assert "really in" in text(at) and "those it names" not in text(at)
    assert shipped().conclusion().small in text(at)
    assert "LT-IQR" in text(at)


def test_a_bet_is_counted_and_drawn():
    at = page(PAGE)
    slot, said = "m-bet-membership-0", [0, 1, 2]
    at.session_state[slot] = said
    at.run()
    assert shipped().guess(said).sentence in text(at)
    assert "sealed" not in text(at)
    assert not at.exception


def test_membership_patients_live_then_a_dot_and_back():
    at = page(PAGE)
    at.selectbox(key="data-of").set_value("clinic").run()
    assert at.selectbox(key="m-preset").disabled, "a table has one recipe"
    at.select_slider(key="m-shadows").set_value(4).run()
    assert "not been attacked yet" in text(at)
    at = until(press(at, "Run it live"), LIVE)
    assert "live" in text(at)
    assert "4 shadows" in text(at)
    at = press(at, "Just show me")
    assert "Your trail" in text(at)
    assert not at.exception
    at.selectbox(key="m-reveal").set_value("label").run()
    assert "not been attacked yet" in text(at)
    assert not at.exception


@pytest.mark.parametrize("value", ["-1", "abc", "%00", "<script>", "9" * 400, "nan", ""])
def test_garbage_in_the_address_of_an_attack_falls_back(value):
    at = page(PAGE, **dict.fromkeys(DIALS, value))
    assert not at.exception
    assert "Guess first" in text(at), "of the shipped case, which the usual settings show"


def test_a_link_brings_the_same_attack():
    there = {"m-shadows": "8", "m-records": "400", "m-epochs": "6", "m-preset": "The Train page's run"}
    at = page(PAGE, **there, **{"m-reveal": "the label only"})
    assert at.select_slider(key="m-shadows").value == 8
    assert (at.slider(key="m-records").value, at.slider(key="m-epochs").value) == (400, 6)
    assert (at.selectbox(key="m-preset").value, at.selectbox(key="m-reveal").value) == ("full", "label")


def test_what_a_service_may_show_comes_from_the_defences():
    shown = page(PAGE).selectbox(key="m-reveal").options
    assert shown == [defence.title for defence in SHOWS.values()]


def test_every_attack_of_the_run_can_be_drawn():
    at = page(PAGE)
    chosen = next(box for box in at.multiselect if str(box.key).startswith("m-attacks"))
    assert chosen.options == list(shipped().titles.values())
    leading = shipped().leading.attack
    assert chosen.value[0] == shipped().titles[leading] or chosen.value[0] == leading, (
        "of whom the verdict speaks"
    )
    at.multiselect(key=chosen.key).set_value(list(shipped().slugs)).run()
    assert not at.exception
    at.multiselect(key=chosen.key).set_value([]).run()
    assert not at.exception


def pinned(at: AppTest) -> tuple[str, int]:
    found: tuple[str, int] = at.session_state["pinned"]
    return found


def test_a_person_pinned_under_the_microscope_stays_marked():
    at = page(PAGE)
    at = press(at, "Pin this person")
    assert "Let go of this person" in [b.label for b in at.button]
    source, person = pinned(at)
    assert source == "synthetic" and person >= 0
    at.switch_page("pages/features.py").run()
    assert pinned(at) == (source, person)
    assert not at.exception
    at.switch_page(PAGE).run()
    at = press(at, "Let go of this person")
    assert pinned(at)[1] == -1


def test_a_pinned_person_who_is_not_shown_is_spoken_of():
    kept = shipped()
    person = int(kept.arrays["person"][kept.shown[0]])  # one of those to bet on
    at = page(PAGE)
    at.session_state["pinned"] = ("synthetic", person)
    at.run()
    assert "The person you pinned is not among those below" in text(at)
    assert "the 1% line" in text(at)
    at.session_state["pinned"] = ("synthetic", 10**6)
    at.run()
    assert "has no record in this pool" in text(at)
