"""Gradient inversion: exact where theory says so, honest where it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput, Estimate, Stop, drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.models import ConvNet, as_input
from mlleak_core.target.training import shrink
from mlleak_core.threats.inversion import invert
from mlleak_core.threats.inversion.attack import (
    AnalyticInversion,
    Disaggregation,
    GradientMatching,
    labels_of,
    noisy,
    share,
)
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.inversion.disaggregation import Layer, disaggregate
from mlleak_core.threats.inversion.invert import run
from mlleak_core.threats.inversion.judge import InversionVerdict, Read, labels_read, share_right, verdict
from mlleak_core.threats.likeness import Likeness


@pytest.fixture(scope="module")
def pictures(faces):
    return shrink(faces)


def update(pictures, labels, net="mlp", rows=(0,)):
    model = ConvNet(net, torch.Generator().manual_seed(0))
    return share(model, pictures[list(rows)], torch.tensor(labels), pictures[100:].float().numpy())


def test_one_photo_comes_out_exactly(pictures):
    for row in range(5):
        claim = drain(AnalyticInversion().run(update(pictures, [row % 2], rows=(row,))))
        assert np.abs(claim.pictures[0] - pictures[row].numpy()).max() / 255 < 1e-3


def test_two_photos_do_not_both_come_out_and_a_convolution_is_refused(pictures):
    claim = drain(AnalyticInversion().run(update(pictures, [0, 1], rows=(0, 1))))
    assert max(np.abs(claim.pictures[0] - pictures[r].numpy()).mean() for r in (0, 1)) > 1, (
        "two cannot both be there"
    )
    with pytest.raises(BadInput, match="first layer is fully connected"):
        drain(AnalyticInversion().run(update(pictures, [0], "strided-3")))


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]])
def test_labels_are_read_off_the_last_bias(pictures, labels):
    found = labels_of(update(pictures, labels, "strided-3", (0, 4, 8, 12)))
    assert found.tolist() == sorted(labels)


@pytest.mark.parametrize("prior", ["public faces", "smoothness"])
def test_matching_closes_in_on_one_photo_and_stop_keeps_the_best(pictures, prior):
    sent = update(pictures, [1], "mlp")
    run, distances = GradientMatching(prior=prior, steps=150, restarts=1).run(sent), []
    claim = drain(run, lambda s: distances.append(s.peek["distance"]))
    assert distances[-1] < 0.1
    average = np.abs(sent.public.mean(0) - pictures[0].numpy()).mean()
    assert np.abs(claim.pictures[0] - pictures[0].numpy()).mean() < average
    run = GradientMatching(prior=prior, steps=150, restarts=2).run(sent)
    next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert "Stopped" in end.value.value.note


def inverted(folder, **knobs):
    return drain(run(InversionSettings(data=folder, **knobs), Desk()))


def test_a_run_is_judged_against_the_average_face(folder):
    row = inverted(folder, attack="analytic", net="mlp", batch=1).row()
    assert row["method"] == "analytic"
    assert row["max_error"] / 255 < 1e-3
    assert row["mae_mean_image"] > 10


def test_the_claim_does_not_fit_another_participants_photos(folder):
    """The null: judged against photos that were not sent, it is no better than anybody's face."""
    for seed in range(5):
        report = inverted(folder, attack="analytic", net="mlp", batch=1, seed=seed).report
        assert not report.null.found.any()
        assert report.null.mae.value > 10
        assert report.verdict is InversionVerdict.EXACT


def test_several_photos_on_a_dense_layer_are_a_mixture_and_the_verdict_says_so(folder):
    found = inverted(folder, attack="analytic", net="mlp", batch=4)
    assert found.report.verdict is InversionVerdict.MATCHED
    assert found.report.found.mae.value > 1


def test_the_attack_never_reads_the_truth(folder, monkeypatch):
    """Other photos in the judge's hand, the same claim."""
    before = inverted(folder, attack="analytic", net="mlp", batch=2)
    real = invert._truth
    monkeypatch.setattr(invert, "_truth", lambda faces, x, rows: real(faces, x, rows[::-1] + 0 * rows))
    after = inverted(folder, attack="analytic", net="mlp", batch=2)
    np.testing.assert_array_equal(before.claim.pictures, after.claim.pictures)
    monkeypatch.setattr(invert, "_truth", lambda faces, x, rows: real(faces, 255 - x, rows))
    after = inverted(folder, attack="analytic", net="mlp", batch=2)
    np.testing.assert_array_equal(before.claim.pictures, after.claim.pictures)
    assert not np.array_equal(before.report.found.errors, after.report.found.errors)


def test_people_too_few_are_said(folder):
    with pytest.raises(BadInput, match="people who take part"):
        drain(run(InversionSettings(data=folder, batch=16), _OnlyFew()))


class _OnlyFew(Desk):
    """A desk whose data sets have forty-five people."""

    def faces(self, data):
        faces = yield from super().faces(data)
        return faces.subset(np.flatnonzero(faces.person < 45))


def test_the_exhibit_seals_who_sent_it_in_a_line_up(folder):
    exhibit = inverted(folder, attack="analytic", net="mlp", batch=2).exhibit()
    line_up = exhibit.line_up()
    assert sum(suspect.sent for suspect in line_up) == 2 and len(line_up) == 4
    assert len({suspect.at for suspect in line_up}) == 4
    named = [i for i, suspect in enumerate(line_up) if suspect.sent]
    assert "2 of the 2" in exhibit.bet(named)
    assert exhibit.findings()[0].missing() == ()


@pytest.mark.parametrize("photos", [2, 8, 12])
def test_a_batch_is_taken_apart_exactly(pictures, photos):
    rows = tuple(range(0, 40 * photos, 40))
    claim = drain(Disaggregation().run(update(pictures, [i % 2 for i in range(photos)], rows=rows)))
    for row in rows:
        off = np.abs(claim.pictures - pictures[row].numpy()).max((1, 2, 3))
        assert off.min() < 1e-3 * 255


def test_noise_and_too_many_photos_end_it_and_nothing_is_claimed(pictures):
    sent = update(pictures, [0, 1, 0, 1], rows=(0, 40, 80, 120))
    for view in (
        noisy(sent, 0.1, np.random.default_rng(0)),
        update(pictures, [0] * 24, rows=range(0, 600, 25)),
    ):
        claim = drain(Disaggregation().run(view))
        assert "nothing is claimed" in claim.note
        np.testing.assert_array_equal(claim.pictures[0], claim.pictures[1])


def test_stop_ends_the_trying(pictures):
    run = Disaggregation().run(update(pictures, [0] * 24, rows=range(0, 600, 25)))
    next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert "nothing is claimed" in end.value.value.note


def test_the_features_of_a_convolutional_net_come_apart_too(pictures):
    """What goes into its fully connected layer is enough to say who is in the batch."""
    net = ConvNet("strided-3", torch.Generator().manual_seed(0))
    rows = list(range(0, 160, 40))
    x = as_input(pictures)
    loss = torch.nn.functional.cross_entropy(net(x[rows]), torch.tensor([0, 1, 0, 1]))
    weight, bias = torch.autograd.grad(loss, [net.hidden.weight, net.hidden.bias])
    with torch.no_grad():
        known = net.entering(x).double().numpy()
    between = net.logits.weight.detach().double().numpy()
    layer = Layer(weight.double().numpy(), bias.double().numpy(), between[0] - between[1])
    found = drain(disaggregate(layer, 4, np.random.default_rng(0)))
    nearest = [int(np.linalg.norm(known - row, axis=1).argmin()) for row in found.inputs]
    assert sorted(nearest) == rows


def test_the_page_report_of_eight_photos_says_that_all_come_out(folder):
    found = inverted(folder, attack="disaggregation", net="mlp", batch=8)
    assert found.report.verdict is InversionVerdict.EXACT
    assert "all of them come out exactly" in found.exhibit().conclusion().sentence
    noisy_one = inverted(folder, attack="disaggregation", net="mlp", batch=8, noise=0.1)
    assert noisy_one.report.verdict is InversionVerdict.MATCHED
    assert "cannot be taken apart" in noisy_one.exhibit().conclusion().sentence
    assert "all come back" in found.exhibit().headlines()[0].title
    assert "nothing comes back" in noisy_one.exhibit().headlines()[0].title


def test_photos_come_back_through_convolutions_and_say_what_they_show():
    found = inverted("synthetic", attack="disaggregation", net="strided-3", batch=4)
    assert found.report.verdict is InversionVerdict.THEIRS
    assert found.report.found.identified.value == 1
    assert found.row()["recovered"] == 4
    exhibit = found.exhibit()
    assert (
        "recognisably *theirs*" in exhibit.conclusion().sentence
        and "convolutions" in exhibit.conclusion().small
    )
    labels = {label.name: label for label in exhibit.about.read}
    assert sum(labels["Darker tone"].right()) == 4, "the net keeps the tone of each of the four"
    assert len(exhibit.shown()) == 4 and exhibit.findings()[-1].key == "labels_right"
    assert "4 of 4 photos come back recognisably" in exhibit.headlines()[0].title
    hidden = inverted("synthetic", attack="disaggregation", net="strided-3", batch=4, noise=0.1)
    assert hidden.row()["recovered"] == 0 and hidden.row()["labels_right"] is None


def test_labels_turned_in_the_judges_hand_leave_the_claim_as_it_is():
    before = inverted("synthetic", attack="disaggregation", net="strided-3", batch=4)
    truth = {name: 1 - codes for name, codes in before.case.labels.items()}
    turned = labels_read(before.claim, before.report.order, truth, before.case.update.labels)
    assert share_right(turned).value == pytest.approx(1 - share_right(before.read).value)
    assert [label.read for label in turned] == [label.read for label in before.read]


def test_a_label_that_is_unknown_of_the_whole_batch_is_left_out():
    found = inverted("synthetic", attack="disaggregation", net="strided-3", batch=4)
    truth = {name: np.full_like(codes, -1) for name, codes in found.case.labels.items()}
    assert labels_read(found.claim, found.report.order, truth, found.case.update.labels) == ()
    truth["Hat"][0] = 1
    (hat,) = labels_read(found.claim, found.report.order, truth, found.case.update.labels)
    assert hat.true == (True, None, None, None) and share_right((hat,)).n == 1


def test_unknown_labels_count_for_nothing():
    known = Read(name="Hat", read=(True, False), true=(True, None), usual=False)
    other = Read(name="Smile", read=(True, False), true=(False, False), usual=True)
    assert share_right((known, other)).value == pytest.approx(0.75)
    assert share_right((known, other), usual=True).value == pytest.approx((0.0 + 0.0) / 2)


def test_theirs_needs_more_owners_than_chance():
    def likeness(errors, found, low):
        one = Estimate(0.5, low, 1.0, len(errors))
        return Likeness(
            mae=one, ssim=one, identified=one, candidates=99, errors=np.array(errors), found=np.array(found)
        )

    baseline = likeness([40.0] * 4, [False] * 4, 0.0)
    near = [5.0, 6.0, 7.0, 5.5]
    assert verdict(likeness(near, [True] * 4, 0.4), baseline, 50, 0.01) is InversionVerdict.THEIRS
    assert verdict(likeness(near, [True, False, False, False], 0.006), baseline, 50, 0.01) is (
        InversionVerdict.MATCHED
    )
