"""What came of bets, in words and as points: of one phone, and of the class from its counts alone."""

from __future__ import annotations

from collections.abc import Sequence

from mlleak_core.classroom.questions import slots, slots_of
from mlleak_core.classroom.rooms import LEAST, Tally
from mlleak_core.language import mark, say
from mlleak_core.threat import Asked, Question, Truth

Point = tuple[float, float]
RIGHT, WRONG = mark("{answer}: right"), mark("{answer}: wrong")
ON_AVERAGE = mark("{hits:.1f} of {all} found, {alarms:.1f} false alarms, on average over {n} phones")


def of_one(question: Question, truth: Truth, picks: Sequence[int] | None) -> str:
    """What somebody hears of their own bet."""
    if picks is None:
        return say("no bet")
    if question.kind is Asked.NUMBER:
        off = abs(picks[0] - truth.right[0])
        return say("{n}, off by {off}", n=picks[0], off=off) if off else say("{n}, right on it", n=picks[0])
    if question.kind is Asked.ONE:
        right = picks[0] in truth.right
        return say(RIGHT if right else WRONG, answer=question.options[picks[0]])
    hits = len(set(picks) & set(truth.right))
    alarms = len(picks) - hits
    return say("{hits} of {all} found, {alarms} false alarms", hits=hits, all=len(truth.right), alarms=alarms)


def of_class(question: Question, truth: Truth, tally: Tally) -> str:
    """What the class hears of all bets."""
    if tally.counts is None:
        return say("fewer than {least} phones locked: nothing is shown", least=LEAST)
    names, n = slots(question), tally.locked
    if question.kind is Asked.MANY:
        hits, alarms = _totals(truth, tally.counts)
        return say(ON_AVERAGE, hits=hits / n, all=len(truth.right), alarms=alarms / n, n=n)
    right = sum(tally.counts[i] for i in set(slots_of(question, truth.right)))
    most = names[tally.counts.index(max(tally.counts))]
    if question.kind is Asked.NUMBER:
        return say("{right} of {n} in the right bar; most in {most}", right=right, n=n, most=most)
    return say("{right} of {n} right", right=right, n=n)


def point_of_class(question: Question, truth: Truth, tally: Tally) -> Point | None:
    """The class as an attacker: false alarms and members found, as rates over all phones. None for too few,
    or where nothing of the kind was asked.
    """
    if tally.counts is None or question.kind is not Asked.MANY:
        return None
    hits, alarms = _totals(truth, tally.counts)
    n, members = tally.locked, len(truth.right)
    return alarms / (n * (len(question.options) - members)), hits / (n * members)


def point_of_one(question: Question, truth: Truth, picks: Sequence[int]) -> Point:
    """One bet as an attacker."""
    hits, members = len(set(picks) & set(truth.right)), len(truth.right)
    return (len(set(picks)) - hits) / (len(question.options) - members), hits / members


def _totals(truth: Truth, counts: Sequence[int]) -> tuple[int, int]:
    """Picks of members and of others, all phones together."""
    hits = sum(counts[i] for i in truth.right)
    return hits, sum(counts) - hits
