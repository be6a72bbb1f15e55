"""Unintended features, or overlearning: a net trained for one task lets others be read from its layers.

Sources: Shmatikov, "What Are Machine Learning Models Hiding?" (2018); Song & Shmatikov, "Overlearning Reveals
Sensitive Attributes" (ICLR 2020); Stadler et al., "The Fundamental Limits of Least-Privilege Learning"
(ICML 2024).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core import measure
from mlleak_core.contract import BadInput, Range, Step
from mlleak_core.figures.look import ORANGE
from mlleak_core.seeds import stream
from mlleak_core.threat import Attack
from mlleak_core.threats.features import probes
from mlleak_core.threats.features.embedding import neighbours, principal
from mlleak_core.threats.features.taps import Activations

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]
Codes = NDArray[np.int8]
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
    """

    trained: Side
    control: Side
    aux_person: Rows
    aux_task: Codes
    aux_labels: dict[str, Codes]
    held_task: Codes
    held_rows: Rows


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """What is claimed of one layer and attribute: scores of the held faces; higher = more likely has it.

    scores, control [n]; null [r, n]; few_shot, few_shot_control [draws, n]; guess [n] in {0, 1}, from layer
    and label.
    """

    scores: Scores
    control: Scores
    null: Scores
    few_shot: Scores
    few_shot_control: Scores
    guess: Codes


Readings = dict[tuple[str, str], Reading]


@dataclass(frozen=True, eq=False, kw_only=True)
class Claim:
    """All readings, what the label alone suggests, and who is near whom: layer -> [n, k] rows."""

    readings: Readings
    label_only: dict[str, Scores]
    label_guess: dict[str, Codes]
    near: dict[str, Rows]
    near_control: dict[str, Rows]


@dataclass(frozen=True, eq=False)
class _Labelled:
    """The attacker's own labels, prepared: attribute -> rows of each few-shot draw [draws, 2 shots], and
    shuffled targets [m, nulls]."""

    shots: Mapping[str, Rows]
    shuffled: Mapping[str, Scores]


@final
@dataclass(frozen=True)
class LayerLadder(Attack):
    """Probe every layer of a trained net and of its own untrained start, attribute by attribute.

    Setting: white box; the attacker has auxiliary faces with attribute labels, of people not attacked.
    Idea: what a linear probe reads is *there*; what forty labelled photos suffice to read better than from
    the untrained net was *made easier* by training. Controls: untrained net, shuffled labels, the task label
    alone.
    """

    slug: ClassVar[str] = "ladder"
    title: ClassVar[str] = "Layer ladder"
    why: ClassVar[str] = "reads every layer with a linear probe, and the untrained net's layers beside it"
    colour: ClassVar[str] = ORANGE

    seed: Annotated[
        int, Range(0, 9999, 1, "Fixes the draws of the few-shot probes and the shuffled labels.")
    ] = 0
    shots: Annotated[int, Range(5, 100, 5, "Labelled photos of each kind that a few-shot probe gets.")] = 20
    draws: Annotated[int, Range(5, 50, 5, "Few-shot probes averaged.")] = 20
    nulls: Annotated[int, Range(5, 50, 5, "Shuffled labellings behind each null interval.")] = 20

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read layer by layer, from the input upwards. Raises BadInput where too few faces are labelled."""
        for name, labels in view.aux_labels.items():
            _enough(name, labels)
        labelled = self._prepared(view)
        readings: Readings = {}
        near: dict[str, Rows] = {}
        near_control: dict[str, Rows] = {}
        layers = tuple(view.trained.aux)
        for number, layer in enumerate(layers):
            yield Step(number, len(layers), f"probing {layer}")
            readings |= self._read(view, layer, labelled)
            near[layer] = _near(view.trained.held[layer], self.seed)
            same = layer == "pixels"
            near_control[layer] = near[layer] if same else _near(view.control.held[layer], self.seed)
        yield Step(len(layers), len(layers), "judging")
        label = {a: _label_only(view, a) for a in view.aux_labels}
        return Claim(
            readings=readings,
            label_only={a: scores for a, (scores, _) in label.items()},
            label_guess={a: guess for a, (_, guess) in label.items()},
            near=near,
            near_control=near_control,
        )

    def _prepared(self, view: View) -> _Labelled:
        draws = stream(self.seed, "few-shot draws")
        shuffles = stream(self.seed, "shuffled labels")
        return _Labelled(
            shots={a: self._shots(labels, view.aux_person, draws) for a, labels in view.aux_labels.items()},
            shuffled={a: self._shuffled(view, a, shuffles) for a in view.aux_labels},
        )

    def _shots(self, labels: Codes, person: Rows, rng: np.random.Generator) -> Rows:
        """Rows [draws, 2 shots], each photo of another person while there are enough people."""
        rows = np.empty((self.draws, 2 * self.shots), np.int64)
        for draw in range(self.draws):
            for value in (0, 1):
                order = rng.permutation(np.flatnonzero(labels == value))
                _, first = np.unique(person[order], return_index=True)
                one_each = order[np.sort(first)]
                pool = one_each if len(one_each) >= self.shots else order
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

    def _read(self, view: View, layer: str, labelled: _Labelled) -> Readings:
        names = tuple(view.aux_labels)
        aux, held = view.trained.aux[layer], view.trained.held[layer]
        aux_control, held_control = view.control.aux[layer], view.control.held[layer]
        same = layer == "pixels"
        real = torch.from_numpy(np.column_stack([probes.signed(view.aux_labels[a]) for a in names]))
        nulls = torch.from_numpy(np.concatenate([labelled.shuffled[a] for a in names], axis=1))
        trained = _fit(aux, held, real, view.aux_person, nulls)
        control = trained if same else _fit(aux_control, held_control, real, view.aux_person)
        found = {}
        for i, a in enumerate(names):
            ours = probes.few_shot(aux, held, labelled.shots[a])
            theirs = ours if same else probes.few_shot(aux_control, held_control, labelled.shots[a])
            found[layer, a] = Reading(
                scores=trained.scores[:, i],
                control=control.scores[:, i],
                null=trained.null[:, i * self.nulls : (i + 1) * self.nulls].T,
                few_shot=ours,
                few_shot_control=theirs,
                guess=_guess(view, a, trained.own[:, i], trained.scores[:, i]),
            )
        return found


def _enough(name: str, labels: Codes) -> None:
    without, having = (int((labels == v).sum()) for v in (0, 1))
    if min(without, having) < ENOUGH:
        raise BadInput(
            f"at least ten labelled faces with and without {name}",
            f"{having} with, {without} without",
            "Choose another attribute.",
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


def _near(held: Tensor, seed: int) -> Rows:
    return neighbours(principal(held, seed), 60)[0]


CATALOGUE = {attack.slug: attack for attack in (LayerLadder(),)}
