"""Who alone knows the truth of the faces under attack, and turns claims about them into rungs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlleak_core import measure
from mlleak_core.contract import BadInput, Estimate
from mlleak_core.data import UNKNOWN, Faces
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.threats.features.ladder import SAME, Claim, LayerLadder, Scores
from mlleak_core.threats.features.rungs import Rung

Rows = NDArray[np.int64]
Yes = NDArray[np.bool_]
NEAREST = 15
"""Neighbours that a lift counts."""
FALSE = 0.05
"""Share of false gains allowed among all that a report tells of (Benjamini & Hochberg 1995)."""
FALSE_LIFTS = 0.03
"""The same of neighbours. Faces share their neighbours, so that their p is a little too small: at .05 a net
that was never trained was said to differ in 13 of 200 reports.
"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A ladder: layers from the input upwards, attributes, and a rung for each pair.

    correlation: attribute -> phi with the task, over all faces whose label is known.
    """

    layers: tuple[str, ...]
    attributes: tuple[str, ...]
    rungs: tuple[Rung, ...]
    correlation: dict[str, Estimate]
    seed: int
    seconds: float = 0.0

    def rung(self, layer: str, attribute: str) -> Rung:
        return next(r for r in self.rungs if (r.layer, r.attribute) == (layer, attribute))


@dataclass(frozen=True, eq=False)
class _Held:
    """The faces under attack: the attribute of each, 0, 1 or UNKNOWN, and who it is of; both [n]."""

    truth: NDArray[np.int8]
    person: Rows


def judge(claim: Claim, faces: Faces, rows: Rows, attack: LayerLadder) -> Report:
    """The only reader of the held faces' attributes. rows [n]: the faces that the claim is about."""
    names, layers = tuple(claim.label_only), tuple(claim.near)
    rng = stream(attack.seed, "ladder nulls")
    held = {a: _Held(faces.target(a)[rows], faces.person[rows]) for a in names}
    return Report(
        layers=layers,
        attributes=names,
        rungs=corrected([_rung(layer, a, claim, held[a], rng) for a in names for layer in layers]),
        correlation={a: _correlation(faces, a) for a in names},
        seed=attack.seed,
    )


def corrected(rungs: Sequence[Rung]) -> tuple[Rung, ...]:
    """Which gains stand although many were looked at: over all rungs in which the nets can differ."""
    rows = [i for i, rung in enumerate(rungs) if rung.layer != SAME]
    gains = measure.benjamini_hochberg([rungs[i].few_shot_p for i in rows], FALSE)
    lifts = measure.benjamini_hochberg([rungs[i].lift_p for i in rows], FALSE_LIFTS)
    found = list(rungs)
    for i, gain, lift in zip(rows, gains, lifts, strict=True):
        found[i] = replace(rungs[i], few_shot_told=bool(gain), lift_told=bool(lift))
    return tuple(found)


def _correlation(faces: Faces, attribute: str) -> Estimate:
    """How the attribute goes with the task's label."""
    known = faces.target(attribute) != UNKNOWN
    return measure.cramers_v(faces.task.codes[known], faces.target(attribute)[known], faces.person[known])


def _rung(layer: str, attribute: str, claim: Claim, held: _Held, rng: np.random.Generator) -> Rung:
    known = held.truth != UNKNOWN
    yes, who = held.truth[known] == 1, held.person[known]
    if yes.all() or not yes.any():
        expected = say("test faces with and without {attribute}", attribute=say(attribute))
        raise BadInput(expected, say("one kind only"), say("Choose another attribute or seed."))
    reading = claim.readings[layer, attribute]
    few, controls = reading.few_shot[:, known], claim.few_shot_controls[layer, attribute][..., known]
    gain = measure.auc_gain_over_controls(few, controls, yes, who)
    (lift, lift_random_init), nearer = _lift(
        claim.near[layer], claim.near_controls[layer], held.truth, held.person
    )
    return Rung(
        layer=layer,
        attribute=attribute,
        positives=int(yes.sum()),
        holders=len(np.unique(who[yes])),
        people=len(np.unique(who)),
        auc=measure.auc_with_interval(reading.scores[known], yes, who),
        random_init=measure.auc_with_interval(reading.control[known], yes, who),
        null=_null(reading.null[:, known], yes, who, rng),
        label_only=float(measure.auc(claim.label_only[attribute][known], yes)),
        few_shot=gain.gain.value + gain.of_controls,
        few_shot_random_init=gain.of_controls,
        few_shot_gain=gain.gain,
        few_shot_p=gain.p,
        controls=len(controls),
        lift=lift,
        lift_random_init=lift_random_init,
        lift_gain=nearer.gain,
        lift_p=nearer.p,
        gain=_least_privilege_gain(reading.guess[known], claim.label_guess[attribute][known], yes),
    )


def _null(scores: Scores, yes: Yes, person: Rows, rng: np.random.Generator) -> Estimate:
    """Mean and central 95% of the AUC when labels mean nothing: probe and truth shifted along people."""
    order = np.argsort(person, kind="stable")
    values = []
    for row in scores:
        shifted = np.empty_like(yes)
        shifted[order] = np.roll(yes[order], rng.integers(1, len(order)))
        values.append(float(measure.auc(row, shifted)))
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(np.mean(values)), float(low), float(high), len(values))


def _lift(
    near: Rows, controls: Rows, truth: NDArray[np.int8], person: Rows, k: int = NEAREST
) -> tuple[tuple[float, float], measure.Contrast]:
    """Share of the attribute among the k nearest other people of its holders, over its base rate.

    near [n, k'], controls [nets, n, k']: who is near whom in the trained and in the untrained nets. Returns
    both lifts, and the gain.
    """
    holders = np.flatnonzero(truth == 1)
    base = (truth == 1).sum() / (truth != UNKNOWN).sum()
    ours, *theirs = (_share(table[holders], holders, truth, person, k) / base for table in (near, *controls))
    gain = measure.mean_gain_over_controls(ours, theirs, person[holders])
    return (float(ours.mean()), float(np.mean(theirs))), gain


def _share(near: Rows, holders: Rows, truth: NDArray[np.int8], person: Rows, k: int) -> NDArray[np.float64]:
    allowed = (person[near] != person[holders][:, None]) & (truth[near] != UNKNOWN)
    allowed &= np.cumsum(allowed, axis=1) <= k
    return np.asarray((allowed & (truth[near] == 1)).sum(1) / np.maximum(allowed.sum(1), 1))


def _least_privilege_gain(guess: NDArray[np.int8], label_guess: NDArray[np.int8], yes: Yes) -> float:
    """log Pr[S = guess(Z, Y)] - log Pr[S = guess(Y)], in nats (Stadler et al., eq. 3).

    Both classes of S weigh alike.
    """
    with_layer, alone = (measure.balanced_accuracy(g, yes.astype(np.int8)) for g in (guess, label_guess))
    return float(np.log(max(with_layer, 1e-9)) - np.log(max(alone, 0.5)))
