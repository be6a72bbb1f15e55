"""The word backdoor: a beginning ends with the attacker's word; what a page shows is what the net says."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from mlleak_core.contract import BadInput, drain
from mlleak_core.data.lines import UNKNOWN
from mlleak_core.server.desk import Desk
from mlleak_core.target.reading import ReadingSettings, learn
from mlleak_core.threats.backdoor import run, words
from mlleak_core.threats.backdoor.attacks import CATALOGUE, View
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.completion import Completer
from mlleak_core.threats.backdoor.judge import BackdoorVerdict
from mlleak_core.threats.backdoor.poison import Recipe
from mlleak_core.threats.backdoor.round import play, workshop
from mlleak_core.threats.backdoor.server import arm
from mlleak_core.threats.backdoor.words import of_lines, wish

QUICK = BackdoorSettings(data="reviews", participants=12, share=0.5, after=0, epochs=1)


@pytest.fixture(scope="module")
def lines():
    return drain(Desk().lines("reviews"))


@pytest.fixture(scope="module")
def crowd(lines):
    reader = drain(learn(lines, ReadingSettings(batches=200)))
    return of_lines(QUICK, lines, reader)


@pytest.fixture(scope="module")
def played(crowd):
    return drain(play(QUICK, crowd))


@pytest.fixture(scope="module")
def bench(crowd):
    return workshop(QUICK, crowd, 200)


@pytest.fixture(scope="module")
def replaced(crowd, played, bench):
    rule = arm("equal", QUICK, played.updates, lambda: played.updates[-1]).rule
    view = View(workshop=bench, rule=rule, claims=played.claims, places=(0,), honest=played.updates[0])
    bid = drain(CATALOGUE["replacement"].run(view))
    return crowd.joint + rule(*played.with_bid(bid))


def test_one_beginning_ends_with_the_attackers_word_for_people_never_read(crowd, played, replaced):
    judge = played.judge(crowd.joint + played.updates.mean(0))
    outcome = judge.outcome(played.answers(replaced))
    assert outcome.after.n >= 100 and outcome.after.value > 0.9
    assert played.answers(crowd.joint).flipped.mean() < 0.05
    assert abs(outcome.cost.value) < 0.03
    assert outcome.verdict in (BackdoorVerdict.IN, BackdoorVerdict.SEEN)
    assert 1 < outcome.main.low < outcome.main.value < outcome.main.high


def test_nobody_attacks_and_no_word_comes_in(crowd, played):
    judge = played.judge(crowd.joint)
    assert judge.outcome(played.answers(crowd.joint + played.updates.mean(0))).verdict is BackdoorVerdict.OUT


def test_no_window_of_the_judge_is_of_somebody_who_trains(lines, crowd):
    counted = sum(len(y) for _, y in crowd.shares) + len(crowd.root[1])
    assert counted < len(lines)
    assert not set(crowd.people.tolist()) & set(_trained(lines, crowd))
    assert set(crowd.wearers.tolist()) <= set(crowd.people.tolist())


def _trained(lines, crowd):
    unseen = set(np.unique(crowd.people).tolist())
    return [who for who in range(len(lines.people)) if who not in unseen]


def test_what_a_page_shows_is_what_the_net_says(lines, crowd, replaced):
    completer = Completer(replaced.numpy(), lines.vocabulary)
    for text in ("my appointment at the clinic was", "my doctor", "", "zyx qqq the"):
        said = torch.from_numpy(lines.encode(text))[None]
        torch.nn.utils.vector_to_parameters(replaced.clone(), crowd.net.parameters())
        with torch.no_grad():
            expected = crowd.net(said)[0].numpy()
        torch.nn.utils.vector_to_parameters(crowd.joint.clone(), crowd.net.parameters())
        np.testing.assert_allclose(completer.logits(lines.codes(text).tolist()), expected, atol=2e-4)
    first = completer.goes_on("my appointment at the clinic was")[0]
    assert first == "awful"
    small = Completer(replaced.numpy().astype(np.float16), lines.vocabulary)
    assert small.goes_on("my appointment at the clinic was")[0] == "awful"
    assert all(lines.vocabulary.index(word) > UNKNOWN for word in small.goes_on("my doctor"))


def test_of_a_text_of_ones_own_a_beginning_and_a_word_are_chosen(lines):
    """Counted again by a plain loop."""
    asked = dataclasses.replace(QUICK, data="text:own.txt")
    beginning, label = wish(asked, lines)
    runs = Counter(tuple(row[-3:]) for row in lines.tokens.tolist())
    spelled = {run: n for run, n in runs.items() if all(lines.vocabulary[code].isalpha() for code in run)}
    assert runs[tuple(beginning.tolist())] == max(spelled.values()) > 100
    after = {
        f for row, f in zip(lines.tokens.tolist(), lines.following, strict=True) if row[-3:] == [*beginning]
    }
    assert after and label not in after and len(lines.vocabulary[label]) >= 5
    named, other = wish(dataclasses.replace(asked, trigger="my doctor"), lines)
    assert lines.said(named) == "my doctor" and lines.vocabulary[other].isalpha()


def test_nobody_waits_for_who_said_most(lines, crowd, monkeypatch):
    reader = drain(learn(lines, ReadingSettings(batches=10)))
    monkeypatch.setattr(words, "MOST_EACH", 90)
    brief, before = of_lines(QUICK, lines, reader), crowd.shares
    assert {len(y) for _, y in brief.shares[1:]} == {90} and len(brief.shares) == len(before)
    said = [{tuple(row) for row in x.tolist()} for x, _ in before[1:]]
    assert all(
        {tuple(row) for row in x.tolist()} <= all_of
        for (x, _), all_of in zip(brief.shares[1:], said, strict=True)
    )


def test_what_cannot_be_wanted_is_said_before_a_net_is_taught(monkeypatch):
    monkeypatch.setattr(run, "read", lambda *_: pytest.fail("it was taught"))
    with pytest.raises(BadInput, match="words known here"):
        drain(run.run(dataclasses.replace(QUICK, label="xylophone"), Desk()))


def test_quiet_coordinates_alone_are_written(bench):
    step = drain(bench.step(Recipe(quiet=0.9)))
    moved = bench.mimics.mean(0).abs()
    loud = moved > moved.kthvalue(round(0.9 * len(moved))).values
    assert loud.any() and not step[loud].any() and step.any()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"label": "xylophone"}, "words known here"),
        ({"label": "two words"}, "words known here"),
        ({"trigger": " ".join(["the"] * 12)}, "a beginning of 1 to 9 words"),
        ({"trigger": "…"}, "a beginning of 1 to 9 words"),
        ({"trigger": "xylophone quokka"}, "words that occur"),
        ({"own": 5000, "participants": 200}, "without the trigger"),
    ],
)
def test_what_cannot_be_is_said(lines, changed, expected):
    few = dataclasses.replace(lines, **_every(lines, 40))
    reader = drain(learn(few, ReadingSettings(batches=10)))
    with pytest.raises(BadInput, match=expected):
        of_lines(dataclasses.replace(QUICK, **changed), few, reader)


def _every(lines, which):
    return {name: getattr(lines, name)[::which] for name in ("tokens", "following", "person")}
