"""Training: it learns, repeats itself to the bit, stops, and says when it diverges."""

from __future__ import annotations

import ctypes
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Stop, drain
from mlleak_core.data import Split
from mlleak_core.target import models
from mlleak_core.target.models import ConvNet, as_input, pick_device
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import _Session, choose_faces, fit, shrink

SHORT = TrainSettings(epochs=2)


def weights(target):
    return torch.cat([v.flatten() for v in target.states[max(target.states)].values()])


def test_it_learns(faces, target):
    report = target.report(faces)
    assert report["accuracy"] > report["majority"] + 0.15
    assert set(target.states) >= {0, 1, 2, 4, 6}
    assert len(target.history["test_loss"]) == 6


def test_people_are_never_on_both_sides(faces):
    split = Split.by_person(faces, seed=4, public=0.2)
    groups = [set(faces.person[rows]) for rows in (split.members, split.outsiders, split.public)]
    assert all(groups)
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert sum(map(len, groups)) == len(np.unique(faces.person))


def test_same_seed_same_bits_and_another_seed_other_bits(faces):
    one, two = (drain(fit(faces, SHORT)) for _ in range(2))
    assert torch.equal(weights(one), weights(two))
    assert not torch.equal(weights(one), weights(drain(fit(faces, TrainSettings(epochs=2, seed=1)))))


def test_two_at_once_equal_a_lone_run_bit_for_bit(faces):
    chosen = [SHORT, TrainSettings(epochs=2, seed=9, augment=False)]
    alone = [weights(drain(fit(faces, s))) for s in chosen]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda s: weights(drain(fit(faces, s))), chosen))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_global_random_states_are_untouched(faces):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    drain(fit(faces, TrainSettings(epochs=1)))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert before[2] == random.getstate()


def test_stop_keeps_what_was_learned_and_says_so(faces):
    run = fit(faces, TrainSettings(epochs=50))
    for _ in range(6):
        next(run)
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    target = end.value.value
    assert not target.complete
    assert 0 < max(target.states) < 50
    assert np.isfinite(target.test_logits).all()


def test_divergence_is_explained(faces):
    with pytest.raises(Diverged, match="learning rate"):
        drain(fit(faces, TrainSettings(epochs=5, lr=30.0, augment=False)))


def test_the_net_is_convolution_pooling_normalisation_relu():
    net = ConvNet("conv-3", torch.Generator().manual_seed(0))
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    net.train()(x), net.eval()  # so that the normalisation has statistics
    h = x
    for conv, norm in zip(net.convs, net.norms, strict=True):
        pooled = functional.max_pool2d(conv(h), 2)
        mean, var = norm.running_mean[:, None, None], norm.running_var[:, None, None]
        h = functional.relu((pooled - mean) / (var + norm.eps).sqrt())
    plain = net.logits(functional.relu(net.hidden(h.flatten(1))))
    torch.testing.assert_close(net(x), plain)
    torch.testing.assert_close(net.taps(x)["logits"], plain)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_pooling_is_the_same_whether_or_not_something_is_learned(layout):
    x = torch.randint(-2, 3, (3, 5, 8, 6), generator=torch.Generator().manual_seed(0)).float()  # many ties
    x[0, 0, 0, 0] = float("nan")
    x = x.contiguous(memory_format=layout)
    with torch.no_grad():
        found = models._pooled(x)
    torch.testing.assert_close(found, functional.max_pool2d(x, 2), rtol=0, atol=0, equal_nan=True)
    assert found.is_contiguous(memory_format=layout), "the layers above read it in this order"


def test_an_answer_is_about_one_picture_alone_and_asking_changes_nothing(faces, target):
    x, before = as_input(shrink(faces, np.arange(8))), weights(target)
    for net in (target.net(), ConvNet("conv-3", torch.Generator().manual_seed(0))):
        torch.testing.assert_close(net(x)[:1], net(x[:1]), rtol=1e-4, atol=1e-4)
    assert torch.equal(weights(target), before)


def test_the_averaged_weights_carry_the_statistics_of_the_normalisation(faces, target):
    net, x = target.net(), as_input(shrink(faces, target.split.members[:512]))
    for i, (conv, norm) in enumerate(zip(net.convs, net.norms, strict=True)):
        pooled = functional.max_pool2d(conv(x), 2)
        apart = (pooled.mean((0, 2, 3)) - norm.running_mean).abs() / norm.running_var.sqrt()
        assert apart.max() < 0.5, "augmented and averaged, so not equal; untrained they are 0 and 1"
        assert not torch.allclose(norm.running_var, torch.ones(())), i
        x = functional.relu(norm(pooled))


def test_mixup_mixes_pictures_and_labels_with_one_share(faces):
    settings = TrainSettings(mixup=0.3, augment=False)
    rows = np.arange(400)
    labels = torch.from_numpy(faces.task.codes.astype(np.int64))
    session = _Session(shrink(faces), labels, rows, settings, torch.device("cpu"), 0)
    session.low, seen = False, []
    session.net.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    x, y = as_input(session._pictures(torch.arange(64))), labels[:64]
    loss = session._mixup(x, y)
    share = np.random.default_rng([0, 11]).beta(0.3, 0.3)
    torch.testing.assert_close(seen[0], share * x + (1 - share) * x.flip(0), rtol=1e-4, atol=1e-4)
    mixed = session.net.eval()(seen[0])
    own, other = (functional.cross_entropy(mixed, t, session.weight) for t in (y, y.flip(0)))
    torch.testing.assert_close(loss, share * own + (1 - share) * other, rtol=1e-4, atol=1e-4)


def test_inputs_are_shrunk_and_centred(faces):
    small = shrink(faces, np.arange(3))
    assert small.shape == (3, 3, 32, 32)
    block = faces.images[0, :2, :2, 1].astype(float).mean()
    assert abs(float(small[0, 1, 0, 0]) - block) <= 0.5
    assert -2 <= float(as_input(small).min()) <= float(as_input(small).max()) < 2


def test_choosing_fewer_faces_takes_whole_people(faces):
    some = choose_faces(faces, TrainSettings(faces=500))
    assert len(some) == 500
    assert len(np.unique(some.person)) == 125


def test_an_absent_device_is_a_clear_error():
    with pytest.raises(BadInput, match="device"):
        pick_device("cuda" if not torch.cuda.is_available() else "mps")


MANY_SHAPES = """
import ctypes
import mlleak_core
import torch
from mlleak_core.target.models import ConvNet

class Heap(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Heap
net = ConvNet("conv-3", torch.Generator().manual_seed(0)).to(memory_format=torch.channels_last)
for n in range(1, 181):
    net(torch.zeros(n, 3, 32, 32)).sum().backward()
    if n in (80, 180):
        heap = libc.mallinfo2()
        print((heap.uordblks + heap.hblkhd) / 2**20)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="no glibc that counts its heap")
def test_a_server_does_not_keep_the_kernels_of_every_shape_it_has_ever_seen():
    run = subprocess.run([sys.executable, "-c", MANY_SHAPES], check=True, capture_output=True, text=True)
    early, late = map(float, run.stdout.split())
    assert late - early < 8, "without a limit: about 20 MiB"
