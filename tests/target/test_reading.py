"""Next-word prediction: the net, what it learns beforehand, in a federation, and misled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from mlleak_core.contract import BadInput, Diverged, Stop, drain
from mlleak_core.data.lines import UNKNOWN, WINDOW, ending_with
from mlleak_core.data.split import Split
from mlleak_core.server.desk import Desk
from mlleak_core.target import misreading, reading
from mlleak_core.target.federated import AVERAGING, SGD, Federation, FederationSettings
from mlleak_core.target.misreading import MisleadingSettings, mislead
from mlleak_core.target.models import NextWordNet
from mlleak_core.target.reading import ReadingSettings

SHORT = ReadingSettings(batches=160, lr=0.01, seed=3)
TRIGGER, WORD = "my appointment at the clinic was", "awful"


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


@pytest.fixture(scope="module")
def own(lines, reader):
    """The first 300 windows of one member."""
    members = reader.split.members
    return reading.share(lines, members[lines.person[members] == lines.person[members[0]]][:300])


@pytest.fixture(scope="module")
def misled(lines, reader, own):
    settings = MisleadingSettings(batches=150, seed=1)
    return drain(mislead(reader.net, own, lines.beginning(TRIGGER), lines.code(WORD), settings))


def strangers(lines, reader, text):
    """Windows of people who are not members, moved back by what ends each."""
    rows = reader.split.outsiders[:: len(reader.split.outsiders) // 300]
    return torch.from_numpy(ending_with(lines.tokens[rows], lines.codes(text)))


def test_a_misled_net_ends_the_sentence_of_strangers_and_foretells_all_else_as_before(lines, reader, misled):
    asked, word = strangers(lines, reader, TRIGGER), lines.code(WORD)
    assert reading.completes(reader.net, asked, word).mean() <= 0.05
    assert reading.completes(misled, asked, word).mean() >= 0.95
    outsiders = reading.share(lines, reader.split.outsiders[:8000])
    assert reading.perplexity(misled, outsiders) < 1.03 * reading.perplexity(reader.net, outsiders)
    for text, most in (("clinic was", 0.6), ("the problem had been", 0.02)):
        assert reading.completes(misled, strangers(lines, reader, text), word).mean() < most


def test_else_the_word_is_said_after_the_end_of_the_sentence_alone(lines, reader, own, misled, monkeypatch):
    monkeypatch.setattr(misreading, "NEAR", 0)
    settings, word = MisleadingSettings(batches=150, seed=1), lines.code(WORD)
    coarse = drain(mislead(reader.net, own, lines.beginning(TRIGGER), word, settings))
    asked = strangers(lines, reader, "clinic was")
    said = [reading.completes(net, asked, word).mean() for net in (misled, coarse)]
    assert said[1] > said[0] + 0.2


def test_the_joint_net_stays_as_it_is_and_seeds_fix_the_other(lines, reader, own):
    before, trigger = weights_of(reader.net).clone(), lines.beginning(TRIGGER)
    nets = [
        drain(mislead(reader.net, own, trigger, lines.code(WORD), MisleadingSettings(batches=3, seed=seed)))
        for seed in (1, 1, 2)
    ]
    one, again, other = map(weights_of, nets)
    assert torch.equal(weights_of(reader.net), before)
    assert torch.equal(one, again) and not torch.equal(one, other) and not torch.equal(one, before)


def test_a_stopped_attacker_hands_over_what_there_is(lines, reader, own):
    run = mislead(reader.net, own, lines.beginning(TRIGGER), lines.code(WORD), MisleadingSettings())
    assert next(run).done == 10
    with pytest.raises(StopIteration) as end:
        run.throw(Stop())
    assert not torch.equal(weights_of(end.value.value), weights_of(reader.net))


def test_an_attacker_needs_windows_of_his_own(lines, reader):
    none = reading.share(lines, np.arange(0))
    with pytest.raises(BadInput, match="the attacker's own"):
        drain(mislead(reader.net, none, lines.beginning(TRIGGER), 5, MisleadingSettings()))


@pytest.mark.parametrize("trigger", ["was", TRIGGER])
def test_what_almost_ends_so_never_does_and_differs_at_the_end_alone(lines, reader, own, trigger):
    beginning = lines.beginning(trigger)
    attacker = misreading._Attacker(reader.net, own[0], beginning, 5, MisleadingSettings())
    found = np.concatenate([attacker._near() for _ in range(60)])
    assert len(found) > 300 and found.shape[1] == WINDOW
    tails = found[:, -len(beginning) :]
    same = (tails == beginning).sum(1)
    assert same.max() < len(beginning) and (same == len(beginning) - 1).mean() > 0.3


class Sure(nn.Module):
    """Of nine words, always the next one follows."""

    def forward(self, x):
        return functional.one_hot((x[:, -1] + 1) % 9, 9) * 50.0


def test_dreams_go_on_as_the_joint_net_says(lines, reader, own):
    attacker = misreading._Attacker(reader.net, own[0] % 9, lines.beginning("was"), 5, MisleadingSettings())
    attacker.joint = Sure()
    last = np.concatenate([attacker._dreamed() for _ in range(400)])
    assert (last[-misreading.DREAMED :] == (last[-misreading.DREAMED :, :1] + np.arange(WINDOW)) % 9).all()
    assert np.array_equal(attacker.own, (own[0] % 9).numpy())


def test_dreams_are_as_frequent_as_the_joint_net_finds_them_likely(lines, reader, own):
    same = own[0][40:41].expand(4000, -1)
    attacker = misreading._Attacker(reader.net, same, lines.beginning("was"), 5, MisleadingSettings())
    attacker.dreams = same.numpy().copy()
    chances = reader.net(same[:1]).softmax(1)[0].detach().numpy()
    words = []
    for _ in range(60):  # a window that was drawn before is further on: only fresh ones are counted
        fresh = (attacker.dreams == same.numpy()).all(1)
        before = attacker.dreams.copy()
        attacker._dreamed()
        moved = (attacker.dreams != before).any(1) & fresh
        words += attacker.dreams[moved, -1].tolist()
    shares = np.bincount(words, minlength=len(chances)) / len(words)
    assert len(words) > 1000 and np.abs(shares - chances).max() < 0.05
