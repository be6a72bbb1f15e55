"""Next-word prediction: the net, what it learns beforehand, its place in a federation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Stop, drain
from mlleak_core.data.lines import UNKNOWN, WINDOW
from mlleak_core.data.split import Split
from mlleak_core.server.desk import Desk
from mlleak_core.target import reading
from mlleak_core.target.federated import AVERAGING, SGD, Federation, FederationSettings
from mlleak_core.target.models import NextWordNet
from mlleak_core.target.reading import ReadingSettings

SHORT = ReadingSettings(batches=160, lr=0.01, seed=3)


@pytest.fixture(scope="module")
def lines():
    return drain(Desk().lines("reviews"))


@pytest.fixture(scope="module")
def reader(lines):
    return drain(reading.learn(lines, SHORT))


def small(lines, count=400):
    """The same lines with few outsiders' windows, so that measuring costs nothing."""
    rows = np.sort(np.random.default_rng(0).choice(len(lines), count, replace=False))
    part = {name: getattr(lines, name)[rows] for name in ("tokens", "following", "person")}
    return dataclasses.replace(lines, **part)


def weights_of(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def test_the_net_is_a_gated_recurrent_unit_between_tied_weights():
    net = NextWordNet(50, torch.Generator().manual_seed(1))
    unit = nn.GRU(net.WIDTH, net.WIDTH, batch_first=True)
    named = {"weight_ih_l0": net.enter.weight, "bias_ih_l0": net.enter.bias}
    named |= {"weight_hh_l0": net.recur.weight, "bias_hh_l0": net.recur.bias}
    windows = torch.randint(50, (7, WINDOW), generator=torch.Generator().manual_seed(2))
    state = functional_call(unit, named, (net.words[windows],))[0][:, -1]
    torch.testing.assert_close(net(windows), state @ net.words.T + net.frequent)
    assert not net.training


def test_the_net_is_of_the_size_of_a_toy():
    assert 100_000 < len(weights_of(NextWordNet(1002, torch.Generator()))) < 200_000


def test_first_weights_hang_on_the_seed_alone(lines):
    torch.manual_seed(5)
    one, two, other = (weights_of(reading.first_net(lines, seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


@pytest.mark.parametrize("rule", [SGD, AVERAGING])
def test_updates_of_a_stack_are_those_of_each_alone(lines, rule):
    net, rng = reading.first_net(lines, 0), np.random.default_rng(0)
    shares = [reading.share(lines, rng.choice(len(lines), 20, replace=False)) for _ in range(3)]
    settings = FederationSettings(rule=rule, rounds=1, batch=20, lr=0.5)
    federation = Federation(net, shares, settings)
    updates = federation.sent(np.arange(3), 0, federation.weights)
    for (x, y), update in zip(shares, updates, strict=True):
        if rule == SGD:  # a batch is drawn, in whatever order: all twenty of them
            net.zero_grad()
            functional.cross_entropy(net(x), y).backward()
            alone = torch.cat([p.grad.reshape(-1) for p in net.parameters()])
            torch.testing.assert_close(update, -0.5 * alone, rtol=1e-3, atol=1e-5)
        assert update.abs().sum() > 0


def test_a_federation_learns_to_foretell(lines):
    split = Split.of_people(lines.person, 0)
    shares = [reading.share(lines, rows[:200]) for rows in np.array_split(split.members, 12)]
    asked = reading.share(lines, split.outsiders[:2000])
    settings = FederationSettings(rule=AVERAGING, rounds=4, batch=20, lr=2.0, share=0.5)
    federation = Federation(reading.first_net(lines, 0), shares, settings)
    before = reading.perplexity(federation.answer, asked)
    assert drain(federation.run()) == 4
    assert reading.perplexity(federation.answer, asked) < 0.6 * before


def test_a_reader_knows_far_more_than_how_frequent_words_are(lines, reader):
    assert reader.complete and reader.seconds > 0
    assert 60 < reader.by_frequency < len(lines.vocabulary)
    assert reader.perplexity < reader.by_frequency / 10
    outsiders = reading.share(lines, reader.split.outsiders)
    assert reading.perplexity(reader.net, outsiders) == pytest.approx(reader.perplexity)


def test_likely_ends_are_those_of_the_text(lines, reader):
    (first, chance), *rest = reading.likeliest(lines, reader.net, "For months the problem had been")
    assert first == "my" and chance > 0.9 and len(rest) == 4
    assert chance >= rest[0][1] and chance + sum(p for _, p in rest) <= 1.001
    windows = torch.from_numpy(np.stack([lines.encode("had been"), lines.encode("my doctor")]))
    assert reading.completes(reader.net, windows, lines.code("my")).tolist() == [True, False]


def test_equal_seeds_give_equal_nets_and_outsiders_are_never_read(lines):
    few = ReadingSettings(batches=10, seed=1)
    lines = small(lines, 3000)
    one = drain(reading.learn(lines, few))
    changed = lines.following.copy()
    changed[one.split.outsiders] = 7
    again = drain(reading.learn(dataclasses.replace(lines, following=changed), few))
    assert torch.equal(weights_of(one.net), weights_of(again.net))
    assert one.perplexity != again.perplexity
    other = drain(reading.learn(lines, ReadingSettings(batches=10, seed=2)))
    assert not torch.equal(weights_of(one.net), weights_of(other.net))


def test_a_stopped_reader_keeps_what_it_has_read(lines):
    run = reading.learn(small(lines), SHORT)
    step = next(run)
    assert (step.done, step.total) == (10, SHORT.batches) and step.peek["loss"] > 1
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    found = end.value.value
    assert not found.complete and found.perplexity < len(lines.vocabulary)


def test_a_net_that_leaves_the_numbers_is_no_result(lines, monkeypatch):
    monkeypatch.setattr(reading, "first_net", lambda lines, _: _infinite(len(lines.vocabulary)))
    with pytest.raises(Diverged, match="Lower the learning rate"):
        drain(reading.learn(small(lines), SHORT))


def _infinite(words):
    net = NextWordNet(words, torch.Generator().manual_seed(0))
    nn.init.constant_(net.words, float("inf"))
    return net


def test_perplexity_is_the_number_of_words_that_seem_equally_likely(lines):
    asked = reading.share(lines, np.arange(5000))
    knows = len(lines.vocabulary) - 2
    blank = torch.full((len(lines.vocabulary),), -torch.inf).index_fill(0, torch.arange(2, knows + 2), 0.0)
    assert reading.perplexity(lambda x: blank.expand(len(x), -1), asked) == pytest.approx(knows, rel=1e-5)
    with pytest.raises(BadInput, match="windows to measure on"):
        reading.perplexity(lambda x: x, reading.share(lines, np.arange(0)))


def test_perplexity_by_frequency_is_counted_on_those_who_were_read(lines):
    learned, asked = np.arange(300), np.arange(500, 560)
    words = range(UNKNOWN + 1, len(lines.vocabulary))
    counts = {w: 1 + int((lines.following[learned] == w).sum()) for w in words}
    chances = [counts[w] / sum(counts.values()) for w in lines.following[asked]]
    assert reading.by_frequency(lines, learned, asked) == pytest.approx(np.exp(-np.log(chances).mean()))


def test_hidden_words_are_few_and_no_beginning_is_hidden():
    windows = torch.arange(2, 12).repeat(2000, 1)
    windows[:, :4] = 0
    seen = reading._partly_hidden(windows, np.random.default_rng(0))
    assert not seen[:, :4].any() and ((seen == windows) | (seen == UNKNOWN)).all()
    assert (seen[:, 4:] == UNKNOWN).float().mean() == pytest.approx(reading.HIDDEN, rel=0.3)
