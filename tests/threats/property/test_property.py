"""Property inference: a planted property is found, nothing where nothing is, and the truth is apart."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch

from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, Diverged, Step, Stop, drain
from mlleak_core.data import Labels
from mlleak_core.measure import auc
from mlleak_core.target.federated import Conduct, Federation, FederationSettings
from mlleak_core.threat import threat
from mlleak_core.threats.property.attacks import Online, View
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.gradients import pooled
from mlleak_core.threats.property.judge import Claim, PropertyVerdict, Truth, auc_by_records, judge
from mlleak_core.threats.property.parties import parties, timeline
from mlleak_core.threats.property.run import Training, watch

QUICK = PropertySettings(property="marked", rounds=60, enters=0.2, batch=16)


@pytest.fixture(scope="module")
def marked(faces):
    """Half of the people wear a bright square."""
    has = (faces.person % 2).astype(np.int8)
    images = faces.images.copy()
    images[has == 1, 4:20, 4:20] = (255, 255, 0)
    label = Labels("marked", ("plain", "marked"), has)
    return dataclasses.replace(faces, images=images, attributes=(label,), headline=("marked",))


@pytest.fixture(scope="module")
def deal(marked):
    return parties(QUICK, marked)


@pytest.fixture(scope="module")
def watched(deal):
    return drain(watch(QUICK, deal))


def test_a_planted_property_is_found_and_where_it_is_absent_it_is_not(deal, watched):
    assert watched.report.auc.value > 0.9
    assert watched.report.verdict is PropertyVerdict.SHOWS
    assert watched.report.shuffled.low < 0.5 < watched.report.shuffled.high
    control = drain(watch(QUICK, deal, absent=True))
    assert control.report.verdict is PropertyVerdict.HIDDEN


@pytest.mark.parametrize("attack", ["passive", "active"])
def test_the_papers_attacks_find_it_too(deal, attack):
    settings = dataclasses.replace(QUICK, attack=attack)
    assert drain(watch(settings, deal)).report.auc.value > 0.9


def test_three_train_together(marked):
    settings = dataclasses.replace(QUICK, participants=4)
    deal = parties(settings, marked)
    assert len(deal.shares) == 4
    assert drain(watch(settings, deal)).report.auc.value > 0.75


def test_noise_hides_it(deal, watched):
    noisy = drain(watch(dataclasses.replace(QUICK, noise=10.0), deal))
    assert noisy.report.auc.value < watched.report.auc.value - 0.1


def test_few_values_that_are_sent_are_the_largest(deal):
    settings = dataclasses.replace(QUICK, kept=0.1)
    training = Training(settings=settings, deal=deal, absent=False)
    update = training.federation.round(0).updates[1]
    honest = Training(settings=QUICK, deal=deal, absent=False).federation.round(0).updates[1]
    sent = update != 0
    assert sent.float().mean() == pytest.approx(0.1, abs=0.01)
    assert honest[sent].abs().min() >= honest[~sent].abs().max()


def test_the_online_attack_uses_nothing_of_a_later_round(deal, watched):
    short = dataclasses.replace(QUICK, rounds=40)
    claim = drain(watch(short, dataclasses.replace(deal, present=deal.present[:40]))).claim
    count = len(claim.rounds)
    np.testing.assert_array_equal(claim.posterior, watched.claim.posterior[:count])


def test_the_attacker_sees_no_truth_and_a_changed_one_changes_no_claim(deal, watched):
    names = {field.name for field in dataclasses.fields(View)}
    assert not names & {"present", "having", "lacking", "photos", "shares", "parties", "federation"}
    before = watched.claim.posterior.copy()
    truth = Truth(present=~deal.present, records=np.zeros((QUICK.rounds, 2), np.int64))
    turned = judge(watched.claim, truth, 0)
    np.testing.assert_array_equal(watched.claim.posterior, before)
    assert turned.auc.value < 0.5


def test_stop_keeps_the_rounds_so_far(deal):
    run = watch(QUICK, deal)
    for _ in range(12):
        next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert len(end.value.value.claim.rounds) == 12
    assert end.value.value.rounds == 23


def test_equal_seeds_give_equal_claims(deal, watched):
    again = drain(watch(QUICK, deal))
    np.testing.assert_array_equal(again.claim.posterior, watched.claim.posterior)


def test_pooling_is_the_authors(rng):
    shapes = [torch.Size(s) for s in ((4, 3, 3, 3), (4,), (80, 70), (2, 9), (80, 70, 1, 1))]
    tensors = [rng.normal(size=tuple(s)).astype(np.float32) for s in shapes]
    flat = torch.from_numpy(np.concatenate([t.ravel() for t in tensors]))[None]
    (found,) = pooled(flat, shapes)
    naive = [max(abs(tensors[0][o, i].ravel())) for o in range(4) for i in range(3)]
    naive += [max(abs(tensors[2][:, i])) for i in range(70)]
    naive += list(abs(tensors[3].ravel()))
    np.testing.assert_allclose(found, np.array(naive) / np.linalg.norm(naive), rtol=1e-5)


def test_the_interval_of_rounds_that_share_records_is_wider(rng):
    truth = np.arange(100) // 10 % 2 == 1
    scores = rng.normal(truth, 1.0) + rng.normal(0, 1, 10).repeat(10)
    own = auc_by_records(scores, truth, np.arange(100)[:, None], 0)
    shared = auc_by_records(scores, truth, (np.arange(100) // 10)[:, None], 0)
    assert own.value == shared.value == pytest.approx(float(auc(scores, truth)))
    assert own.low < own.value < own.high
    assert shared.high - shared.low > own.high - own.low


def test_where_no_round_is_out_of_order_the_interval_still_has_a_width():
    truth = np.arange(40) % 2 == 0
    found = auc_by_records(truth * 1.0, truth, np.arange(40)[:, None], 0)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low**20 == pytest.approx(0.025)


def test_an_alarm_before_the_property_is_a_false_one():
    present = np.arange(10) >= 5
    rounds, records = np.arange(10), np.arange(10)[:, None]
    posterior = np.where(present, 0.9, 0.1) + np.linspace(0, 0.05, 10)
    for alarm, delay, early in ((-1, None, False), (3, None, True), (7, 2, False)):
        found = judge(
            Claim(rounds=rounds, posterior=posterior, alarm=alarm), Truth(present=present, records=records), 0
        )
        assert (found.delay, found.early) == (delay, early)


def test_an_alarm_in_a_training_stopped_before_the_property_came_is_a_false_one():
    truth = Truth(present=np.zeros(6, bool), records=np.arange(6)[:, None])
    found = judge(Claim(rounds=np.arange(6), posterior=np.full(6, 0.9), alarm=3), truth, 0)
    assert (found.delay, found.early, found.verdict) == (None, True, PropertyVerdict.HIDDEN)


def test_the_timeline_begins_where_it_says():
    settings = PropertySettings(rounds=1000, enters=0.4, often=0.3)
    there = timeline(settings)
    assert there.argmax() == 400
    assert there[400:].mean() == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize(
    ("property_", "words"),
    [
        ("purple", "an attribute of"),
        ("person:Nobody At All", "a person of"),
        ("person:", "a person of"),
        ("nobody", "9 records with"),
    ],
)
def test_a_property_that_is_not_there_is_a_sentence(marked, property_, words):
    none = Labels("nobody", ("no", "nobody"), np.zeros(len(marked), np.int8))
    faces = dataclasses.replace(marked, attributes=(*marked.attributes, none))
    with pytest.raises(BadInput, match=words):
        parties(dataclasses.replace(QUICK, property=property_), faces)


def test_a_person_with_four_photos_is_too_few(marked):
    name = marked.people[3].replace("_", " ").upper()
    with pytest.raises(BadInput, match="9 records with"):
        parties(dataclasses.replace(QUICK, property=f"person:{name}"), marked)


def test_picks_sends_and_guards_are_heeded():
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    shares = [(torch.randn(8, 3), torch.randint(0, 2, (8,))) for _ in range(3)]
    seen: list[Any] = []

    def guard(who, number, update):
        seen.append((who, number))
        return update * 0

    conduct = Conduct(
        picks={1: lambda number: np.array([number, number])},
        sends={0: lambda number, weights: torch.ones_like(weights)},
        guards=guard,
    )
    rules = FederationSettings(rounds=2, batch=2, lr=0.1)
    first = Federation(net, shares, rules, conduct=conduct).round(0)
    assert first.updates[0].eq(1).all() and first.updates[1:].eq(0).all()
    assert seen == [(1, 0), (2, 0)]
    plain = Federation(net, shares, rules, conduct=dataclasses.replace(conduct, guards=None))
    x, y = shares[1]
    expected = -0.1 * plain.gradient(plain.weights, x[[1, 1]], y[[1, 1]])
    torch.testing.assert_close(plain.round(1).updates[1], expected)


@pytest.mark.parametrize(
    ("sent", "problem", "words"),
    [
        (lambda w: w * torch.nan, Diverged, "participant 0 is no finite number"),
        (lambda w: w[:-1], BadInput, "8 numbers of participant 0"),
    ],
)
def test_a_malformed_update_is_refused_and_the_joint_model_stays(sent, problem, words):
    torch.manual_seed(0)
    net = torch.nn.Linear(3, 2)
    shares = [(torch.randn(8, 3), torch.randint(0, 2, (8,))) for _ in range(2)]
    conduct = Conduct(sends={0: lambda number, weights: sent(weights)})
    federation = Federation(net, shares, FederationSettings(rounds=2, batch=2), conduct=conduct)
    before = federation.weights.clone()
    with pytest.raises(problem, match=words):
        federation.round(0)
    torch.testing.assert_close(federation.weights, before)


def test_the_command_line_reports_and_writes_the_tape(folder, tmp_path, capsys):
    table = tmp_path / "tape.csv"
    asked = ["--rounds", "40", "--batch", "8", "--property", "coin", "--tape", str(table)]
    assert main(["property", "--data", folder, *asked, "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    report = result["report"] | {"seconds": result["seconds"]}
    wanted = {"auc", "auc_low", "auc_high", "n", "null_auc", "task_accuracy", "task_accuracy_without"}
    assert wanted | {"property_task_phi", "detection_delay_rounds", "rounds", "seconds"} <= set(report)
    lines = table.read_text().splitlines()
    assert lines[0] == "round,posterior,present" and len(lines) == 1 + report["looks"]


def test_shipped_tapes_say_what_their_numbers_say():
    found: Any = threat("property").shipped_exhibits()
    shows, coin = found[:2]
    assert shows.verdict is PropertyVerdict.SHOWS
    assert coin.verdict is PropertyVerdict.HIDDEN
    first = int(np.argmax(shows.arrays["present"]))
    assert first == shows.about.first
    assert "Right on it" in shows.hears(first)
    assert shows.tape(revealed=False).present is None
    assert Online.slug == shows.about.settings.attack
    assert not any(finding.missing() for exhibit in found for finding in exhibit.findings())


def test_a_step_shows_the_claim_so_far(deal):
    seen: list[Step] = []
    drain(watch(dataclasses.replace(QUICK, rounds=40), deal), seen.append)
    lengths = [len(step.peek["claim"].rounds) for step in seen if step.peek]
    assert lengths == sorted(lengths) and lengths[-1] == 20
