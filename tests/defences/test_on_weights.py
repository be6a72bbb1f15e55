"""What an owner does to a file: each treatment against its own definition, biases untouched, dice named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput
from mlleak_core.defences.on_weights import (
    ERASERS,
    Bfloat16,
    FineTune,
    Integers,
    Noise,
    Prune,
    carriers,
)


@pytest.fixture
def state(rng):
    shapes = {"conv.weight": (4, 3, 3, 3), "conv.bias": (4,), "hidden.weight": (8, 16), "hidden.bias": (8,)}
    return {n: torch.from_numpy(rng.normal(0, 0.1, s).astype(np.float32)) for n, s in shapes.items()}


def refuse(weights, epochs):
    raise AssertionError("only fine-tuning trains")


def treated(eraser, state):
    return eraser.on_weights(state, np.random.default_rng(5), refuse)


@pytest.mark.parametrize("eraser", [e for e in ERASERS if not isinstance(e, FineTune)])
def test_biases_and_the_original_are_left_alone(eraser, state):
    before = {name: value.clone() for name, value in state.items()}
    after = treated(eraser, state)
    assert all(torch.equal(state[n], before[n]) for n in state)
    assert all(torch.equal(after[n], before[n]) for n in ("conv.bias", "hidden.bias"))
    assert all(after[n].dtype == torch.float32 and after[n].shape == before[n].shape for n in state)
    assert any(not torch.equal(after[n], before[n]) for n in carriers(state))


def test_carriers_are_the_weights_the_largest_first(state):
    assert carriers(state) == ("hidden.weight", "conv.weight")


def test_bfloat16_keeps_the_upper_half_of_every_weight(state):
    for name in carriers(state):
        words = treated(Bfloat16(), state)[name].numpy().view(np.uint32)
        assert not (words & 0xFFFF).any()


@pytest.mark.parametrize("depth", [4, 8])
def test_integers_are_whole_steps_of_the_largest_weight(state, depth):
    for name in carriers(state):
        values = treated(Integers(depth), state)[name].numpy()
        step = np.abs(state[name].numpy()).max() / (2 ** (depth - 1) - 1)
        np.testing.assert_allclose(values / step, np.round(values / step), atol=1e-3)
        assert np.abs(values - state[name].numpy()).max() <= step / 2 + 1e-6


def test_noise_is_relative_to_the_layer_and_follows_from_its_dice(state):
    one, two = treated(Noise(0.5), state), treated(Noise(0.5), state)
    assert all(torch.equal(one[n], two[n]) for n in state)
    added = (one["hidden.weight"] - state["hidden.weight"]).numpy()
    assert added.std() == pytest.approx(0.5 * float(state["hidden.weight"].numpy().std()), rel=0.3)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_pruning_zeroes_the_smallest(state, share):
    for name in carriers(state):
        before, after = state[name].numpy(), treated(Prune(share), state)[name].numpy()
        assert (after == 0).mean() == pytest.approx(share, abs=0.02)
        assert np.abs(before[after == 0]).max() <= np.abs(before[after != 0]).min()


def test_fine_tuning_trains_and_does_nothing_else(state):
    asked = []

    def tune(weights, epochs):
        asked.append((weights, epochs))
        return {"tuned": torch.zeros(1)}

    assert "tuned" in FineTune(4).on_weights(state, np.random.default_rng(0), tune)
    assert asked == [(state, 4)]


def test_every_eraser_acts_on_weights_alone_and_checks_its_knobs():
    assert {eraser.place() for eraser in ERASERS} == {"on_weights"}
    assert len({e.title for e in ERASERS}) == len(ERASERS)
    for kind in (Integers, Noise, Prune, FineTune):
        with pytest.raises(BadInput):
            kind(-1)
