"""The inversion page as a script."""

from __future__ import annotations

from tests.pages.driver import LIVE, page, press, text, until


def test_all_shipped_cases_are_there_before_any_click_and_sealed():
    at = page("pages/inversion.py")
    assert not at.exception
    assert "Guess first" in text(at) and "Who sent it?" in text(at)
    assert "come out exactly" not in text(at)
    at = press(at, "Just show me")
    assert "all of them come out exactly" in text(at) and "shipped" in text(at)
    at = press(press(at, "Just show me"), "Just show me")
    assert "division is enough" in text(at)
    assert not at.exception


def test_a_convolutional_net_gives_photos_and_labels_away():
    at = page("pages/inversion.py")
    assert "The same through a convolutional net" in [each.value for each in at.header]
    at = press(press(at, "Just show me"), "Just show me")
    assert "are recognisably" in text(at)
    assert [each.label for each in at.expander].count("What each photo shows") == 2
    assert "labels read right" in text(at)
    at.selectbox(key="g-net").set_value("strided-3").run()
    assert at.selectbox(key="g-way").value == "disaggregation" and at.selectbox(key="g-prior").disabled
    assert not at.exception


def test_one_update_is_inverted_live():
    at = page("pages/inversion.py")
    at.number_input(key="seed").set_value(4).run()
    assert "has not been inverted yet" in text(at)
    at = until(press(at, "Invert it live"), LIVE)
    at = press(at, "Just show me")
    assert "come out exactly" in text(at)
    assert "live" in text(at)
    assert not at.exception


def test_the_prior_is_grey_where_division_is_enough():
    at = page("pages/inversion.py")
    assert at.selectbox(key="g-prior").disabled
    at.selectbox(key="g-net").set_value("strided-3").run()
    at.selectbox(key="g-way").set_value("matching").run()
    assert not at.selectbox(key="g-prior").disabled
    assert not at.exception
