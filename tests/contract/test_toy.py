"""A new threat is a folder and a page: it is everywhere at once, and no file that was there is touched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.contract.house import copy_to, git, run

TOY = Path(__file__).parent / "toy"
PAGES = """
from streamlit.testing.v1 import AppTest
def text(at):
    parts = [*at.markdown, *at.title, *at.info, *at.get("html"), *at.get("page_link")]
    return " ".join(str(getattr(p, "value", "") or getattr(getattr(p, "proto", None), "body", "")
                    or getattr(getattr(p, "proto", None), "label", "")) for p in parts)
at = AppTest.from_file("app.py", default_timeout=90).run()
assert not at.exception, at.exception
assert "A loaded coin talks" in text(at), text(at)
assert "Toss a coin" in text(at) and "Toy" in text(at), text(at)
at.switch_page("pages/toy.py").run()
assert not at.exception, at.exception
assert "Whose coin was tossed?" in text(at) and "two fair coins" in text(at), text(at)
at.slider(key="t-tosses").set_value(50).run()
assert "Not tossed yet" in text(at)
next(b for b in at.button if b.label == "Toss").click()
at.run()
import time
for _ in range(60):
    at.run()
    if "= 100 tosses" in text(at):
        break
    time.sleep(0.2)
assert "= 100 tosses" in text(at) and "live" in text(at), text(at)
print("seen")
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house with the toy moved in."""
    home = copy_to(tmp_path_factory.mktemp("house"))
    shutil.copytree(TOY, home, dirs_exist_ok=True)
    assert "wrote" in run(home, "-m", "mlleak_core", "ship", "toy").stderr
    return home


def test_it_is_listed_shipped_and_run_from_the_command_line(house, tmp_path):
    assert (
        "toy  Whose coin was tossed? (Nobody et al., never)" in run(house, "-m", "mlleak_core", "list").stdout
    )
    assert {f.name for f in (house / "assets" / "shipped").glob("toy*")} == {
        "toy-0.json",
        "toy-0.npz",
        "toy-0.webp",
    }
    file = tmp_path / "tosses.txt"
    done = run(house, "-m", "mlleak_core", "toy", "--tosses", "20", "--tosses-file", str(file), "--json", "-")
    report = json.loads(done.stdout)
    assert (report["threat"], report["settings"]["tosses"]) == ("toy", 20)
    assert report["report"]["auc"] == report["report"]["findings"][0]["value"] > 0.5
    assert report["report"]["findings"][0]["controls"]["two fair coins"]["n"] == 40
    assert len(file.read_text().split()) == 40


def test_its_report_can_be_taken_away(house, tmp_path):
    files = [tmp_path / f"toy.{ending}" for ending in ("html", "png", "json")]
    asked = [
        word for kind, file in zip(("--out", "--png", "--json"), files, strict=True) for word in (kind, file)
    ]
    run(house, "-m", "mlleak_core", "report", "toy-0", *map(str, asked))
    words = files[0].read_text()
    assert "The coin gives its owner away." in words and "two fair coins" in words
    assert "mlleak toy" in words and "Nobody et al., never" in words
    assert "<script" not in words, "it draws nothing"
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert json.loads(files[2].read_text())["report"]["findings"][0]["key"] == "auc"


def test_it_is_on_home_in_the_sidebar_and_has_a_page(house):
    assert "seen" in run(house, "-c", PAGES).stdout


def test_the_contract_suite_takes_it_in(house):
    done = run(house, "-m", "pytest", "-p", "no:cacheprovider", "tests/contract/test_threats.py", "-k", "toy")
    assert " passed" in done.stdout
    counted = int(done.stdout.rsplit(" passed", 1)[0].split()[-1])
    assert counted >= 10, done.stdout


def test_no_file_that_was_there_is_touched(house):
    changed = [
        row for row in git(house, "status", "--porcelain", "-uall").splitlines() if "__pycache__" not in row
    ]
    assert changed and all(row.startswith("?? ") and "toy" in row for row in changed), changed
