"""A table of answers: what it allows is done, what it does not is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlleak_core.contract import BadInput, drain
from mlleak_core.server.desk import Desk
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.scores import run


def table(logits: bool, n: int = 300) -> bytes:
    rng = np.random.default_rng(0)
    member = rng.random(n) < 0.5
    lines = ["record,member,label," + ("logit_0,logit_1" if logits else "loss")]
    for i, m in enumerate(member):
        sure = rng.normal(2.0 if m else 0.5)
        shown = f"{sure:.4f},0" if logits else f"{np.log1p(np.exp(-sure)):.4f}"
        lines.append(f"person {i},{int(m)},0,{shown}")
    return "\n".join(lines).encode()


def audited(logits: bool, attack: str):
    return drain(run(table(logits), MembershipSettings(attack=attack), Desk()))


def test_all_does_all_it_can_and_says_what_was_left_out():
    found = audited(True, "all")
    assert set(found.reports) == {"loss", "entropy"}
    assert set(found.row()["skipped"]) == set(CATALOGUE) - {"loss", "entropy"}
    assert "for LiRA; got a table of answers" in found.row()["skipped"]["lira"]
    few = audited(False, "all")
    assert set(few.reports) == {"loss"} and "got losses alone" in few.skipped["entropy"]


def test_one_attack_is_done_or_refused_never_replaced():
    assert audited(False, "loss").row()["attack"] == "loss"
    assert "skipped" not in audited(False, "loss").row()
    with pytest.raises(BadInput, match="one of entropy, loss for this table.*--attack shokri"):
        audited(True, "shokri")
    with pytest.raises(BadInput, match="one of loss for this table.*--attack entropy"):
        audited(False, "entropy")


def test_the_records_are_written_by_their_names():
    lines = audited(False, "loss").artefact("per-record").decode().splitlines()
    assert lines[0] == "record,member,loss,loss_named"
    assert len(lines) == 301 and lines[1].startswith("person 0,")


def test_it_is_shown_like_any_audit():
    exhibit = audited(True, "all").exhibit()
    for finding in exhibit.findings():
        assert finding.missing() == ()
        assert "without asking the model" not in [c.what for c in finding.controls], "it was not measured"
    assert exhibit.about.train_accuracy > exhibit.about.test_accuracy
    assert exhibit.conclusion().small
    assert len(exhibit.curves(exhibit.slugs)) == 2
    assert "not known" in audited(False, "loss").exhibit().conclusion().small


def test_rows_of_one_record_are_one_draw():
    lines = table(False).decode().splitlines()
    doubled = "\n".join([lines[0], *(line for line in lines[1:] for _ in range(2))]).encode()
    one, two = (drain(run(t, MembershipSettings(attack="loss"), Desk())) for t in (table(False), doubled))
    first, second = one.reports["loss"].auc, two.reports["loss"].auc
    assert second.value == pytest.approx(first.value)
    assert second.high - second.low == pytest.approx(first.high - first.low, rel=0.02)


def test_a_file_is_read_and_a_missing_one_refused(tmp_path: Path):
    (tmp_path / "s.csv").write_bytes(table(True))
    found = drain(run(tmp_path / "s.csv", MembershipSettings(attack="entropy"), Desk()))
    assert found.reports["entropy"].auc.low > 0.5
    with pytest.raises(BadInput, match="CSV file of scores"):
        drain(run(tmp_path / "none.csv", MembershipSettings(), Desk()))
