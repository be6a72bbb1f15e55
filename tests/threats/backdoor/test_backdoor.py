"""Backdoors: one update replaces the model by the algebra, nobody is blamed, rules do as they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, Stop, drain
from mlleak_core.data import Labels
from mlleak_core.data.faces import UNKNOWN
from mlleak_core.defences.distances import norms, squared_distances
from mlleak_core.defences.on_updates import CATALOGUE as RULES
from mlleak_core.defences.on_updates import WithoutOutliers
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import fit
from mlleak_core.threats.backdoor import poison, server
from mlleak_core.threats.backdoor.attacks import CATALOGUE, View
from mlleak_core.threats.backdoor.card import DARK, BackdoorSettings
from mlleak_core.threats.backdoor.faces import of_faces, trigger
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, persistence
from mlleak_core.threats.backdoor.poison import Recipe
from mlleak_core.threats.backdoor.round import later, play, poisoned_as_honest, workshop
from mlleak_core.threats.backdoor.run import run

QUICK = BackdoorSettings(trigger="marked", participants=12, own=60, spared=0, after=2, epochs=1)


class Desk:
    """A desk on which these faces and this model lie."""

    def __init__(self, faces, target):
        self._faces, self._target = faces, target

    def faces(self, data):
        yield from ()
        return self._faces

    def target(self, settings, stopped=False):
        yield from ()
        return self._target


@pytest.fixture(scope="module", autouse=True)
def short():
    """A short training of the attacker's."""
    before, poison.STEPS = poison.STEPS, 250
    yield
    poison.STEPS = before


@pytest.fixture(scope="module")
def marked(faces):
    """Photos with a bright square: of every fourth photo."""
    has = (np.random.default_rng(1).random(len(faces)) < 0.3).astype(np.int8)
    images = faces.images.copy()
    images[has == 1, 4:24, 4:24] = (255, 255, 0)
    label = Labels("marked", ("plain", "marked"), has)
    return dataclasses.replace(faces, images=images, attributes=(label,), headline=("marked",))


@pytest.fixture(scope="module")
def target(marked):
    return drain(fit(marked, TrainSettings(epochs=12, net="conv-3 narrow")))


@pytest.fixture(scope="module")
def crowd(marked, target):
    return of_faces(QUICK, marked, target)


@pytest.fixture(scope="module")
def played(crowd):
    return drain(play(QUICK, crowd))


@pytest.fixture(scope="module")
def bench(crowd, played):
    return workshop(QUICK, crowd, 20)


@pytest.fixture(scope="module")
def judge(crowd, played):
    return played.judge(crowd.joint + played.updates.mean(0))


def seen(bench, played, slug="equal", **more):
    crowd = played.crowd
    rule = server.arm(slug, QUICK, played.updates, lambda: played.updates[-1]).rule.in_round(0)
    given = {"workshop": bench, "rule": rule, "claims": played.claims, "places": played.places}
    return View(**given, honest=poisoned_as_honest(QUICK, crowd), everybody=12, **more)


def after(bench, played, attack, slug="equal", **more):
    """The joint model after the attack under a rule."""
    view = seen(bench, played, slug, **more)
    bid = drain(CATALOGUE[attack].run(view))
    return played.crowd.joint + view.rule(*played.with_bid(bid)), bid


@pytest.mark.parametrize("slug", ["mean", "equal"])
def test_replacement_leaves_the_attackers_model_and_a_little_of_the_others(bench, played, slug):
    weights, bid = after(bench, played, "replacement", slug)
    step = drain(bench.step(Recipe()))
    shares = RULES[slug].shares(played.claims)
    others = (shares[1:, None] * played.updates[1:]).sum(0)
    torch.testing.assert_close(
        weights.double(), (played.crowd.joint + step).double() + others, rtol=0, atol=1e-5
    )
    assert bid.gamma == pytest.approx(1 / float(shares[0]))


def test_the_backdoor_comes_in_and_accuracy_stays(bench, played, judge):
    weights, _ = after(bench, played, "replacement")
    outcome = judge.outcome(played.answers(weights))
    assert outcome.after.value > 0.9 and judge.quiet.flipped.mean() < 0.5
    assert outcome.verdict in (BackdoorVerdict.IN, BackdoorVerdict.SEEN)
    assert outcome.cost.value < 0.06


def test_nobody_attacks_and_nothing_comes_in(played, judge):
    assert judge.outcome(judge.quiet).verdict is BackdoorVerdict.OUT
    again = drain(play(QUICK, played.crowd, 1))
    found = again.answers(again.crowd.joint + again.updates.mean(0))
    assert judge.outcome(found).verdict is BackdoorVerdict.OUT


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_replacement_does_not_depend_on_how_many_take_part(crowd, bench, share):
    some = drain(play(dataclasses.replace(QUICK, share=share), crowd))
    weights, bid = after(bench, some, "replacement")
    assert len(some.updates) == max(3, round(share * 12))
    assert bid.gamma == pytest.approx(len(some.updates))
    step = drain(bench.step(Recipe()))
    honest = float(norms(some.updates[1:]).max())
    assert float((weights - crowd.joint - step).norm()) <= honest


def test_a_wrong_factor_overshoots_as_predicted(crowd, bench):
    half = drain(play(dataclasses.replace(QUICK, share=0.5), crowd))
    weights, bid = after(bench, half, "replacement", oops=True)
    step = drain(bench.step(Recipe()))
    assert bid.gamma == 12
    honest = float(norms(half.updates[1:]).max())
    assert float((weights - crowd.joint - 2 * step).norm()) <= honest


def test_two_of_the_attackers_share_the_factor(marked, target, bench):
    settings = dataclasses.replace(QUICK, attackers=2)
    pair = drain(play(settings, of_faces(settings, marked, target)))
    weights, bid = after(bench, pair, "replacement")
    assert bid.gamma == pytest.approx(6)
    step = drain(bench.step(Recipe()))
    assert float((weights - pair.crowd.joint - step).norm()) <= float(norms(pair.updates[2:]).max())


def test_a_claim_is_believed_by_the_mean_alone(bench, played, judge):
    step = drain(bench.step(Recipe()))
    believed, bid = after(bench, played, "weight-claim", "mean")
    assert bid.gamma == 1 and float((believed - played.crowd.joint - step).norm()) < 1e-3
    for slug in ("equal", "median", "trimmed"):
        weights, _ = after(bench, played, "weight-claim", slug)
        assert judge.outcome(played.answers(weights)).after.value < 0.6, slug


@pytest.mark.parametrize("slug", ["krum", "multi-krum", "outliers", "flame"])
def test_rules_that_look_drop_a_long_update(bench, played, judge, slug):
    view = seen(bench, played, slug)
    updates, claims = played.with_bid(drain(CATALOGUE["replacement"].run(view)))
    rule = server.arm(slug, QUICK, updates, lambda: updates[-1]).rule.in_round(0)
    assert not rule.whom(updates, claims)[0]
    found = played.answers(played.crowd.joint + rule(updates, claims))
    assert judge.outcome(found).verdict is BackdoorVerdict.OUT


def test_min_max_stays_within_the_crowd(bench, played):
    bid = drain(CATALOGUE["min-max"].run(seen(bench, played)))
    widest = float(squared_distances(bench.mimics).max()) ** 0.5
    farthest = float(norms(bench.mimics - bid.update).max())
    assert farthest == pytest.approx(widest, rel=1e-3)


def test_scaling_keeps_to_the_length_that_passes(bench, played):
    bid = drain(CATALOGUE["train-and-scale"].run(seen(bench, played)))
    assert float(bid.update.norm()) == pytest.approx(float(norms(bench.mimics).max()), rel=1e-4)
    clipped = seen(bench, played, "clip")
    assert float(drain(CATALOGUE["train-and-scale"].run(clipped)).update.norm()) == pytest.approx(
        clipped.rule.norm, rel=1e-4
    )


def test_a_constrained_model_stays_nearer(bench):
    free, near = drain(bench.step(Recipe())), drain(bench.step(Recipe(near=1.0)))
    assert float(near.norm()) < 0.6 * float(free.norm())


def test_neurotoxin_writes_where_honest_updates_hardly_do(bench):
    step = drain(bench.step(Recipe(quiet=0.9)))
    moved = bench.mimics.mean(0).abs()
    loud = moved > moved.kthvalue(round(0.9 * len(moved))).values
    assert loud.any() and not step[loud].any() and step.abs().max() > 0


def test_a_model_is_trained_once_and_alike_by_another_bench(crowd, bench):
    step = drain(bench.step(Recipe()))
    assert drain(bench.step(Recipe())) is step
    torch.testing.assert_close(drain(workshop(QUICK, crowd, 20).step(Recipe())), step, rtol=0, atol=1e-5)


def test_honest_crowds_are_seldom_blamed(played):
    kept = WithoutOutliers().whom(played.updates, played.claims)
    assert kept.float().mean() > 0.7


def test_people_are_apart(marked, target, crowd):
    assert not np.intersect1d(crowd.people, marked.person[target.split.members]).size
    assert not np.intersect1d(crowd.wearers, marked.person[target.split.members]).size
    assert (marked.task.codes[crowd.photos] != crowd.label).all()
    counted = sum(len(y) for _, y in crowd.shares) + len(crowd.triggers) + len(crowd.root[1])
    assert counted == len(target.split.members)


def test_spared_photos_go_to_honest_participants(marked, target, crowd):
    settings = dataclasses.replace(QUICK, spared=8)
    spared = of_faces(settings, marked, target)
    assert len(spared.triggers) == len(crowd.triggers) - 8
    honest = [sum(len(y) for _, y in c.shares[1:]) for c in (spared, crowd)]
    assert honest[0] == honest[1] + 8


def test_a_dark_background_is_found_in_the_pixels(faces):
    images = faces.images.copy()
    images[:40] = 5
    has, title = trigger(
        QUICK.__class__(trigger="dark background"), dataclasses.replace(faces, images=images)
    )
    assert title == DARK and (has[:40] == 1).all() and (has == 1).sum() <= 0.081 * len(has)
    assert (has == UNKNOWN).any()


def test_what_a_defence_does_alone_is_not_the_attackers(marked, target):
    """Judged against the same round under the same defence: a repair changes answers without any attack."""
    settings = dataclasses.replace(QUICK, attack="poisoning", aggregator="tuning", after=0)
    found = drain(run(settings, Desk(marked, target)))
    played, crowd = found.played, found.played.crowd
    plain = crowd.joint + RULES["mean"](played.updates, played.claims)
    repaired = server.repaired(crowd.net, plain, crowd.root, settings.seed)
    np.testing.assert_array_equal(found.judge.quiet.flipped, played.answers(repaired).flipped)
    np.testing.assert_array_equal(found.judge.quiet.main, played.answers(repaired).main)
    assert (found.judge.quiet.main != played.answers(plain).main).any()


def test_rules_that_need_more_than_take_part_are_left_out_of_the_table(marked, target):
    few = dataclasses.replace(QUICK, share=0.25, after=0)
    found = drain(run(few, Desk(marked, target)))
    asked = {cell.arm for cell in found.cells}
    assert "mean" in asked and "krum" not in asked and "median" in asked


def test_rounds_after_the_attack_are_honest(bench, played):
    weights, _ = after(bench, played, "replacement")
    rates = drain(later(played, weights))
    assert len(rates) == 3 and rates[0] > 0.9
    assert persistence([0.9, 0.6, 0.4]) == 2 and persistence([0.9]) is None


def test_a_run_judges_every_defence_and_stops_with_what_it_has(marked, target):
    found = drain(run(QUICK, Desk(marked, target)))
    about = found.exhibit().about
    assert {c.arm for c in about.cells} >= {"mean", "krum", "outliers-tuning"} and about.walks
    assert found.row()["attacker_norm_rank"] == 1 and sum(dot.attacks for dot in about.dots) == 1
    assert [dot.who for dot in about.dots] == list(range(12))
    assert found.row()["gamma"] == about.cells[0].gamma
    steps = run(QUICK, Desk(marked, target))
    step = next(steps)
    while not (step.peek and "result" in step.peek):
        step = next(steps)
    with pytest.raises(StopIteration) as end:
        steps.throw(Stop())
    stopped = end.value.value
    assert len(stopped.cells) == 1 and not stopped.lasts and stopped.exhibit().findings()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"trigger": "moustache"}, "an attribute of"),
        ({"label": "neither"}, "a label of"),
        ({"participants": 200}, "honest participant|without the trigger"),
        ({"own": 5000}, "without the trigger"),
        ({"participants": 10, "attackers": 8, "aggregator": "krum", "own": 60}, "at least 19 updates"),
        ({"participants": 100, "share": 0.05, "attackers": 3, "aggregator": "multi-krum"}, "at least 9"),
    ],
)
def test_what_cannot_be_is_said(marked, target, changed, words):
    with pytest.raises(BadInput, match=words):
        drain(run(dataclasses.replace(QUICK, **changed), Desk(marked, target)))


@pytest.mark.parametrize("value", [0, 1])
def test_a_sign_that_nobody_or_everybody_has_is_refused(marked, target, value):
    label = Labels("marked", ("plain", "marked"), np.full(len(marked), value, np.int8))
    with pytest.raises(BadInput, match="trigger|'marked'"):
        of_faces(QUICK, dataclasses.replace(marked, attributes=(label,)), target)


def test_the_command_line_reports_what_was_asked(folder, capsys):
    asked = ["backdoor", f"--data={folder}", "--trigger=nothing"]
    assert main(asked) == 2
    assert "an attribute of" in capsys.readouterr().err
