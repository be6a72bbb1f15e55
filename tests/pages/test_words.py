"""Names full of signs that mean something to Markdown, LaTeX or HTML are shown as they stand."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from mlleak_core.contract import Estimate, drain
from mlleak_core.data.source import find
from mlleak_core.figures.trail import Dot, trail
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Conclusion
from mlleak_core.threats.membership.exhibit import MembershipExhibit
from pages._kit import evidence
from pages._kit.frame import bench
from pages._kit.words import JOINED, plain
from tests.pages.driver import page, press, source, text, until

SOURCE = find("folder:x")[0].title
NAME = "$x$ **bold** [a](b) :red[hm]"
MEANT = {
    "$x$": "formula",
    "**bold**": "emphasis",
    "_thin_": "emphasis",
    "`code`": "code",
    "[a](http://b.c)": "link",
    "![a](b.png)": "picture",
    "~~gone~~": "stroke",
    "<b>bold</b>": "HTML",
    "&amp;": "entity",
    ":red[hm]": "colour",
    ":smile:": "emoji",
    ":material/home:": "symbol",
    ":streamlit:": "symbol",
    "http://a.b": "link",
    "www.a.b": "link",
    "a@b.cd": "link",
    "a -> b": "arrow",
    "a <= b": "sign",
    "# a": "heading",
    "- a": "list",
    "1. a": "list",
    "1) a": "list",
    "> a": "quotation",
    "a\n\nb": "paragraph",
    "\\$x$": "formula",
}


@pytest.mark.parametrize("name", MEANT)
def test_no_sign_is_left_that_means_something(name):
    shown = plain(name)
    for bare in ("$", "*", "_", "`", "[", "]", "~", "<", "&"):
        assert shown.replace(f"\\{bare}", "").count(bare) == 0, bare
    assert not any(sign in shown for sign in (":r", ":s", ":m", "://", "www.", "@b", "->", "<=", "\n"))
    assert not shown.startswith(("# ", "- ", "1.", "1)", ">"))


def test_words_without_signs_stay_as_they_are():
    words = "Hair colour: dark blond (90 %), person-12; 5.5 o'clock!"
    assert plain(words) == words


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, faces: Any) -> str:
    """A folder of faces whose labels, classes and people bear that name."""
    home = tmp_path_factory.mktemp("marked")
    rows = [f"file,person,kind {NAME},hat {NAME}"]
    for i in range(240):
        Image.fromarray(faces.images[i]).save(home / f"{i}.png")
        kind = "ab"[faces.task.codes[i]]
        rows.append(f"{i}.png,p{faces.person[i]} {NAME},{kind} {NAME},{'yes' if i % 3 else 'no'} {NAME}")
    (home / "t.csv").write_text("\n".join(rows))
    return str(home)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLLEAK_ALLOW_PATHS", "1")


def opened(name: str, folder: str) -> AppTest:
    """A page beside a run of that folder."""
    at = page(name)
    at.selectbox(key="data-of").select(SOURCE).run()
    assert not at.exception, "no path yet"
    at.text_input(key="path").set_value(folder)
    at.number_input(key="epochs").set_value(1)
    return at.run()


def literal(at: AppTest) -> None:
    """That name stands on the page as it was written, and nowhere as Markdown."""
    assert not at.exception
    assert NAME in text(at)
    for part in (*at.markdown, *at.caption, *at.info, *at.error, *at.warning):
        assert NAME not in part.value and "**bold**" not in part.value and ":red[" not in part.value


@pytest.mark.usefixtures("allowed")
def test_the_train_page_and_its_data_card_show_names_as_they_stand(marked):
    at = opened("pages/train.py", marked)
    at = until(press(at, "Train these settings"), "Test accuracy")
    at.toggle(key="data-card").set_value(True).run()
    literal(at)
    said = [one.caption for shown in at.get("image") for one in shown.proto.imgs]
    assert any(plain(NAME) in caption for caption in said)
    assert not any(NAME in caption for caption in said)


@pytest.mark.usefixtures("allowed")
def test_the_features_page_shows_names_as_they_stand(marked):
    drain(bench().target(TrainSettings(data=f"folder:{marked}", epochs=1)))
    at = opened("pages/features.py", marked)
    literal(at)
    at = until(press(at, "Just show me"), "φ with the task")
    literal(at)


def test_the_microscope_shows_names_as_they_stand(monkeypatch):
    real = MembershipExhibit.closeup

    def named(self, *asked):
        return replace(real(self, *asked), name=NAME, label=NAME)

    monkeypatch.setattr(MembershipExhibit, "closeup", named)
    literal(press(page("pages/membership.py"), "Just show me"))


@pytest.mark.usefixtures("allowed")
def test_a_refusal_quotes_what_was_brought_as_it_stands(tmp_path):
    at = opened("pages/train.py", str(tmp_path / NAME))
    at = until(press(at, "Train these settings"), "Expected a folder of pictures")
    literal(at)


def test_a_verdict_keeps_the_asterisks_of_a_name(monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(evidence.st, "html", shown.append)
    evidence.conclude(Conclusion(None, f"{NAME} <b>: *much* is read", ""), f"{NAME} <b>")
    assert html.escape(f"{NAME} <b>") in shown[0] and "<em>much</em>" in shown[0]
    assert shown[0].count("<em>") == 1


def test_a_charts_words_are_no_html():
    dots = [Dot("<b>x</b> & <a href='x'>y</a>", 0.1, Estimate(0.1, 0.0, 0.2, 9))]
    made = trail(dots, 0, across={}, upwards={}, level=0.0)
    assert made.data[0].text[0].startswith("&lt;b&gt;x&lt;/b&gt; &amp; &lt;a")


def test_the_driver_reads_what_people_read():
    at = AppTest.from_string(f"import streamlit as st; st.caption({plain(NAME)!r})").run()
    assert text(at) == NAME and JOINED in source(at)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("path", ["", " ", "~nobody-of-that-name", "a\0b", "x" * 5000, "/etc/passwd"])
@pytest.mark.parametrize("name", ["pages/train.py", "pages/features.py", "pages/membership.py"])
def test_a_path_that_is_none_breaks_no_page(name, path):
    at = opened(name, path)
    assert not at.exception
