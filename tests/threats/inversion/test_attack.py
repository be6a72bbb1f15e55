"""Gradient inversion: exact where theory says so, honest where it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlleak_core.threats.inversion import invert as participant
from mlleak_core.threats.inversion.attack import AnalyticInversion, GradientMatching, labels_of, share
from mlleak_core.contract import BadInput, Stop, drain
from mlleak_core.target.models import ConvNet
from mlleak_core.target.settings import ReconstructionSettings
from mlleak_core.target.training import shrink


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
    assert max(np.abs(claim.pictures[0] - pictures[r].numpy()).mean() for r in (0, 1)) > 1, "two cannot both be there"
    with pytest.raises(BadInput, match="first layer is fully connected"):
        drain(AnalyticInversion().run(update(pictures, [0], "strided-3")))


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]])
def test_labels_are_read_off_the_last_bias(pictures, labels):
    found = labels_of(update(pictures, labels, "strided-3", (0, 4, 8, 12)))
    assert found.tolist() == sorted(labels)


@pytest.mark.parametrize("prior", ["public faces", "smoothness"])
def test_matching_closes_in_on_one_photo_and_stop_keeps_the_best(pictures, prior):
    sent = update(pictures, [1], "mlp")
    run, distances = GradientMatching(prior, steps=150, restarts=1).run(sent), []
    claim = drain(run, lambda s: distances.append(s.peek["distance"]))
    assert distances[-1] < 0.1
    average = np.abs(sent.public.mean(0) - pictures[0].numpy()).mean()
    assert np.abs(claim.pictures[0] - pictures[0].numpy()).mean() < average
    run = GradientMatching(prior, steps=150, restarts=2).run(sent)
    next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert "Stopped" in end.value.value.note


def test_a_run_is_judged_against_the_average_face(faces):
    found = drain(participant.invert(ReconstructionSettings(attack="gradient", net="mlp", batch=1), faces))
    row = found.row()
    assert row["method"] == "analytic"
    assert row["max_error"] / 255 < 1e-3
    assert row["mae_mean_image"] > 10
