"""The reconstruction page: a bet, then the faces, the forensics and the eraser; dials
say what they can hold.
"""

from __future__ import annotations

from typing import Any

import pytest

from mlleak_core.threat import threat
from tests.pages.driver import LIVE, page, press, text, until

PAGE = "pages/reconstruction.py"
DIALS = (
    "data-of",
    "r-attack",
    "r-code",
    "r-net",
    "r-faces",
    "r-epochs",
    "r-bits",
    "r-colour",
    "r-augment",
    "r-inputs",
    "r-parity",
    "r-reveal",
    "r-low",
    "seed",
)


@pytest.mark.parametrize("value", ["-1", "abc", "%00", "<script>", "9" * 400, "nan", ""])
def test_garbage_in_the_address_falls_back(value):
    at = page(PAGE, **dict.fromkeys(DIALS, value))
    assert not at.exception
    assert "One of them carries 16 of its training faces" in text(at), "the shipped case"


def test_a_link_brings_the_same_settings():
    there = {"r-net": "mlp", "r-faces": "32", "r-bits": "400", "r-colour": "false", "data": "lfw"}
    at = page(PAGE, **there)
    assert (at.selectbox(key="r-net").value, at.select_slider(key="r-faces").value) == ("mlp", 32)
    assert (at.select_slider(key="r-bits").value, at.toggle(key="r-colour").value) == (400, False)
    usual = page(PAGE, **{"data": "lfw"}).selectbox(key="r-net").value
    assert usual == "strided-3", "its usual one"


def test_bet_reveal_forensics_from_the_shipped_run():
    at = page(PAGE)
    assert not at.exception
    assert "One of them carries 16 of its training faces" in text(at)
    assert "malicious twin" not in text(at) and "clean twin" not in text(at)
    assert "Could the owner have noticed?" not in [s.value for s in at.header]
    at.radio(key="pick-r-bet-reconstruction-0").set_value("Model A").run()
    at = press(at, "Lock my bet")
    assert "You bet on model A" in text(at)
    assert "the malicious twin" in text(at) and "The faces are in the model" in text(at)
    wanted = {"Read it back", "Could the owner have noticed?", "An eraser that knows no secret"}
    assert wanted <= {s.value for s in at.header}
    for words in ("average face 32.2", "6,656 questions", "No treatment here", "6,656 pictures of noise"):
        assert words in text(at), words
    assert not at.exception


def test_dials_that_do_not_apply_are_grey_and_change_nothing():
    at = page(PAGE, **{"r-low": "5"})
    assert at.slider(key="r-low").disabled and at.slider(key="r-low").value == 5
    assert not at.selectbox(key="r-code").disabled
    assert "One of them carries 16 of its training faces" in text(at), "still the shipped case"
    at.selectbox(key="r-attack").set_value("lsb").run()
    assert not at.slider(key="r-low").disabled
    for grey in (at.selectbox(key="r-code"), at.selectbox(key="r-reveal"), at.selectbox(key="r-inputs")):
        assert grey.disabled
    assert at.select_slider(key="r-bits").disabled and at.select_slider(key="r-parity").disabled


def test_every_encoding_can_be_chosen():
    catalogue: Any = threat("reconstruction").catalogue()
    shown = page(PAGE).selectbox(key="r-attack").options
    assert shown == [encoding.call for encoding in catalogue.values()]


def test_a_net_is_suggested_by_the_faces_and_another_may_be_chosen():
    at = page(PAGE)
    assert at.selectbox(key="r-net").value == "strided-3 wide"
    at.selectbox(key="data-of").select("LFW").run()
    assert at.selectbox(key="r-net").value == "strided-3"
    at.selectbox(key="r-net").select("conv-3").run()
    assert at.selectbox(key="r-net").value == "conv-3"
    for few in ("Your upload", "Synthetic faces"):
        at.selectbox(key="data-of").select(few).run()
        assert at.selectbox(key="r-net").value == "strided-3 wide"
    assert not at.exception


def test_it_is_said_before_training_that_the_net_cannot_hold_it():
    at = page(PAGE)
    at.selectbox(key="r-attack").set_value("sgn").run()
    at.selectbox(key="r-code").set_value("pixels8").run()
    at.select_slider(key="r-faces").set_value(128).run()
    assert "More than the net can hold" in text(at)
    at.select_slider(key="r-faces").set_value(8).run()
    assert "More than the net can hold" not in text(at)
    assert "not been run yet" in text(at)
    assert not at.exception


def test_live_then_a_dot():
    at = page(PAGE)
    at.selectbox(key="r-attack").set_value("lsb").run()
    at.selectbox(key="r-net").set_value("strided-3").run()
    at.slider(key="r-epochs").set_value(2).run()
    at = until(press(at, "Run it live"), LIVE, 120)
    at = press(at, "Just show me")
    assert "last binary digit of each weight" in text(at)
    assert "live" in text(at)
    assert "Your trail" in text(at)
    assert not at.exception
