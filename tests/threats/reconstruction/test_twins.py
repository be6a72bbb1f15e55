"""Every encoding finds its planted faces, and nothing in the clean twin; nothing breaks when disturbed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput, Stop, drain, knobs
from mlleak_core.data import Split, source
from mlleak_core.defences.on_weights import ERASERS, carriers
from mlleak_core.measure import ssim
from mlleak_core.server.desk import Desk
from mlleak_core.target import training
from mlleak_core.target.blackbox import Local, Refused
from mlleak_core.target.models import ConvNet
from mlleak_core.threats import likeness
from mlleak_core.threats.reconstruction import encodings, plan, twins
from mlleak_core.threats.reconstruction.card import ENCODINGS, ReconstructionSettings
from mlleak_core.threats.reconstruction.carriers import carried, with_weights
from mlleak_core.threats.reconstruction.encodings import (
    CATALOGUE,
    CapacityAbuse,
    capacity_abuse,
    synthetic_inputs,
)
from mlleak_core.threats.reconstruction.forensics import low_byte_entropy
from mlleak_core.threats.reconstruction.judge import Claim, ReconstructionVerdict, View, judge, verdict

SMALL: Any = {"faces": 4, "epochs": 24, "seed": 2}
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
    return drain(twins.twins(dataclasses.replace(EACH[request.param], erase=True), faces))


@pytest.fixture(scope="module")
def cap(faces):
    return drain(twins.twins(EACH["cap"], faces))


def test_the_planted_faces_come_back_and_the_clean_twin_holds_none(pair):
    attack, report, clean = pair.settings.attack, pair.report, pair.clean_report
    assert report.mae.value <= ERROR[attack]
    assert report.identified.value == 1
    assert pair.baseline.mae.value > 2 * max(report.mae.value, 4)
    assert clean.mae.value > 0.9 * pair.baseline.mae.value
    assert clean.identified.value == 0
    if clean.bit_error_rate:
        rate = clean.bit_error_rate
        assert abs(rate.value - 0.5) < max(0.01, rate.high - rate.low), (
            "a coin's, within four standard errors"
        )
        assert report.bit_error_rate.value < 0.02
    assert verdict(report, clean, pair.baseline) is ReconstructionVerdict.FOUND
    assert verdict(clean, clean, pair.baseline) is ReconstructionVerdict.NOTHING


def test_the_task_is_measured_on_people_never_seen_with_intervals(pair, faces):
    row, split = pair.row(), pair.plan.split
    assert row["n_test"] == len(split.outsiders)
    assert row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
    cost = pair.task.cost
    assert cost.value == pytest.approx(row["accuracy_clean_twin"] - row["accuracy"])
    assert cost.low <= cost.value <= cost.high
    groups = [set(faces.person[r]) for r in (split.members, split.outsiders, split.public)]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert set(pair.plan.victims) <= set(split.members)
    if pair.settings.attack == "lsb":
        np.testing.assert_allclose(pair.malicious.test_logits, pair.clean.test_logits, atol=1e-3)


def test_a_reading_survives_or_not_and_never_breaks(pair):
    found = {e.title: e for e in pair.erased}
    assert list(found) == [e.title for e in ERASERS]
    if pair.settings.attack == "lsb":
        assert all(e.report.identified.value == 0 for e in pair.erased)
        assert "changed since" in found["prune 70%"].report.note
    else:
        assert found["round to bfloat16"].report.identified.value == 1
        assert found["prune 90%"].report.mae.value > pair.report.mae.value
    assert all(0 <= e.accuracy.value <= 1 and np.isfinite(e.pictures).all() for e in pair.erased)


def test_forensics_measure_both_twins(pair):
    numbers, arrays = dataclasses.asdict(pair.traces), pair.arrays
    assert low_byte_entropy(pair.clean.states[max(pair.clean.states)]) == numbers["low_byte_entropy_clean"]
    if pair.settings.attack == "cor":
        assert numbers["scan"] > 0.5 > 2 * numbers["scan_clean"]
    if pair.settings.attack == "cap":
        assert numbers["odd_loss_malicious"] < 0.2 < numbers["odd_loss_clean"]
    assert arrays["malicious"].shape == arrays["clean"].shape


def test_the_exhibit_shows_every_view_and_is_small(pair):
    case = pair.exhibit()
    kinds = [v.kind for v in case.about.views]
    assert kinds.count("clean") == kinds.count("mean") == 1
    assert kinds.count("erased") == len(ERASERS)
    assert [v.row for v in case.about.views] == list(range(1, len(kinds) + 1))
    assert case.last.epoch == 24
    assert len(case.atlas) < 200_000
    assert case.about.malicious_is in "AB"


def test_cap_leaves_the_training_code_alone(faces, monkeypatch):
    """Both twins are trained by the one `fit`, with equal settings; the malicious one differs in its data."""
    calls = []

    def spy(*arguments, **named):
        calls.append((arguments, named))
        return training.fit(*arguments, **named)

    monkeypatch.setattr(twins, "fit", spy)
    settings = dataclasses.replace(EACH["cap"], epochs=1)
    found = drain(twins.twins(settings, faces))
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

    def disturb(_: int, net: ConvNet) -> None:
        net.train()

    watched = drain(training.fit(faces, settings, after_epoch=disturb))
    alone = drain(training.fit(faces, settings))
    for name, weights in alone.states[2].items():
        assert torch.equal(weights, watched.states[2][name]), name


@pytest.mark.parametrize("family", ["dense", "blocks", "few-pixels"])
def test_synthetic_inputs_follow_from_the_key(family):
    one, same, other = (synthetic_inputs(family, 50, k) for k in ("a", "a", "b"))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.shape == (50, 3, 32, 32)
    assert len(np.unique(one.reshape(50, -1), axis=0)) == 50


def test_a_wrong_key_reads_noise(cap):
    claim = drain(plan.read(cap.plan, cap.malicious.states[24], key="another"))
    found = judge(claim, cap.plan.secret)
    assert found.bit_error_rate is not None
    assert found.bit_error_rate.low < 0.5 < found.bit_error_rate.high
    assert found.identified.value == 0


@pytest.mark.parametrize("reveal", ["rounded", "top1", "label"])
def test_a_service_that_says_less_still_says_the_bit(cap, reveal):
    report = judge(drain(plan.read(cap.plan, cap.malicious.states[24], reveal)), cap.plan.secret)
    assert report.identified.value == 1
    assert report.mae.value <= ERROR["cap"] + 2


def test_a_service_that_stops_answering_leaves_what_was_read(cap, monkeypatch):
    monkeypatch.setattr(capacity_abuse, "ASKED_AT_ONCE", 100)
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
    settings = ReconstructionSettings(
        attack="sgn", code="pixels8", net="strided-3 narrow", faces=12, epochs=60, seed=2
    )
    made = plan.make_plan(settings, faces)
    assert not made.room.fits
    found = drain(twins.twins(settings, faces))
    fits = made.room.carried // (8 * 1024)
    assert 0 < fits < 12
    assert np.median(found.report.errors[:fits]) < 5.2 < found.report.errors[-1]
    assert len(found.report.errors) == 12


def test_stop_keeps_what_has_emerged(faces):
    run = twins.twins(dataclasses.replace(EACH["cap"], epochs=60, erase=True), faces)
    step = next(run)
    while not (step.peek and "glimpse" in step.peek and step.peek["glimpse"].epoch >= 3):
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
    assert found.exhibit().about.complete is False


def test_too_few_people_is_said(faces):
    with pytest.raises(BadInput, match="people to carry off"):
        plan.make_plan(ReconstructionSettings(faces=200), faces)


def test_the_claim_does_not_move_when_the_truth_does(cap):
    """The view holds no truth: other secrets, the same claim."""
    state = cap.malicious.states[24]
    other = dataclasses.replace(
        cap.plan, secret=dataclasses.replace(cap.plan.secret, pictures=cap.plan.secret.pictures * 0)
    )
    one, two = (drain(plan.read(p, state)) for p in (cap.plan, other))
    np.testing.assert_array_equal(one.pictures, two.pictures)
    fields = {f.name for f in dataclasses.fields(View)}
    assert fields == {"code", "faces", "bits", "key", "average", "box", "weights"}


def test_the_judge_knows_equal_from_average(cap):
    secret = cap.plan.secret
    perfect = judge(Claim(pictures=secret.pictures, probabilities=secret.bits.astype(float)), secret)
    assert (perfect.mae.value, perfect.identified.value) == (0, 1)
    assert perfect.ssim.value == pytest.approx(1)
    assert perfect.bits_read == len(secret.bits)
    turned, doubt = secret.pictures[::-1], np.full(len(secret.bits), 0.5)
    assert judge(Claim(pictures=turned, probabilities=doubt), secret).identified.value == 0
    order = likeness.assign(turned, secret.pictures)
    assert judge(Claim(pictures=turned[order], probabilities=np.empty(0)), secret).mae.value == 0


def test_ssim_is_one_for_equals_and_falls_with_noise(rng):
    picture = rng.uniform(0, 255, (3, 32, 32))
    assert ssim(picture, picture) == pytest.approx(1)
    values = [ssim(picture, picture + rng.normal(0, s, picture.shape)) for s in (5, 40, 200)]
    assert values[0] > values[1] > values[2]


def test_a_view_of_weights_is_in_size_order(cap):
    state = cap.clean.states[24]
    weights = carried(state)
    assert len(weights) == cap.plan.room.weights
    first = state[carriers(state)[0]]
    np.testing.assert_array_equal(weights[: first.numel()], first.contiguous().flatten())
    back = with_weights(state, weights)
    assert all(torch.equal(back[k].contiguous(), state[k].contiguous()) for k in state)
    assert cap.plan.view(state=state).box is None


def test_poisoned_faces_are_faces(faces):
    bits = np.array([0, 1, 1], np.uint8)
    split = Split.by_person(faces, 0, public=0.2)
    more, wider = CapacityAbuse().poison(faces, split, bits, "k")
    np.testing.assert_array_equal(more.task.codes[-3:], bits)
    np.testing.assert_array_equal(
        training.shrink(more)[-3:].contiguous().numpy(), synthetic_inputs("dense", 3, "k")
    )
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
    data = f"folder:{tmp_path}"
    settings = ReconstructionSettings(data=data, attack="sgn", code="pixels8", faces=3, epochs=24)
    found = drain(twins.twins(settings, own))
    assert found.report.identified.value == 1
    assert found.clean_report.identified.value == 0


def test_stop_before_there_is_anything_ends_the_whole_work(faces):
    run = twins.twins(EACH["cap"], faces)
    for _ in range(3):
        next(run)
    with pytest.raises(Stop):
        run.throw(Stop())


class _Counting(Desk):
    """A desk that says what was trained and opens these faces for every source."""

    def __init__(self, faces, **more):
        super().__init__(**more)
        self.given, self.kept = faces, []

    def faces(self, data):
        yield from ()
        return self.given

    def keep(self, data, save):
        self.kept.append(data)
        return ""


def test_the_clean_twin_is_trained_once_for_all_encodings(faces, monkeypatch):
    """Other encodings share the clean twin; only what differs is trained again."""
    trained = []

    def spy(*arguments, **named):
        trained.append(arguments[1])
        return training.fit(*arguments, **named)

    monkeypatch.setattr(twins, "fit", spy)
    few: Any = {"faces": 2, "epochs": 1}
    desk = _Counting(faces)
    first: Any = drain(twins.run(ReconstructionSettings(attack="cap", bits=100, **few), desk))
    assert len(trained) == 2
    second: Any = drain(twins.run(ReconstructionSettings(attack="sgn", **few), desk))
    assert len(trained) == 3 and second.clean is first.clean
    third: Any = drain(twins.run(ReconstructionSettings(attack="lsb", **few), desk))
    assert len(trained) == 3 and third.clean is first.clean
    assert len(desk.kept) == 3


def test_idle_knobs_make_no_other_run():
    one = ReconstructionSettings(attack="cap")
    assert ReconstructionSettings(attack="cap", low_bits=7, strength=3.0) == one
    assert twins.key_of(ReconstructionSettings(attack="cap", low_bits=7)) == twins.key_of(one)
    lsb = ReconstructionSettings(attack="lsb")
    assert ReconstructionSettings(attack="lsb", code="dct", parity=32, reveal="label", inputs="blocks") == lsb


def test_how_a_model_is_read_does_not_rename_it():
    one = ReconstructionSettings()
    changes: Any = ({"reveal": "label"}, {"decode_key": "another"}, {"erase": True})
    for read in changes:
        assert twins.key_of(dataclasses.replace(one, **read)) == twins.key_of(one)
    assert twins.key_of(dataclasses.replace(one, seed=1)) != twins.key_of(one)


def test_a_service_is_read_by_asking_only(faces, cap):
    box = Local(plan.answers_of(cap.malicious.net()), 2)
    found: Any = drain(twins.run(EACH["cap"], _Counting(faces, service=lambda: box)))
    np.testing.assert_array_equal(found.pictures, cap.frames[-1].pictures)
    assert found.row()["queries"] == box.queries == cap.report.queries
    shown = found.exhibit()
    assert all(finding.missing() == () for finding in shown.findings())
    assert shown.conclusion().verdict is ReconstructionVerdict.FOUND
    assert found.artefact("gallery").startswith(b"\x89PNG")
    with pytest.raises(BadInput, match="need the model file"):
        drain(twins.run(EACH["sgn"], _Counting(faces, service=lambda: box)))


def test_the_card_lists_the_catalogue_and_configures_each_encoding():
    assert tuple(CATALOGUE) == ENCODINGS
    names = {knob.name for knob in knobs(ReconstructionSettings)}
    for slug, encoding in CATALOGUE.items():
        assert {knob.name for knob in knobs(type(encoding))} <= names
        made = encodings.configured(ReconstructionSettings(attack=slug))
        assert type(made) is type(encoding)
        assert made.call and made.how and made.by(3)


def test_bad_knobs_of_an_encoding_are_refused():
    for kind, wrong in (
        (CapacityAbuse, {"inputs": "sparse"}),
        (CapacityAbuse, {"parity": 129}),
        (encodings.CorrelatedValues, {"strength": -1.0}),
        (encodings.SignEncoding, {"parity": -2}),
        (encodings.LeastSignificantBits, {"low_bits": 23}),
    ):
        with pytest.raises(BadInput):
            kind(**wrong)
