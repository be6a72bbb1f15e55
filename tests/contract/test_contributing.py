"""CONTRIBUTING's recipes, followed word for word in a copy of the house."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.contract.house import ROOT, copy_to, run

PAGE = """
from streamlit.testing.v1 import AppTest
import time
at = AppTest.from_file("app.py", default_timeout=90).run()
at.switch_page("pages/membership.py").run()
assert not at.exception, at.exception
assert "the three likeliest classes" in at.selectbox(key="m-reveal").options
at.selectbox(key="data-of").set_value("clinic").run()
at.select_slider(key="m-shadows").set_value(2).run()
at.selectbox(key="m-reveal").set_value("top3").run()
next(b for b in at.button if b.label == "Run it live").click()
at.run()
for _ in range(200):
    at.run()
    assert not at.exception, at.exception
    if [m for m in at.multiselect if "Margin threshold" in m.options]:
        break
    time.sleep(0.3)
chosen = next(m for m in at.multiselect if "Margin threshold" in m.options)
at.multiselect(key=chosen.key).set_value(["margin"]).run()
assert not at.exception, at.exception
print("drawn")
"""


def recipes() -> dict[str, list[str]]:
    """Code blocks by the heading they stand under."""
    parts = re.split(r"^## ", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.M)[1:]
    return {p.splitlines()[0]: re.findall(r"```python\n(.*?)```", p, flags=re.S) for p in parts}


def put_before(file: Path, mark: str, text: str) -> None:
    """Write `text` above the line that begins with `mark`."""
    body = file.read_text()
    at = re.search(rf"^{re.escape(mark)}", body, flags=re.M)
    assert at, mark
    file.write_text(body[: at.start()] + text + "\n\n" + body[at.start() :])


def put_into(file: Path, pattern: str, text: str) -> None:
    """Write `text` behind the first match of `pattern`."""
    body = file.read_text()
    at = re.search(pattern, body)
    assert at, pattern
    file.write_text(body[: at.end()] + text + body[at.end() :])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house after an attack, a source and a defence were added as the text says."""
    home, blocks = copy_to(tmp_path_factory.mktemp("house")), recipes()
    membership = home / "mlleak_core" / "threats" / "membership"
    with (membership / "thresholds.py").open("a") as thresholds:
        thresholds.write("\n\n" + blocks["An attack"][0])
    put_into(membership / "attacks.py", r"CONFIGURED[^=]*= \(", "\n    thresholds.MarginThreshold(),")
    loader, row = blocks["A data source"]
    head = "from collections.abc import Generator\n\nfrom mlleak_core.contract import Step\n"
    head += "from mlleak_core.data import Faces, folder\n\n\n"
    (home / "mlleak_core" / "data" / "museum.py").write_text(head + loader)
    put_into(home / "mlleak_core" / "data" / "source.py", r"SOURCES = \(", f"\n    {row.strip()},")
    outputs = home / "mlleak_core" / "defences" / "on_output.py"
    put_before(outputs, "CATALOGUE", blocks["A defence"][0])
    put_into(outputs, r"CATALOGUE[^=]*=.*?LabelOnly", ", TopThree")
    return home


def test_the_attack_and_the_defence_work_from_the_command_line(house):
    options = ["--data", "clinic", "--shadows", "2", "--reveal", "top3", "--json", "-"]
    report = json.loads(run(house, "-m", "mlleak_core", "membership", "--attack", "margin", *options).stdout)[
        "report"
    ]
    assert report["attack"] == "margin"
    assert report["auc_low"] < 0.75 and report["controls"]["untrained_target_auc"]["low"] < 0.5
    every = json.loads(run(house, "-m", "mlleak_core", "membership", "--attack", "all", *options).stdout)[
        "report"
    ]
    assert "margin" in every["attacks"]


def test_the_attack_and_the_defence_are_on_the_page(house):
    assert "drawn" in run(house, "-c", PAGE).stdout


def test_the_source_is_listed_and_can_be_trained_on(house, tmp_path, faces):
    lines = ["file,person,task,hat"]
    for i in range(120):
        Image.fromarray(np.asarray(faces.images[i])).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{faces.person[i]},{faces.task.codes[i]},{faces.target('Hat')[i]}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    assert "museum:PATH" in run(house, "-m", "mlleak_core", "list").stdout
    options = ["--data", f"museum:{tmp_path}", "--epochs", "1", "--json", "-"]
    report = json.loads(run(house, "-m", "mlleak_core", "train", *options).stdout)
    assert report["report"]["n_test"] > 10
