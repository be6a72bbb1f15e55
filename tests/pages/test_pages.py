"""Each page as a script: draws, runs, survives a moved control and a garbage address."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core.threat import discover
from pages._kit import frame
from tests.pages.driver import ROOT, page, press, text, until

PAGES = ("app.py", "pages/train.py", *(f"pages/{found.card.slug}.py" for found in discover()))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_and_carries_evidence(name):
    at = page(name)
    assert not at.exception
    assert "shipped" in text(at)
    assert "n = " in text(at) and "seed" in text(at)


def test_home_says_something_of_every_threat():
    at = page("app.py")
    assert "hiding" in text(at)
    for found in discover():
        for headline in found.shipped_exhibits()[0].headlines():
            assert headline.title in text(at)


def test_train_move_a_control_and_open_it_up():
    at = page("pages/train.py")
    at.number_input(key="epochs").set_value(2)
    at.number_input(key="faces").set_value(1500)
    at.run()
    assert "not been trained" in text(at)
    at = until(press(at, "Train these settings"), "Test accuracy")
    assert "people never seen" in text(at)
    at.number_input(key="epochs").set_value(3).run()
    assert "not been trained" in text(at)
    at.number_input(key="epochs").set_value(2).run()
    assert any("Test accuracy" in m.label for m in at.metric)
    at.switch_page("pages/features.py").run()
    at.number_input(key="epochs").set_value(2)
    at.number_input(key="faces").set_value(1500)
    at.run()
    assert "Another layout" in [b.label for b in at.button]
    assert not at.exception


def test_divergence_is_explained_on_the_page():
    at = page("pages/train.py")
    at = until(press(at, "Too fast"), "diverged")
    assert "Lower the learning rate" in text(at)


@pytest.mark.parametrize("value", ["-1", "abc", "%00", "9" * 400, "<script>", "nan", ""])
def test_garbage_in_every_parameter_falls_back(value):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name in (
        "data",
        "faces",
        "epochs",
        "lr",
        "augment",
        "dropout",
        "mixup",
        "net",
        "seed",
        "path",
        "attribute",
    ):
        at.query_params[name] = value
    at.run()
    assert not at.exception
    assert "hiding" in text(at)


def test_the_data_card_measures_the_correlation():
    at = page("pages/train.py")
    at.toggle(key="data-card").set_value(True).run()
    assert not at.exception
    assert "No real person" in text(at)
    assert "5,000 faces of 1,250 people" in text(at)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("data", "martians", "data=martians; here are synthetic, lfw"),
        ("m-data", "LFW", "data are chosen by data="),
        ("colour", "blue", "colour=blue, which nothing here knows"),
        ("seed", "99999999", "seed=99999999: expected a number from 0 to 9999"),
        ("net", "resnet", "net=resnet: expected one of conv-3"),
        ("m-shadows", "77", "m-shadows=77: expected one of 2, 4, 8"),
    ],
)
def test_an_address_that_cannot_be_read_says_so(name, value, words):
    at = page("pages/membership.py", **{name: value})
    assert words in " ".join(text(at).split())


@pytest.mark.parametrize("written", ["lfw", "LFW", "Lfw"])
def test_data_are_named_as_on_the_command_line(written):
    at = page("pages/membership.py", data=written)
    assert at.selectbox(key="data-of").value == "lfw"
    assert "LFW · seed 0" in text(at) and "not run yet" in text(at)


def test_a_page_that_cannot_take_the_data_says_so_and_offers_what_it_can():
    at = page("pages/inversion.py", data="clinic")
    assert "**Patients** cannot be attacked this way" in text(at)
    at.button(key="use-other").click().run()
    assert at.selectbox(key="data-of").value == "synthetic"
    assert "cannot be attacked" not in text(at)


@pytest.mark.parametrize("found", discover(), ids=lambda found: found.card.slug)
def test_what_is_shown_meanwhile_is_most_like_the_run_that_is_waited_for(found):
    exhibits = found.shipped_exhibits()
    for settings, own in zip(found.shipped, exhibits, strict=True):
        other_seed = dataclasses.replace(settings, seed=settings.seed + 1)
        assert frame.alike(found.card.slug, other_seed).job == own.job
    if any(settings.data == "reviews" for settings in found.shipped):
        mine = dataclasses.replace(found.shipped[0], data="reviews")
        assert frame.alike(found.card.slug, mine).about.settings.data == "reviews"
