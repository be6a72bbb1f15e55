"""CONTRIBUTING's recipe for an attack: a class with `score`, a line in the catalogue; it is everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest

from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, drain
from mlleak_core.figures.roc import loglog
from mlleak_core.server.desk import Desk
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.audit import run
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.confidence import Floats
from mlleak_core.threats.membership.judge import judge
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Answers, Refs, Seen, View
from tests.pages.driver import LIVE, page, press, text, until


@final
@dataclass(frozen=True)
class MarginThreshold(ScoreAttack):
    """Members are answered with a wider margin between the two likeliest classes. Setting: black box."""

    slug: ClassVar[str] = "margin"
    title: ClassVar[str] = "Margin threshold"
    why: ClassVar[str] = "looks at how far the next class is behind"
    colour: ClassVar[str] = "#4B0082"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        ranked = np.sort(seen.logp[0], axis=-1)
        return np.asarray(ranked[:, -1] - ranked[:, -2])


@pytest.fixture(autouse=True)
def one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOGUE, "margin", MarginThreshold())


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


def settings(attack: str) -> MembershipSettings:
    return MembershipSettings(data="clinic", shadows=4, attack=attack)


def test_it_finds_a_planted_leak_and_nothing_where_nothing_is(leak: Any, null: Any) -> None:
    for (view, truth, _), high in ((leak, True), (null, False)):
        report = judge("margin", drain(MarginThreshold().run(view)), truth)
        assert (report.auc.low > 0.53) is high


def test_it_is_audited_alone_and_with_all(desk: Desk) -> None:
    alone, every = (drain(run(settings(attack), desk)) for attack in ("margin", "all"))
    assert alone.row()["attack"] == "margin"
    assert set(every.row()["attacks"]) == set(CATALOGUE)
    assert every.row()["attacks"]["margin"]["auc"] == alone.row()["auc"]
    assert b"margin" in every.artefact("per-record").splitlines()[0]


def test_it_is_in_exhibit_chart_table_and_microscope(desk: Desk) -> None:
    exhibit = drain(run(settings("all"), desk)).exhibit()
    finding = exhibit.average("margin")
    assert finding.what == "Margin threshold: AUC" and finding.missing() == ()
    chart = loglog(exhibit.curves(["margin"]))
    drawn = next(line for line in chart.data if line.name == "Margin threshold")
    assert drawn.line.color == "#4B0082"
    assert "Margin threshold" in [row["attack"] for row in exhibit.rows()]
    said = exhibit.closeup(0, sealed=True).rows
    assert "looks at how far the next class is behind" in [row["because it"] for row in said]
    alone = drain(run(settings("margin"), desk)).exhibit()
    assert alone.leading.attack == "margin" and alone.conclusion().sentence.startswith("Margin threshold *")
    assert alone.dot() is not None and alone.leading.among == 1


def test_it_is_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["membership", "--data", "clinic", "--shadows", "2", "--attack", "margin"]) == 0
    assert json.loads(capsys.readouterr().out)["report"]["attack"] == "margin"


def test_it_is_on_the_page() -> None:
    at = page("pages/membership.py")
    at.selectbox(key="data-of").set_value("clinic").run()
    at.select_slider(key="m-shadows").set_value(2).run()
    at = until(press(at, "Run it live"), LIVE)
    chosen = next(box for box in at.multiselect if str(box.key).startswith("m-attacks"))
    assert "Margin threshold" in chosen.options
    at.multiselect(key=str(chosen.key)).set_value(["margin"]).run()
    assert "Margin threshold: AUC" in text(at)
    assert not at.exception


def test_of_a_table_of_answers_it_is_left_out_with_a_reason() -> None:
    nothing = Answers(y=np.zeros(3, np.int64), true=np.zeros(3), logp=None)
    with pytest.raises(BadInput, match="for Margin threshold; got a table of answers"):
        MarginThreshold().alone(nothing)
