"""The federation against one-line oracles; what a participant sees of a round and what it does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Stop, drain
from mlleak_core.defences.on_updates import ClaimedMean, EqualMean
from mlleak_core.target.federated import (
    Federation,
    FederationSettings,
    seen_by,
)
from mlleak_core.target.models import ConvNet


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))


def shares(counts, seed=0):
    rng = np.random.default_rng(seed)
    made = [(rng.normal(size=(n, 6)).astype(np.float32), rng.integers(0, 2, n)) for n in counts]
    return [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in made]


def flat(module):
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def rounds(federation):
    return [step.peek["round"] for step in federation.run()]


def test_one_round_of_sgd_is_one_step_on_everybodys_batches():
    own = shares([16, 16, 16])
    federation = Federation(net(), own, FederationSettings(rounds=1, batch=16, lr=0.1))
    (found,) = rounds(federation)
    plain = net()
    functional.cross_entropy(plain(torch.cat([x for x, _ in own])), torch.cat([y for _, y in own])).backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in plain.parameters()])
    torch.testing.assert_close(found.after, flat(plain) - 0.1 * gradient)


@given(st.lists(st.integers(1, 20), min_size=2, max_size=5), st.integers(1, 3), st.integers(1, 8))
@settings(max_examples=15, deadline=None)
def test_averaging_is_the_loop_over_participants(counts, epochs, batch):
    """Uneven shares, several own epochs: the stack is what each trains alone, by size."""
    own = shares(counts)
    chosen = FederationSettings(rule="fedavg", rounds=1, batch=batch, epochs=epochs, lr=0.1)
    federation = Federation(net(), own, chosen)
    (found,) = rounds(federation)
    ends = []
    for who, (x, y) in enumerate(own):
        alone = net()
        for rows in federation._batches(who, 0):
            functional.cross_entropy(alone(x[rows]), y[rows]).backward()
            with torch.no_grad():
                for p in alone.parameters():
                    p.sub_(0.1 * p.grad)
                    p.grad = None
        ends.append(flat(alone))
    weights = torch.tensor(counts) / sum(counts)
    torch.testing.assert_close(
        found.after, (weights[:, None] * torch.stack(ends)).sum(0), rtol=1e-4, atol=1e-5
    )


def test_a_convolutional_net_is_federated_as_the_loop_would():
    rng = np.random.default_rng(1)
    own = [(torch.from_numpy(rng.normal(size=(8, 3, 32, 32)).astype(np.float32)), torch.arange(8) % 2)] * 3
    made = ConvNet("strided-3 narrow", torch.Generator().manual_seed(0))
    (found,) = rounds(Federation(made, own, FederationSettings(rounds=1, batch=8, lr=0.1)))
    functional.cross_entropy(made(own[0][0]), own[0][1]).backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in made.parameters()])
    torch.testing.assert_close(found.updates, (-0.1 * gradient).expand(3, -1), rtol=1e-3, atol=1e-6)


def test_a_view_gives_what_the_others_sent_together_and_no_more():
    federation = Federation(net(), shares([9, 9, 9, 9]), FederationSettings(rounds=3, batch=4))
    for found in rounds(federation):
        seen = seen_by(2, found)
        torch.testing.assert_close(seen.others, found.updates[[0, 1, 3]].sum(0), rtol=1e-3, atol=1e-6)
        assert set(vars(seen)) == {"number", "before", "after", "took_part", "own"}


def test_who_takes_part_is_drawn_and_the_others_see_nothing():
    federation = Federation(
        net(), shares([5] * 10), FederationSettings(rounds=20, batch=4, share=0.3, seed=4)
    )
    found = rounds(federation)
    assert all(len(r.chosen) == 3 for r in found)
    assert len({int(c) for r in found for c in r.chosen}) == 10
    absent = next(r for r in found if 7 not in r.chosen)
    assert seen_by(7, absent) is None


def test_the_same_seed_gives_the_same_federation_and_stop_keeps_whole_rounds():
    made = [Federation(net(), shares([7, 8]), FederationSettings(rounds=5, batch=4)) for _ in range(2)]
    for federation in made:
        drain(federation.run())
    assert torch.equal(made[0].weights, made[1].weights)
    stopped = Federation(net(), shares([7, 8]), FederationSettings(rounds=5, batch=4))
    run = stopped.run()
    seen = [next(run).peek["round"] for _ in range(3)]
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert end.value.value >= 2
    assert torch.equal(stopped.weights, seen[-1].after)


def test_means_count_as_they_say():
    updates, claims = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([3.0, 1.0])
    assert EqualMean()(updates, claims).tolist() == [0.5, 0.5]
    assert ClaimedMean()(updates, claims).tolist() == [0.75, 0.25]


def test_it_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 6)).astype(np.float32)
    own = [
        (torch.from_numpy(part), torch.from_numpy((part[:, 0] > 0).astype(int))) for part in np.split(x, 4)
    ]
    for rule in ("sgd", "fedavg"):
        federation = Federation(net(), own, FederationSettings(rule=rule, rounds=150, lr=0.3))
        drain(federation.run())
        right = federation.answer(torch.from_numpy(x)).argmax(1) == torch.from_numpy(x[:, 0] > 0)
        assert right.float().mean() > 0.95, rule


def test_what_cannot_be_federated_is_a_sentence():
    empty = (torch.empty(0, 6), torch.empty(0, dtype=torch.int64))
    for own, words in (
        (shares([4]), "2 to 1,000 participants"),
        ([*shares([4, 4]), empty], "participant 2"),
        ([*shares([4]), (torch.zeros(4, 5), torch.zeros(4, dtype=torch.int64))], "one shape"),
    ):
        with pytest.raises(BadInput, match=words):
            Federation(net(), own, FederationSettings())
    sick = shares([4, 4])
    sick[1][0][:] = float("nan")
    federation = Federation(net(), sick, FederationSettings(rounds=2))
    with pytest.raises(Diverged, match="participant 1"):
        drain(federation.run())
    assert torch.isfinite(federation.weights).all(), "the joint model stays as it was"
