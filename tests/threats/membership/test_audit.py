"""An audit from end to end: live peeks, Stop, a run of the train page, a service, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput, Step, Stop, drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.blackbox import Local, Refused
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threats.membership import audit
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.audit import run
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.pool import key_of, open_pool, recipe_for
from mlleak_core.threats.membership.result import Audit
from mlleak_core.threats.membership.target import train_target

CLINIC = MembershipSettings(data="clinic", attack="all", shadows=4)


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.close()


@pytest.fixture(scope="module")
def found(desk: Desk) -> Audit:
    return drain(run(CLINIC, desk))


def test_the_report_has_every_attack_and_what_they_share(found):
    row = found.row()
    assert set(row["attacks"]) == set(CATALOGUE)
    assert {"target_train_accuracy", "target_test_accuracy", "shadows", "shadow_seconds", "run"} <= set(row)
    assert {"skipped", "lost"} <= set(row)
    assert row["shadows"] == 4 and row["run"] == key_of(CLINIC)
    alone = replace(found, reports={"lira": found.reports["lira"]}).row()
    assert alone["attack"] == "lira" and alone["auc"] == row["attacks"]["lira"]["auc"]


def test_the_base_rate_is_the_settings(desk, found):
    rare = replace(found, settings=replace(CLINIC, base_rate=0.01)).row()["attacks"]["base"]
    usual = found.row()["attacks"]["base"]
    assert rare["precision_at_1pct"]["base_rate"] == 0.01
    assert rare["precision_at_1pct"]["value"] < usual["precision_at_1pct"]["value"]


def test_the_table_of_records(found):
    lines = found.artefact("per-record").decode().splitlines()
    assert lines[0].startswith("record,member,lira,") and lines[0].endswith("label-only_named")
    assert len(lines) == 1 + len(found.member)
    assert lines[1].startswith("record ")
    with pytest.raises(BadInput, match="per-record"):
        found.artefact("gallery")


def test_the_exhibit_counts_as_the_judge_does(found):
    exhibit, member = found.exhibit(), found.member
    for name, report in found.reports.items():
        above = np.array([exhibit.above(name, record) for record in range(len(member))])
        assert above[member].mean() == report.tpr_1pct.value, name
        np.testing.assert_array_equal(above, found.scores[name] > report.line, name)
    assert all(finding.missing() == () for finding in exhibit.findings())


def test_the_claims_are_the_same_whatever_the_truth(desk, found, monkeypatch):
    """The truth is flipped where it is sealed: scores and names stay, the judge alone changes his mind."""
    real = audit.truth_of
    monkeypatch.setattr(audit, "truth_of", lambda x, y, member, person: real(x, y, ~member, person))
    flipped = drain(run(CLINIC, desk))
    np.testing.assert_array_equal(flipped.member, ~found.member)
    for name in CATALOGUE:
        np.testing.assert_array_equal(flipped.scores[name], found.scores[name], name)
        np.testing.assert_array_equal(flipped.reports[name].named, found.reports[name].named, name)
        assert flipped.reports[name].auc.value == pytest.approx(1 - found.reports[name].auc.value)


def steps_of(run_: Any, on_step: Any = None) -> tuple[list[Step], Any]:
    """All steps and the result; `on_step` may say Stop."""
    steps = []
    try:
        step = next(run_)
        while True:
            steps.append(step)
            step = run_.throw(Stop()) if on_step and on_step(step) else next(run_)
    except StopIteration as end:
        return steps, end.value


def test_peeks_carry_a_result_and_stop_keeps_what_there_is(desk):
    many = MembershipSettings(data="clinic", attack="all", shadows=256, seed=3, epochs=40)
    steps, kept = steps_of(run(many, desk), lambda step: step.peek is not None)
    peeks = [step.peek["result"] for step in steps if step.peek]
    assert peeks and set(peeks[0].reports) == {"lira", "base", "loss"}
    assert peeks[0].exhibit().findings()
    assert 2 <= kept.shadows < 256
    assert set(kept.reports) == set(CATALOGUE)


def test_the_threads_are_put_back(desk):
    before = torch.get_num_threads()
    seen = set()
    torch.set_num_threads(2)
    try:
        drain(run(CLINIC, desk), lambda step: seen.add((step.note, torch.get_num_threads())))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert ("judging", 1) in seen


def test_a_service_is_attacked_in_place_of_the_target(desk, found):
    """A model that knows nothing behind the door: nothing leaks, whatever was trained here."""
    blank = Local(lambda x: np.zeros((len(x), 2)), 2, "label")
    asked = Desk(service=lambda: blank)
    try:
        far = drain(run(replace(CLINIC, attack="loss"), asked))
    finally:
        asked.close()
    assert far.reveal == "label", "what the service shows, the shadows show"
    assert len(np.unique(far.scores["loss"])) == 2, "right or wrong, and nothing else"
    assert far.reports["loss"].auc.low < 0.5
    assert blank.queries == far.reports["loss"].queries == len(far.member)
    np.testing.assert_array_equal(far.member, found.member)


def test_what_cannot_be_attacked_is_refused(desk):
    with pytest.raises(BadInput, match="lira, lira-offline"):
        drain(run(replace(CLINIC, attack="magic"), desk))
    with pytest.raises(BadInput, match="never written there"):
        drain(run(MembershipSettings(data="upload:x"), desk))


def test_a_run_of_the_train_page_is_attacked_as_it_stands(desk, faces, folder):
    page = TrainSettings(data=folder, epochs=2, net="strided-3", seed=8)
    settings = MembershipSettings(
        data=folder, preset="full", shadows=2, seed=8, attack="all", reveal="label", experiment=page
    )
    assert recipe_for(settings) == page
    got = drain(run(settings, desk))
    kept = desk.run(page)
    assert got.run == kept.key
    assert got.member.sum() == len(kept.split.members)
    assert {"rmia", "quantile"} == set(got.skipped), "they need records that nobody trained on, and say so"
    with pytest.raises(Refused, match="nobody trained on, for RMIA"):
        drain(run(replace(settings, attack="rmia"), desk))


def test_a_run_that_was_stopped_is_not_attacked(desk, folder):
    page = TrainSettings(data=folder, epochs=40, seed=9)
    settings = MembershipSettings(data=folder, preset="full", shadows=2, seed=9, experiment=page)
    with pytest.raises(Stop):
        steps_of(run(settings, desk), lambda step: step.note.startswith("epoch"))


def test_the_target_is_kept_where_serve_finds_it(desk, found):
    answer, about = desk.store.load_model(found.run)
    pool, _ = drain(open_pool(CLINIC, desk))
    subject = drain(train_target(pool, CLINIC))
    np.testing.assert_array_equal(answer(pool.x), subject.answer(pool.x))
    assert (about["recipe"], about["classes"], about["input"]) == ("TableSettings", 2, [30])
    assert about["membership"]["data"] == "clinic"


def test_the_experiment_counts_for_the_full_preset_alone():
    other = TrainSettings(epochs=3)
    assert MembershipSettings(experiment=other) == MembershipSettings()
    assert MembershipSettings(preset="full", experiment=other) != MembershipSettings(preset="full")
    assert recipe_for(MembershipSettings(preset="full", experiment=other, seed=4)).seed == 4
