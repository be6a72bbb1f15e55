"""Unintended features, or overlearning: a net trained for one task lets others be read from its layers.

Sources: Shmatikov, "What Are Machine Learning Models Hiding?" (2018); Song & Shmatikov, "Overlearning Reveals
Sensitive Attributes" (ICLR 2020); Stadler et al., "The Fundamental Limits of Least-Privilege Learning"
(ICML 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core import measure
from mlleak_core.contract import BadInput, Range, Step, relay
from mlleak_core.figures.look import ORANGE
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.threat import Attack
from mlleak_core.threats.features import probes
from mlleak_core.threats.features.card import DRAWS, SHOTS, SHUFFLES, UNTRAINED
from mlleak_core.threats.features.embedding import neighbours, principal
from mlleak_core.threats.features.taps import Activations

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Codes = NDArray[np.int8]
SAME = "pixels"
"""The layer that is the same in every net."""
NEAR = 48
"""Neighbours kept of each face: some are of the same person, or nothing is known of them."""
ENOUGH = 10
"""Labelled faces with an attribute, and without it, below which it is not probed."""


@dataclass(frozen=True, eq=False)
class Side:
    """Activations of one net, layer -> [n, units]: the attacker's labelled faces, and those under attack."""

    aux: Activations
    held: Activations


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """What the attacker sees: every layer's activations, the task's labels, attributes of auxiliary faces.

    The attributes of the held faces are not here. aux_labels: attribute -> [m] of 0, 1, UNKNOWN.
    untrained: opens the net of a number, made like the trained one but never trained, for these rows of the
    auxiliary faces; who has the trained one can make such nets himself.
    """

    trained: Side
    untrained: Callable[[int, Rows], Side]
    aux_person: Rows
    aux_task: Codes
    aux_labels: dict[str, Codes]
    held_task: Codes
    held_rows: Rows


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """What is claimed of one layer and attribute: scores of the held faces; higher = more likely has it.

    scores [n]; control [n], of the first untrained net; null [r, n]; few_shot [draws, n]; guess [n] in
    {0, 1}, from layer and label.
    """

    scores: Scores
    control: Scores
    null: Scores
    few_shot: Scores
    guess: Codes


Readings = dict[tuple[str, str], Reading]
Alone = tuple[Readings, dict[str, Rows]]
"""What is read of one net, and who is near whom in it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """All readings, what the label alone suggests, and who is near whom: layer -> [n, k] rows.

    The same of every untrained net: few_shot_controls [nets, draws, n], near_controls [nets, n, k].
    """

    readings: Readings
    few_shot_controls: dict[tuple[str, str], Scores]
    label_only: dict[str, Scores]
    label_guess: dict[str, Codes]
    near: dict[str, Rows]
    near_controls: dict[str, Rows]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """The attacker's own labels, prepared: attribute -> rows of each few-shot draw [draws, 2 shots], and
    shuffled targets [m, nulls]."""

    shots: Mapping[str, Rows]
    shuffled: Mapping[str, Scores]


@final
@dataclass(frozen=True)
class LayerLadder(Attack):
    """Probe every layer of a trained net and of nets never trained, attribute by attribute.

    Setting: white box; the attacker has auxiliary faces with attribute labels, of people not attacked.
    Idea: what a linear probe reads is *there*; what forty labelled photos suffice to read better than from
    any untrained net was *made easier* by training. Controls: untrained nets, normalised on the same faces,
    shuffled labels, the task label alone.
    """

    slug: ClassVar[str] = "ladder"
    title: ClassVar[str] = mark("Layer ladder")
    why: ClassVar[str] = mark("reads every layer with a linear probe, and untrained nets' layers beside it")
    colour: ClassVar[str] = ORANGE

    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes the draws of the few-shot probes and the shuffled labels."))
    ] = 0
    shots: Annotated[int, Range(5, 100, 5, SHOTS)] = 20
    draws: Annotated[int, Range(5, 50, 5, DRAWS)] = 20
    nulls: Annotated[int, Range(5, 50, 5, SHUFFLES)] = 20
    controls: Annotated[int, Range(8, 32, 4, UNTRAINED)] = 12

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read layer by layer, from the input upwards. Raises BadInput where too few faces are labelled."""
        for name, labels in view.aux_labels.items():
            _enough(name, labels)
        layers = tuple(view.trained.aux)
        steps = len(layers) + self.controls
        labelled = self._prepared(view)
        first = view.untrained(0, np.arange(len(view.aux_person)))
        whole = relay(self._alone(view, first, labelled), lambda step: replace(step, total=steps))
        readings, near = yield from whole
        crowd = _Crowd(view, first, labelled.shots, self.seed)
        for number in range(self.controls):
            note = say("probing untrained net {number} of {all}", number=number + 1, all=self.controls)
            yield Step(len(layers) + number, steps, note)
            crowd.add(number)
        yield Step(steps, steps, say("judging"))
        return claimed(view, (readings, near), *crowd.stacked())

    def alone(self, view: View) -> Generator[Step, None, Alone]:
        """Without any net beside it: its readings, the control's being its own, and who is near whom."""
        return (yield from self._alone(view, view.trained, self._prepared(view)))

    def _alone(self, view: View, first: Side, labelled: _Labelled) -> Generator[Step, None, Alone]:
        readings: Readings = {}
        near: dict[str, Rows] = {}
        layers = tuple(view.trained.aux)
        for number, layer in enumerate(layers):
            yield Step(number, len(layers), say("probing {layer}", layer=say(layer)))
            readings |= self._read(view, first, layer, labelled)
            near[layer] = _near(view.trained.held[layer], self.seed)
        return readings, near

    def _prepared(self, view: View) -> _Labelled:
        draws = stream(self.seed, "few-shot draws")
        shuffles = stream(self.seed, "shuffled labels")
        orders = [draws.permutation(len(view.aux_person)) for _ in range(self.draws)]
        return _Labelled(
            shots={a: self._shots(labels, view.aux_person, orders) for a, labels in view.aux_labels.items()},
            shuffled={a: self._shuffled(view, a, shuffles) for a in view.aux_labels},
        )

    def _shots(self, labels: Codes, person: Rows, orders: Sequence[Rows]) -> Rows:
        """Rows [draws, 2 shots], the first in each draw's order of all faces [m]: a face that serves many
        attributes goes through the nets once. Each photo is of another person while there are enough people.
        """
        rows = np.empty((self.draws, 2 * self.shots), np.int64)
        for draw, order in enumerate(orders):
            for value in (0, 1):
                having = order[labels[order] == value]
                _, first = np.unique(person[having], return_index=True)
                one_each = having[np.sort(first)]
                pool = one_each if len(one_each) >= self.shots else having
                rows[draw, value * self.shots : (value + 1) * self.shots] = np.resize(pool, self.shots)
        return rows

    def _shuffled(self, view: View, attribute: str, rng: np.random.Generator) -> Scores:
        """Targets [m, nulls]: the labels shifted along the people, so that photos of a person stay alike."""
        order = np.argsort(view.aux_person, kind="stable")
        targets = np.empty((len(order), self.nulls), np.float32)
        signed = probes.signed(view.aux_labels[attribute])
        tenth = len(order) // 10
        for column in range(self.nulls):
            targets[order, column] = np.roll(signed[order], rng.integers(tenth, len(order) - tenth))
        return targets

    def _read(self, view: View, first: Side, layer: str, labelled: _Labelled) -> Readings:
        names = tuple(view.aux_labels)
        aux, held = view.trained.aux[layer], view.trained.held[layer]
        real = torch.from_numpy(np.column_stack([probes.signed(view.aux_labels[a]) for a in names]))
        nulls = torch.from_numpy(np.concatenate([labelled.shuffled[a] for a in names], axis=1))
        trained = _fit(aux, held, real, view.aux_person, nulls)
        control = (
            trained
            if layer == SAME or first is view.trained
            else _fit(first.aux[layer], first.held[layer], real, view.aux_person)
        )
        few = _few_shot(aux, held, labelled.shots)
        return {
            (layer, a): Reading(
                scores=trained.scores[:, i],
                control=control.scores[:, i],
                null=trained.null[:, i * self.nulls : (i + 1) * self.nulls].T,
                few_shot=few[a],
                guess=_guess(view, a, trained.own[:, i], trained.scores[:, i]),
            )
            for i, a in enumerate(names)
        }


def claimed(
    view: View, alone: Alone, few: Mapping[tuple[str, str], Scores], far: Mapping[str, Rows]
) -> Claim:
    """A net's own readings beside those of untrained nets: few-shot scores, and neighbours, of each.

    In a layer that neither names, all nets are the same.
    """
    readings, near = alone
    label = {a: _label_only(view, a) for a in view.aux_labels}
    return Claim(
        readings=readings,
        few_shot_controls={key: few.get(key, reading.few_shot[None]) for key, reading in readings.items()},
        label_only={a: scores for a, (scores, _) in label.items()},
        label_guess={a: guess for a, (_, guess) in label.items()},
        near=near,
        near_controls={layer: far.get(layer, rows[None]) for layer, rows in near.items()},
    )


class _Crowd:
    """Few-shot probes and neighbours of untrained nets, one net after the other: none stays open.

    shots: attribute -> rows of the auxiliary faces, draw by draw; only these are asked for.
    """

    def __init__(self, view: View, first: Side, shots: Mapping[str, Rows], seed: int) -> None:
        self.view, self.first, self.seed = view, first, seed
        self.rows = np.unique(np.concatenate([rows.ravel() for rows in shots.values()]))
        self.shots = {a: np.searchsorted(self.rows, rows) for a, rows in shots.items()}
        self.layers = tuple(layer for layer in view.trained.aux if layer != SAME)
        self.few: dict[tuple[str, str], list[Scores]] = {}
        self.near: dict[str, list[Rows]] = {}

    def add(self, number: int) -> None:
        side = self._open(number)
        for layer in self.layers:
            for a, scores in _few_shot(side.aux[layer], side.held[layer], self.shots).items():
                self.few.setdefault((layer, a), []).append(scores)
            self.near.setdefault(layer, []).append(_near(side.held[layer], self.seed))

    def _open(self, number: int) -> Side:
        if number:
            return self.view.untrained(number, self.rows)
        rows = torch.from_numpy(self.rows)
        return Side({layer: self.first.aux[layer][rows] for layer in self.layers}, self.first.held)

    def stacked(self) -> tuple[dict[tuple[str, str], Scores], dict[str, Rows]]:
        """Few-shot scores [nets, draws, n] by layer and attribute; neighbours [nets, n, k] by layer."""
        few = {key: np.stack(scores) for key, scores in self.few.items()}
        return few, {layer: np.stack(rows) for layer, rows in self.near.items()}


def _enough(name: str, labels: Codes) -> None:
    without, having = (int((labels == v).sum()) for v in (0, 1))
    if min(without, having) < ENOUGH:
        raise BadInput(
            say("at least ten labelled faces with and without {attribute}", attribute=say(name)),
            say("{having} with, {without} without", having=having, without=without),
            say("Choose another attribute."),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Fit:
    """scores [n, k] of the held faces; own [m, k] of the auxiliary ones, NaN where they were learned from;
    null [n, k * nulls] of the held faces by shuffled labels."""

    scores: Scores
    own: Scores
    null: Scores


def _fit(aux: Tensor, held: Tensor, real: Tensor, person: Rows, nulls: Tensor | None = None) -> _Fit:
    """Probes for the targets real [m, k] and nulls [m, k * nulls]; the penalty by people left out."""
    inner = person % 5 == 0
    if inner.all() or not inner.any():
        inner = np.arange(len(inner)) % 5 == 0
    fold, rest = torch.from_numpy(np.flatnonzero(inner)), torch.from_numpy(np.flatnonzero(~inner))
    ridge = probes.Ridge(aux[rest])
    fits = [ridge.weights(real[rest], p) for p in probes.PENALTIES]
    best = int(np.argmax([_agreement(ridge.scores(aux[fold], w), real[fold]) for w in fits]))
    own = np.full((len(aux), real.shape[1]), np.nan, np.float32)
    own[fold.numpy()] = ridge.scores(aux[fold], fits[best]).numpy()
    null = np.empty(0, np.float32)
    if nulls is not None:
        null = ridge.scores(held, ridge.weights(nulls[rest], probes.PENALTIES[best])).numpy()
    return _Fit(scores=ridge.scores(held, fits[best]).numpy(), own=own, null=null)


def _agreement(scores: Tensor, targets: Tensor) -> float:
    """Mean AUC over the targets."""
    found = [
        measure.auc(scores[:, i].numpy(), targets[:, i].numpy() > 0)
        for i in range(targets.shape[1])
        if (targets[:, i] > 0).any() and (targets[:, i] < 0).any()
    ]
    return float(np.mean(found)) if found else 0.5


def _guess(view: View, attribute: str, own: Scores, scores: Scores) -> Codes:
    """Yes or no from layer and task label [n]: per task class, the cut that is best on the attacker's."""
    labels = view.aux_labels[attribute]
    guess = np.zeros(len(scores), np.int8)
    for value in (0, 1):
        mine, theirs = (view.aux_task == value) & ~np.isnan(own) & (labels >= 0), view.held_task == value
        guess[theirs] = scores[theirs] > _threshold(own[mine], labels[mine])
    return guess


def _threshold(scores: Scores, labels: Codes) -> float:
    """The cut of highest balanced accuracy (Youden 1950)."""
    if len(np.unique(labels)) < 2:
        return np.inf if not labels.any() else -np.inf
    order = np.argsort(scores)
    ranked = labels[order]
    below = np.cumsum(1 - ranked) / (1 - ranked).sum() - np.cumsum(ranked) / ranked.sum()
    return float(scores[order[int(below.argmax())]])


def _label_only(view: View, attribute: str) -> tuple[Scores, Codes]:
    """What the task label alone suggests: the attribute's share among the attacker's faces of that label."""
    labels = view.aux_labels[attribute]
    share = [labels[(view.aux_task == v) & (labels >= 0)].mean() for v in (0, 1)]
    scores = np.where(view.held_task == 1, share[1], share[0]).astype(np.float32)
    return scores, (scores >= max(share)).astype(np.int8)


def _few_shot(aux: Tensor, held: Tensor, shots: Mapping[str, Rows]) -> dict[str, Scores]:
    """Scores of the held faces by each attribute's probes [draws, n], all probes in one pass."""
    scores = probes.few_shot(aux, held, np.concatenate(list(shots.values())))
    return dict(zip(shots, np.split(scores, len(shots)), strict=True))


def _near(held: Tensor, seed: int) -> Rows:
    return neighbours(principal(held, seed), NEAR)[0]


CATALOGUE = {attack.slug: attack for attack in (LayerLadder(),)}
