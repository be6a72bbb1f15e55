"""Each page as a script: draws, runs, survives a moved control and a garbage address."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._kit.shell import bench

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_job_left_behind():
    """What a page started must not keep the next test's jobs in the queue."""
    yield
    bench().jobs.forget("")


def page(name: str, **address: str) -> AppTest:
    """A page, opened with these parameters in its address: once it is drawn they would no longer be read."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=90)
    if name != "app.py":
        at.run()
        at.switch_page(name)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def text(at: AppTest) -> str:
    parts = [*at.markdown, *at.title, *at.caption, *at.info, *at.error, *at.warning, *at.get("html")]
    return " ".join(str(getattr(p, "value", "") or getattr(getattr(p, "proto", None), "body", "")) for p in parts)


def press(at: AppTest, label: str) -> AppTest:
    next(b for b in at.button if b.label == label).click()
    return at.run()


def until(at: AppTest, words: str, seconds: float = 90) -> AppTest:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if words in text(at) or any(words in m.label for m in at.metric):
            return at
        time.sleep(0.5)
        at.run()
        assert not at.exception
    raise AssertionError(f"no {words!r} in: {text(at)[:800]}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("app.py", "hiding"),
        ("pages/train.py", "Teach a net"),
        ("pages/features.py", "What else did it learn"),
        ("pages/membership.py", "in the training set?"),
        ("pages/reconstruction.py", "Read the training faces"),
    ],
)
def test_every_page_draws_and_carries_evidence(name, words):
    at = page(name)
    assert not at.exception
    assert words in text(at)
    assert "shipped" in text(at)


def test_features_asks_for_a_bet_before_it_shows_the_ladder():
    at = page("pages/features.py")
    assert "Guess first" in text(at)
    assert "forty labelled photos, " not in text(at)
    at = press(at, "Just show me")
    assert "φ with the task" in text(at)
    at.selectbox(key="attribute").select("Glasses").run()
    assert "Guess first" in text(at)
    at = press(at, "Just show me")
    assert "made it easier to read" in text(at)
    assert not at.exception


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
    for name in ("data", "faces", "epochs", "lr", "augment", "dropout", "mixup", "net", "seed", "path", "attribute"):
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


def test_membership_from_the_shipped_run_before_any_click():
    at = page("pages/membership.py")
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


def test_membership_patients_live_then_a_dot_and_back():
    at = page("pages/membership.py")
    at.selectbox(key="m-data").set_value("Patients").run()
    at.select_slider(key="m-shadows").set_value(4).run()
    assert "not been attacked yet" in text(at)
    at = until(press(at, "Run it live"), "Guess first")
    assert "live" in text(at)
    assert "4 shadows" in text(at)
    at = press(at, "Just show me")
    assert not at.exception
    at.selectbox(key="m-reveal").set_value("label").run()
    assert "not been attacked yet" in text(at)
    assert not at.exception


MEMBERSHIP_DIALS = ("m-data", "m-preset", "m-reveal", "m-shadows", "m-records", "m-epochs", "seed")
RECONSTRUCTION_DIALS = (
    "r-data", "r-attack", "r-code", "r-net", "r-faces", "r-epochs", "r-bits", "r-colour", "r-augment", "r-inputs", "r-parity",
    "r-reveal", "r-low", "seed",
)  # fmt: skip


@pytest.mark.parametrize("value", ["-1", "abc", "%00", "<script>", "9" * 400, "nan", ""])
@pytest.mark.parametrize(
    ("name", "dials", "words"),
    [
        ("pages/membership.py", MEMBERSHIP_DIALS, "Guess first"),
        ("pages/reconstruction.py", RECONSTRUCTION_DIALS, "One of them carries 16 of its training faces"),
    ],
)
def test_garbage_in_the_address_of_an_attack_falls_back(name, dials, words, value):
    at = page(name, **dict.fromkeys(dials, value))
    assert not at.exception
    assert words in text(at), "of the shipped case, which the usual settings show"


def test_a_link_brings_the_same_attack():
    at = page("pages/membership.py", **{"m-shadows": "8", "m-records": "400", "m-epochs": "6"})
    assert (at.select_slider(key="m-shadows").value, at.slider(key="m-records").value, at.slider(key="m-epochs").value) == (
        8,
        400,
        6,
    )
    at = page(
        "pages/reconstruction.py",
        **{"r-net": "mlp", "r-faces": "32", "r-bits": "400", "r-colour": "false", "r-data": "LFW faces"},
    )
    assert (at.selectbox(key="r-net").value, at.select_slider(key="r-faces").value) == ("mlp", 32)
    assert (at.select_slider(key="r-bits").value, at.toggle(key="r-colour").value) == (400, False)
    assert page("pages/reconstruction.py", **{"r-data": "LFW faces"}).selectbox(key="r-net").value == "strided-3", "its usual one"


def test_reconstruction_bet_reveal_forensics_from_the_shipped_run():
    at = page("pages/reconstruction.py")
    assert not at.exception
    assert "One of them carries 16 of its training faces" in text(at)
    assert "malicious twin" not in text(at) and "clean twin" not in text(at)
    assert "Could the owner have noticed?" not in [s.value for s in at.subheader]
    at.radio(key="pick-r-bet-shipped-0").set_value("Model A").run()
    at = press(at, "Lock my bet")
    assert "You bet on model A" in text(at)
    assert "the malicious twin" in text(at) and "The faces are in the model" in text(at)
    assert {"Read it back", "Could the owner have noticed?", "An eraser that knows no secret"} <= {s.value for s in at.subheader}
    assert not at.exception


def test_reconstruction_suggests_a_net_by_the_faces_and_lets_another_be_chosen():
    at = page("pages/reconstruction.py")
    assert at.selectbox(key="r-net").value == "strided-3 wide"
    at.selectbox(key="r-data").select("LFW faces").run()
    assert at.selectbox(key="r-net").value == "strided-3"
    at.selectbox(key="r-net").select("conv-3").run()
    assert at.selectbox(key="r-net").value == "conv-3"
    for few in ("Your upload", "Synthetic faces"):
        at.selectbox(key="r-data").select(few).run()
        assert at.selectbox(key="r-net").value == "strided-3 wide"
    assert not at.exception


def test_reconstruction_says_before_training_that_the_net_cannot_hold_it():
    at = page("pages/reconstruction.py")
    at.selectbox(key="r-attack").set_value("sgn").run()
    at.selectbox(key="r-code").set_value("pixels8").run()
    at.select_slider(key="r-faces").set_value(128).run()
    assert "More than the net can hold" in text(at)
    at.select_slider(key="r-faces").set_value(8).run()
    assert "More than the net can hold" not in text(at)
    assert "not been run yet" in text(at)
    assert not at.exception


def test_reconstruction_live_then_a_dot():
    at = page("pages/reconstruction.py")
    at.selectbox(key="r-attack").set_value("lsb").run()
    at.selectbox(key="r-net").set_value("strided-3").run()
    at.slider(key="r-epochs").set_value(2).run()
    at = until(press(at, "Run it live"), "One of them carries", 120)
    at = press(at, "Just show me")
    assert "last binary digit of each weight" in text(at)
    assert "live" in text(at)
    assert not at.exception


def test_one_update_is_inverted_live():
    at = page("pages/reconstruction.py")
    at.number_input(key="seed").set_value(4).run()
    assert "has not been inverted yet" in text(at)
    at = until(press(at, "Invert it live"), "comes out exactly")
    assert not at.exception


def test_a_person_pinned_under_the_microscope_stays_marked():
    at = page("pages/membership.py")
    at = press(at, "Pin this person")
    assert "Let go of this person" in [b.label for b in at.button]
    source, person = at.session_state["pinned"]
    assert source == "synthetic" and person >= 0
    at.switch_page("pages/features.py").run()
    assert at.session_state["pinned"] == (source, person)
    assert not at.exception
    at.switch_page("pages/membership.py").run()
    at = press(at, "Let go of this person")
    assert at.session_state["pinned"][1] == -1
