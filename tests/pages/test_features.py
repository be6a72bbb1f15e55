"""The features page: a bet before the ladder, the shipped run, a live one, one that was stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core.contract import drain
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import threat
from pages._kit.frame import bench
from tests.pages.driver import page, press, text, until


def of_run(**experiment: int) -> AppTest:
    """The page beside an experiment in the sidebar."""
    at = page("pages/features.py")
    for name, value in experiment.items():
        at.number_input(key=name).set_value(value)
    return at.run()


def test_features_asks_for_a_bet_before_it_shows_the_ladder():
    at = page("pages/features.py")
    assert "What else did it learn" in text(at)
    assert "Guess first" in text(at)
    assert "forty labelled photos, " not in text(at)
    at = press(at, "Just show me")
    assert "φ with the task" in text(at)
    at.selectbox(key="attribute").select("Darker tone").run()
    assert "Guess first" in text(at)
    at = press(at, "Just show me")
    shipped: Any = threat("features").shipped_exhibits()[0]
    assert shipped.conclusion("Darker tone").sentence.split("*")[0] in text(at)
    assert not at.exception


def test_a_bet_is_compared_with_the_best_layer():
    shipped: Any = threat("features").shipped_exhibits()[0]
    at = page("pages/features.py", attribute="Glasses")
    slot = "bet-shipped-Glasses"
    at.session_state[slot] = "logits"
    at.run()
    assert shipped.bet("Glasses", "logits") in text(at)
    assert "below it" in shipped.bet("Glasses", "logits")
    assert shipped.bet("Glasses", shipped.best("Glasses").layer).startswith("You were right.")
    assert [s.value for s in at.selectbox if s.key == "colour-Glasses"] == ["Glasses"]


def test_of_settings_that_were_not_shipped_the_shipped_run_is_shown_as_what_it_is():
    at = of_run(seed=7)
    assert "have not been trained" in text(at) and "not trained yet" in text(at)
    assert "**Meanwhile**, to look at and to bet on: shipped 20" in text(at)


@pytest.mark.parametrize("complete", [True, False])
def test_a_run_of_this_server_is_opened_as_it_stands(complete):
    """One that was stopped early is not trained on behind the visitor's back; its seed is the ladder's."""
    settings = TrainSettings(faces=600, epochs=2, seed=3 + complete)
    target = drain(bench().target(settings))
    kept = replace(target, complete=complete)
    bench().remember(target.key, kept)
    bench().store.save(kept)
    at = of_run(faces=600, epochs=2, seed=settings.seed)
    assert "Another layout" in [b.label for b in at.button]
    at = until(press(at, "Just show me"), "φ with the task", seconds=240)  # compiles the maps first
    assert f"seed {settings.seed}" in text(at)
    assert ("live, stopped early" in text(at)) is not complete
    assert bench().run(settings).complete is complete
    assert not at.exception
