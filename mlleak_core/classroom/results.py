"""What came of bets, in words and as points: of one phone, and of the class from its counts alone."""

from __future__ import annotations

from collections.abc import Sequence

from mlleak_core.classroom.questions import slots, slots_of
from mlleak_core.classroom.rooms import LEAST, Tally
from mlleak_core.threat import Asked, Question, Truth

Point = tuple[float, float]


def of_one(question: Question, truth: Truth, picks: Sequence[int] | None) -> str:
    """What somebody hears of their own bet."""
    if picks is None:
        return "no bet"
    if question.kind is Asked.NUMBER:
        off = abs(picks[0] - truth.right[0])
        return f"{picks[0]}, " + (f"off by {off}" if off else "right on it")
    if question.kind is Asked.ONE:
        return f"{question.options[picks[0]]}: {'right' if picks[0] in truth.right else 'wrong'}"
    hits = len(set(picks) & set(truth.right))
    return f"{hits} of {len(truth.right)} found, {len(picks) - hits} false alarms"


def of_class(question: Question, truth: Truth, tally: Tally) -> str:
    """What the class hears of all bets."""
    if tally.counts is None:
        return f"fewer than {LEAST} phones locked: nothing is shown"
    names, n = slots(question), tally.locked
    if question.kind is Asked.MANY:
        hits, alarms = _totals(truth, tally.counts)
        found = f"{hits / n:.1f} of {len(truth.right)} found, {alarms / n:.1f} false alarms"
        return f"{found}, on average over {n} phones"
    right = sum(tally.counts[i] for i in set(slots_of(question, truth.right)))
    most = names[tally.counts.index(max(tally.counts))]
    if question.kind is Asked.NUMBER:
        return f"{right} of {n} in the right bar; most in {most}"
    return f"{right} of {n} right"


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
