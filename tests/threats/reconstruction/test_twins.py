"""Every encoding finds its planted faces and nothing in the clean twin; nothing breaks when it is disturbed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mlleak_core.data import source

from mlleak_core.threats.reconstruction import exhibit as gallery, plan, twins

from mlleak_core.target import training
from mlleak_core.attacks import reconstruction as threat
from mlleak_core.threats.reconstruction.encodings import CapacityAbuse, Claim, judge, odd_inputs, stage
from mlleak_core.target.blackbox import Local, Refused
from mlleak_core.contract import BadInput, Stop, drain
from mlleak_core.threats.reconstruction.forensics import ERASERS, low_byte_entropy
from mlleak_core.measure import ssim
from mlleak_core.target.settings import ReconstructionSettings

SMALL = {"faces": 4, "epochs": 24, "seed": 2}
EACH = {
    "cap": ReconstructionSettings(attack="cap", bits=200, parity=0, **SMALL),
    "cor": ReconstructionSettings(attack="cor", **SMALL),
    "sgn": ReconstructionSettings(attack="sgn", code="pixels8", **SMALL),
    "lsb": ReconstructionSettings(attack="lsb", colour=True, **SMALL),
}
ERROR = {"cap": 9.0, "cor": 16.6, "sgn": 5.2, "lsb": 0.0}


@pytest.fixture(scope="module", params=EACH)
def pair(request, faces):
    """Twins of one encoding, with every eraser tried."""
    return drain(twins.twins(EACH[request.param], faces))


@pytest.fixture(scope="module")
def cap(faces):
    return drain(twins.twins(EACH["cap"], faces, erase=False))


def test_the_planted_faces_come_back_and_the_clean_twin_holds_none(pair):
    attack, report, clean = pair.settings.attack, pair.report, pair.clean_report
    assert report.mae.value <= ERROR[attack]
    assert report.identified.value == 1
    assert pair.baseline.mae.value > 2 * max(report.mae.value, 4)
    assert clean.mae.value > 0.9 * pair.baseline.mae.value
    assert clean.identified.value == 0
    if clean.bit_error_rate:
        rate = clean.bit_error_rate
        assert abs(rate.value - 0.5) < max(0.01, rate.high - rate.low), "a coin's, within four standard errors"
        assert report.bit_error_rate.value < 0.02
    assert "are in the model" in threat.verdict(report, clean, pair.baseline)
    assert "no faces" in threat.verdict(clean, clean, pair.baseline)


def test_the_task_is_measured_on_people_never_seen_with_intervals(pair, faces):
    row, split = pair.row(), pair.plan.split
    assert row["n_test"] == len(split.outsiders)
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    cost = pair.task["cost"]
    assert cost.value == pytest.approx(row["accuracy_clean_twin"] - row["accuracy"])
    assert cost.low <= cost.value <= cost.high
    groups = [set(faces.person[r]) for r in (split.members, split.outsiders, split.public)]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert set(pair.plan.victims) <= set(split.members)
    if pair.settings.attack == "lsb":
        np.testing.assert_allclose(pair.malicious.test_logits, pair.clean.test_logits, atol=1e-3)


def test_a_reading_survives_or_not_and_never_breaks(pair):
    found = {e.name: e for e in pair.erased}
    assert list(found) == [e.name for e in ERASERS]
    if pair.settings.attack == "lsb":
        assert all(e.report.identified.value == 0 for e in pair.erased)
        assert "changed since" in found["prune 70%"].report.note
    else:
        assert found["round to bfloat16"].report.identified.value == 1
        assert found["prune 90%"].report.mae.value > pair.report.mae.value
    assert all(0 <= e.accuracy.value <= 1 and np.isfinite(e.pictures).all() for e in pair.erased)


def test_forensics_measure_both_twins(pair):
    numbers, arrays = pair.forensics
    assert low_byte_entropy(pair.clean.states[max(pair.clean.states)]) == numbers["low_byte_entropy_clean"]
    if pair.settings.attack == "cor":
        assert numbers["scan"] > 0.5 > 2 * numbers["scan_clean"]
    if pair.settings.attack == "cap":
        assert numbers["odd_loss_malicious"] < 0.2 < numbers["odd_loss_clean"]
    assert arrays["malicious"].shape == arrays["clean"].shape


def test_the_gallery_shows_every_view_and_is_small(pair):
    case = gallery.gallery(pair)
    kinds = [v["kind"] for v in case.about["views"]]
    assert kinds.count("clean") == kinds.count("mean") == 1
    assert kinds.count("erased") == len(ERASERS)
    assert [v["row"] for v in case.about["views"]] == list(range(1, len(kinds) + 1))
    assert case.last["epoch"] == 24
    assert len(case.atlas) < 200_000
    assert case.about["malicious_is"] in "AB"


def test_cap_leaves_the_training_code_alone(faces, monkeypatch):
    """Both twins are trained by the one `fit`, with equal settings; the malicious one differs in data only."""
    calls = []

    def spy(*arguments, **named):
        calls.append((arguments, named))
        return training.fit(*arguments, **named)

    monkeypatch.setattr(twins, "fit", spy)
    settings = dataclasses.replace(EACH["cap"], epochs=1)
    found = drain(twins.twins(settings, faces, erase=False))
    (clean, clean_named), (malicious, malicious_named) = calls
    assert clean[1] == malicious[1] == settings.training()
    assert set(malicious_named) == {"after_epoch"} and not clean_named, "watching is all that is added"
    bits = len(found.plan.bits)
    assert len(malicious[0]) == len(faces) + bits
    np.testing.assert_array_equal(malicious[0].images[: len(faces)], faces.images)
    np.testing.assert_array_equal(malicious[2].members[:-bits], clean[2].members)
    np.testing.assert_array_equal(malicious[2].outsiders, clean[2].outsiders)


def test_watching_does_not_change_the_training(faces):
    settings = dataclasses.replace(EACH["cap"], epochs=2).training()
    watched = drain(training.fit(faces, settings, after_epoch=lambda _, net: net.train()))
    alone = drain(training.fit(faces, settings))
    for name, weights in alone.states[2].items():
        assert torch.equal(weights, watched.states[2][name]), name


@pytest.mark.parametrize("family", ["dense", "blocks", "few-pixels"])
def test_odd_inputs_follow_from_the_key(family):
    one, same, other = (odd_inputs(family, 50, k) for k in ("a", "a", "b"))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.shape == (50, 3, 32, 32)
    assert len(np.unique(one.reshape(50, -1), axis=0)) == 50


def test_a_wrong_key_reads_noise(cap):
    claim = drain(plan.read(cap.plan, cap.malicious.states[24], key="another"))
    found = judge(claim, cap.plan.secret)
    assert found.bit_error_rate.low < 0.5 < found.bit_error_rate.high
    assert found.identified.value == 0


@pytest.mark.parametrize("reveal", ["rounded", "top1", "label"])
def test_a_service_that_says_less_still_says_the_bit(cap, reveal):
    report = judge(drain(plan.read(cap.plan, cap.malicious.states[24], reveal)), cap.plan.secret)
    assert report.identified.value == 1
    assert report.mae.value <= ERROR["cap"] + 2


def test_a_service_that_stops_answering_leaves_what_was_read(cap, monkeypatch):
    monkeypatch.setattr(threat, "ASKED_AT_ONCE", 100)
    answer = plan.answers_of(cap.malicious.net())
    claim = drain(cap.plan.encoding.run(cap.plan.view(Local(answer, 2, budget=450))))
    report = judge(claim, cap.plan.secret)
    assert claim.queries == report.queries == 400
    assert "Read 400 of 800" in claim.note and "budget" in claim.note
    assert report.errors[0] < ERROR["cap"] < report.errors[3]

    def refuse(_):
        raise Refused("The service answered 429.")

    nothing = drain(cap.plan.encoding.run(cap.plan.view(Local(refuse, 2))))
    np.testing.assert_allclose(nothing.pictures[0], cap.plan.public.mean(0), atol=0.5)


def test_more_than_the_net_can_hold_is_carried_in_part(faces):
    settings = ReconstructionSettings(attack="sgn", code="pixels8", net="strided-3 narrow", faces=12, epochs=60, seed=2)
    made = plan.make_plan(settings, faces)
    assert not made.room.fits
    found = drain(twins.twins(settings, faces, erase=False))
    fits = made.room.carried // (8 * 1024)
    assert 0 < fits < 12
    assert np.median(found.report.errors[:fits]) < 5.2 < found.report.errors[-1]
    assert len(found.report.errors) == 12


def test_stop_keeps_what_has_emerged(faces):
    run = twins.twins(dataclasses.replace(EACH["cap"], epochs=60), faces)
    step = next(run)
    while not (step.peek and "frame" in step.peek and step.peek["frame"].epoch >= 3):
        step = next(run)
    try:
        run.throw(Stop())
        while True:
            next(run)
    except StopIteration as end:
        found = end.value
    assert not found.complete
    assert found.frames[-1].epoch < 60
    assert not found.erased
    assert gallery.gallery(found).about["complete"] is False


def test_too_few_people_is_said(faces):
    with pytest.raises(BadInput, match="people to carry off"):
        plan.make_plan(ReconstructionSettings(faces=200), faces)


def test_the_claim_does_not_move_when_the_truth_does(cap):
    """The view holds no truth: other secrets, the same claim."""
    state = cap.malicious.states[24]
    other = dataclasses.replace(cap.plan, secret=dataclasses.replace(cap.plan.secret, pictures=cap.plan.secret.pictures * 0))
    one, two = (drain(plan.read(p, state)) for p in (cap.plan, other))
    np.testing.assert_array_equal(one.pictures, two.pictures)
    fields = {f.name for f in dataclasses.fields(threat.View)}
    assert fields == {"code", "faces", "bits", "key", "average", "box", "weights"}


def test_the_judge_knows_equal_from_average(cap):
    secret = cap.plan.secret
    perfect = judge(Claim(secret.pictures, secret.bits.astype(float)), secret)
    assert (perfect.mae.value, perfect.ssim.value, perfect.identified.value) == (0, pytest.approx(1), 1)
    assert perfect.bits_read == len(secret.bits)
    shuffled = judge(Claim(secret.pictures[::-1], np.full(len(secret.bits), 0.5)), secret)
    assert shuffled.identified.value == 0
    assert judge(Claim(secret.pictures[::-1], np.empty(0)), secret, unordered=True).mae.value == 0


def test_ssim_is_one_for_equals_and_falls_with_noise(rng):
    picture = rng.uniform(0, 255, (3, 32, 32))
    assert ssim(picture, picture) == pytest.approx(1)
    values = [ssim(picture, picture + rng.normal(0, s, picture.shape)) for s in (5, 40, 200)]
    assert values[0] > values[1] > values[2]


def test_a_view_of_weights_is_in_size_order(cap):
    state = cap.clean.states[24]
    weights = threat.carried(state)
    assert len(weights) == cap.plan.room.weights
    first = state[threat.carriers(state)[0]]
    np.testing.assert_array_equal(weights[: first.numel()], first.contiguous().flatten())
    back = threat.with_weights(state, weights)
    assert all(torch.equal(back[k].contiguous(), state[k].contiguous()) for k in state)
    assert stage(cap.plan.code, 1, 8, "k", cap.plan.public, state=state).box is None


def test_poisoned_faces_are_faces(faces):
    bits = np.array([0, 1, 1], np.uint8)
    split = data.Split.by_person(faces, 0, public=0.2)
    more, wider = CapacityAbuse().poison(faces, split, bits, "k")
    np.testing.assert_array_equal(more.task.codes[-3:], bits)
    np.testing.assert_array_equal(training.shrink(more)[-3:].contiguous().numpy(), odd_inputs("dense", 3, "k"))
    assert len(wider.members) == len(split.members) + 3


def test_an_own_folder_with_faces_of_odd_sizes(faces, tmp_path):
    import csv

    from PIL import Image

    rows = []
    for i, image in enumerate(faces.images[:480]):
        size = (50 + i % 90, 61 + i * 7 % 120)
        Image.fromarray(image).resize(size).save(tmp_path / f"{i}.png")
        rows.append({"file": f"{i}.png", "person": faces.person[i], "kind": "ab"[faces.task.codes[i]]})
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    own = drain(source.load(f"folder:{tmp_path}"))
    found = drain(
        twins.twins(ReconstructionSettings(f"folder:{tmp_path}", "sgn", code="pixels8", faces=3, epochs=24), own, erase=False)
    )
    assert found.report.identified.value == 1
    assert found.clean_report.identified.value == 0


def test_stop_before_there_is_anything_ends_the_whole_work(faces):
    run = twins.twins(EACH["cap"], faces)
    for _ in range(3):
        next(run)
    with pytest.raises(Stop):
        run.throw(Stop())
