"""The picture: words stay within their boxes, and nobody real is in it."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from mlleak_core.report import picture as drawn
from mlleak_core.report.contents import shipped
from mlleak_core.report.picture import PAPER, Box, _font, _leading, fitted, picture, spelled
from mlleak_core.threat import Conclusion
from tests.report.test_page import asking

SIZES = (30, 20, 12)
LONG = "A sentence that goes on and on, because somebody had much to say of what came out. " * 40


def pixels(report):
    with Image.open(io.BytesIO(picture(report))) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("text", ["short", LONG, "unbroken" * 300, "", "a " * 2000])
@pytest.mark.parametrize("box", [Box(0, 0, 400, 100), Box(0, 0, 90, 40), Box(0, 0, 1000, 20)])
def test_words_fit_their_box(text, box):
    size, lines = fitted(text, box, SIZES)
    assert size in SIZES
    assert len(lines) * _leading(size) <= max(box.height, _leading(size))
    assert all(_font(size).getlength(line) <= box.width for line in lines)
    if text and lines[-1][-1] != "…":
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_the_largest_size_that_fits_is_taken():
    assert fitted("short", Box(0, 0, 400, 100), SIZES)[0] == SIZES[0]
    assert fitted(LONG, Box(0, 0, 400, 100), SIZES)[0] == SIZES[-1]


def test_a_very_long_conclusion_leaves_the_edges_free(monkeypatch):
    report = shipped("inversion-0")
    told = (Conclusion(report.findings[0].verdict, LONG),)
    monkeypatch.setattr(type(report.exhibit), "conclusions", lambda _: told)
    shown, paper = pixels(report), tuple(bytes.fromhex(PAPER[1:]))
    for edge in (shown[:30], shown[-24:], shown[:, :40], shown[:, -40:]):
        assert (edge == paper).all()


def test_the_app_s_font_has_the_signs_of_its_words():
    assert spelled("φ ≥ 3 × 2 – „größer“ · “a”…") == "φ ≥ 3 × 2 – „größer“ · “a”…"
    assert spelled("Zoë 漢") == "Zoë ?"


def test_without_it_what_the_font_lacks_is_spelled(monkeypatch):
    monkeypatch.setattr(drawn, "_of_the_app", tuple)
    for each in (drawn._font, drawn._sign):
        each.cache_clear()
    assert spelled("φ ≥ 3 × 2 – ok · “a”…") == "phi >= 3 x 2 - ok · “a”…"
    assert spelled("Zoë für 漢") == "Zoe fuer ?"
    for each in (drawn._font, drawn._sign):
        each.cache_clear()


def test_faces_are_painted_only_where_nobody_real_is_in_them():
    corner, paper = (slice(40, 350), slice(800, 1144)), tuple(bytes.fromhex(PAPER[1:]))
    assert len(np.unique(pixels(shipped("inversion-0"))[corner].reshape(-1, 3), axis=0)) > 1000
    for data in ("lfw", "upload:0123456789abcdef"):
        real = pixels(asking("inversion-0", data=data))[corner]
        assert (real == paper).all(-1).mean() > 0.7 and len(np.unique(real.reshape(-1, 3), axis=0)) < 300


def test_without_a_headline_the_first_finding_is_set_large(monkeypatch):
    report = shipped("reconstruction-0")
    monkeypatch.setattr(type(report.exhibit), "headlines", lambda _: ())
    assert picture(dataclasses.replace(report)).startswith(b"\x89PNG")
