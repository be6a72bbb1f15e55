"""What can be taken away of a page: offered once the truth is out, made only when asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mlleak_core.threat import threat
from pages._kit import take_away
from tests.pages.driver import page, press

LABELS = ["Report (HTML)", "Picture (PNG)", "Numbers (JSON)"]


def offered(at: AppTest) -> list[str]:
    return [b.proto.label for b in at.get("download_button") if b.proto.label in LABELS]


@pytest.mark.parametrize(
    "name", ["features", "membership", "reconstruction", "inversion", "property", "backdoor"]
)
def test_a_page_offers_its_report_after_the_bet_and_makes_none_unasked(name, monkeypatch):
    def asked(*_: Any) -> bytes:
        raise AssertionError("made without having been asked for")

    monkeypatch.setattr(take_away, "_written", asked)
    at = page(f"pages/{name}.py")
    assert not offered(at), "before the bet it would tell the truth"
    at = press(at, "Just show me")
    assert offered(at) == LABELS
    assert not at.exception


def test_each_button_writes_its_kind():
    found = threat("inversion")
    exhibit = found.shipped_exhibits()[0]
    report = take_away.Report(found, exhibit)
    made = {e: take_away._written(writer, report, None) for e, (_, writer, *_) in take_away.WRITERS.items()}
    assert made["html"].startswith(b"<!DOCTYPE html>") and made["png"].startswith(b"\x89PNG")
    assert json.loads(made["json"])["source"] == exhibit.source
    whole = partial(replace, exhibit, source="live, stopped early")
    assert json.loads(take_away._written(take_away.WRITERS["json"][1], report, whole))["stopped"] is True
