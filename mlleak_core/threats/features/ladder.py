"""Unintended features, or overlearning: a net trained for one task lets others be read from its layers.

Sources: Shmatikov, "What Are Machine Learning Models Hiding?" (2018); Song & Shmatikov, "Overlearning Reveals
Sensitive Attributes" (ICLR 2020); Stadler et al., "The Fundamental Limits of Least-Privilege Learning" (ICML 2024).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core import measure

from mlleak_core.threats.features import probes
from mlleak_core.contract import BadInput, Card, Range, Settings, Step, now
from mlleak_core.data import UNKNOWN, Faces
from mlleak_core.threats.features.embedding import neighbours, principal
from mlleak_core.measure import Estimate
from mlleak_core.target.models import ConvNet, as_input
from mlleak_core.target.training import Target, shrink

CARD = Card(
    slug="features",
    order=1,
    title="Features",
    icon=":material/layers:",
    question="What did the net learn that nobody asked for?",
    papers=("Song & Shmatikov, ICLR 2020", "Stadler et al., ICML 2024"),
)

Scores = NDArray[np.float32]
Activations = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Side:
    """Activations of one net: layer -> [n, units] for the attacker's labelled faces and for the faces under attack."""

    aux: Activations
    held: Activations


@dataclass(frozen=True, eq=False)
class View:
    """What the attacker sees: every layer's activations, the task's labels, and the attributes of the auxiliary faces.

    The attributes of the held faces are not here. aux_labels: attribute -> [m] of 0, 1, UNKNOWN.
    """

    trained: Side
    control: Side
    aux_person: NDArray[np.int64]
    aux_task: NDArray[np.int8]
    aux_labels: dict[str, NDArray[np.int8]]
    held_task: NDArray[np.int8]
    held_rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Reading:
    """What is claimed of one layer and attribute: scores over the held faces; higher = more likely has the attribute.

    scores, control [n]; null [r, n]; few_shot, few_shot_control [draws, n]; guess [n] in {0, 1} from layer and label.
    """

    scores: Scores
    control: Scores
    null: Scores
    few_shot: Scores
    few_shot_control: Scores
    guess: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Claim:
    """All readings, what the label alone suggests, and who is near whom: layer -> [n, k] rows."""

    readings: dict[tuple[str, str], Reading]
    label_only: dict[str, Scores]
    label_guess: dict[str, NDArray[np.int8]]
    near: dict[str, NDArray[np.int64]]
    near_control: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Rung:
    """The judge's finding for one layer and attribute. Estimates carry 95% intervals; null is over permutations.

    positives: held faces with the attribute, of `bearers` people; people: whose label is known at all.
    """

    layer: str
    attribute: str
    auc: Estimate
    null: Estimate
    label_only: float
    random_init: Estimate
    few_shot: float
    few_shot_random_init: float
    few_shot_gain: Estimate
    lift: float
    lift_random_init: float
    lift_gain: Estimate
    gain: float
    positives: int
    bearers: int
    people: int

    def row(self) -> dict[str, Any]:
        """The flat form that the command line prints."""
        return {
            "layer": self.layer, "attribute": self.attribute, "auc": self.auc.value, "low": self.auc.low, "high": self.auc.high,
            "n": self.auc.n, "people": self.people, "positives": self.positives, "bearers": self.bearers, "null_auc": self.null.value, "null_low": self.null.low,
            "null_high": self.null.high, "label_only_auc": self.label_only, "random_init_auc": self.random_init.value,
            "random_init_low": self.random_init.low, "random_init_high": self.random_init.high, "few_shot_auc": self.few_shot,
            "few_shot_random_init_auc": self.few_shot_random_init, "few_shot_gain_low": self.few_shot_gain.low,
            "few_shot_gain_high": self.few_shot_gain.high, "neighbour_lift": self.lift,
            "neighbour_lift_random_init": self.lift_random_init, "neighbour_lift_gain_low": self.lift_gain.low,
            "neighbour_lift_gain_high": self.lift_gain.high, "gain": self.gain, "verdict": verdict(self),
        }  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A ladder: layers from the input upwards, attributes, and a rung for each pair."""

    layers: tuple[str, ...]
    attributes: tuple[str, ...]
    rungs: tuple[Rung, ...]
    correlation: dict[str, Estimate]
    seed: int
    seconds: float

    def rung(self, layer: str, attribute: str) -> Rung:
        return next(r for r in self.rungs if (r.layer, r.attribute) == (layer, attribute))


def activations(net: ConvNet, pictures: Tensor) -> Activations:
    """Every layer's output for uint8 pictures [n, 3, 32, 32], in blocks."""
    with torch.no_grad():
        blocks = [net.taps(as_input(part)) for part in pictures.split(512)]
    return {layer: torch.cat([block[layer] for block in blocks]) for layer in net.layers}


def both_ways(net: ConvNet, pictures: Tensor) -> Activations:
    """Every layer's mean output for a face and its mirror image: who has the picture can ask for both, and they differ by chance."""
    ahead, mirrored = activations(net, pictures), activations(net, pictures.flip(3))
    return {layer: ahead[layer].add_(mirrored[layer]).mul_(0.5) for layer in ahead}


def stage(target: Target, faces: Faces, attributes: Sequence[str]) -> View:
    """Open the target for the attacker: its layers, on the members (labelled, auxiliary) and on the outsiders."""
    split = target.split
    aux, held = (split.public if len(split.public) else split.members), split.outsiders
    pictures = {"aux": shrink(faces, aux), "held": shrink(faces, held)}
    sides = [Side(**{k: both_ways(target.net(e), v) for k, v in pictures.items()}) for e in (None, 0)]
    labels = {a: faces.target(a)[aux] for a in attributes}
    return View(sides[0], sides[1], faces.person[aux], faces.task.codes[aux], labels, faces.task.codes[held], held)


@final
@dataclass(frozen=True)
class LayerLadder(Settings):
    """Probe every layer of a trained net and of its own untrained start, attribute by attribute.

    Setting: white box; the attacker has auxiliary faces with attribute labels, people disjoint from those attacked.
    Idea: what a linear probe reads is *there*; what forty labelled photos suffice to read better than from the
    untrained net was *made easier* by training. Controls: untrained net, shuffled labels, the task label alone.
    """

    seed: Annotated[int, Range(0, 9999, 1, "Fixes the draws of the few-shot probes and the shuffled labels.")] = 0
    shots: Annotated[int, Range(5, 100, 5, "Labelled photos of each kind that a few-shot probe gets.")] = 20
    draws: Annotated[int, Range(5, 50, 5, "Few-shot probes averaged.")] = 20
    nulls: Annotated[int, Range(5, 50, 5, "Shuffled labellings behind each null interval.")] = 20

    def run(self, view: View) -> Generator[Step, None, Claim]:
        names = tuple(view.aux_labels)
        for name, labels in view.aux_labels.items():
            _enough(name, labels)
        rng = np.random.default_rng([self.seed, 11])
        shots = {a: self._shots(view.aux_labels[a], view.aux_person, rng) for a in names}
        shuffled = {a: self._shuffled(view, a, rng) for a in names}
        readings: dict[tuple[str, str], Reading] = {}
        near: dict[str, NDArray[np.int64]] = {}
        near_control: dict[str, NDArray[np.int64]] = {}
        layers = tuple(view.trained.aux)
        for number, layer in enumerate(layers):
            yield Step(number, len(layers), f"probing {layer}")
            readings |= self._read(view, layer, shots, shuffled)
            near[layer] = _near(view.trained.held[layer], self.seed)
            near_control[layer] = near[layer] if layer == "pixels" else _near(view.control.held[layer], self.seed)
        yield Step(len(layers), len(layers), "judging")
        label = {a: _label_only(view, a) for a in names}
        return Claim(readings, {a: s for a, (s, _) in label.items()}, {a: g for a, (_, g) in label.items()}, near, near_control)

    def _shots(self, labels: NDArray[np.int8], person: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
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

    def _shuffled(self, view: View, attribute: str, rng: np.random.Generator) -> NDArray[np.float32]:
        """Targets [m, nulls]: the labels shifted along the people, so that photos of a person stay alike."""
        order = np.argsort(view.aux_person, kind="stable")
        targets = np.empty((len(order), self.nulls), np.float32)
        signed = probes.signed(view.aux_labels[attribute])
        for column in range(self.nulls):
            targets[order, column] = np.roll(signed[order], rng.integers(len(order) // 10, len(order) - len(order) // 10))
        return targets

    def _read(
        self, view: View, layer: str, shots: dict[str, NDArray[np.int64]], shuffled: dict[str, NDArray[np.float32]]
    ) -> dict[tuple[str, str], Reading]:
        names = tuple(view.aux_labels)
        real = torch.from_numpy(np.column_stack([probes.signed(view.aux_labels[a]) for a in names]))
        nulls = torch.from_numpy(np.concatenate([shuffled[a] for a in names], axis=1))
        trained, own, null = _fit(view.trained.aux[layer], view.trained.held[layer], real, nulls, view)
        control = trained if layer == "pixels" else _fit(view.control.aux[layer], view.control.held[layer], real, None, view)[0]
        found = {}
        for i, a in enumerate(names):
            ours = probes.few_shot(view.trained.aux[layer], view.trained.held[layer], shots[a])
            theirs = ours if layer == "pixels" else probes.few_shot(view.control.aux[layer], view.control.held[layer], shots[a])
            guess = _guess(own[:, i], view.aux_labels[a], view.aux_task, trained[:, i], view.held_task)
            part = null[:, i * self.nulls : (i + 1) * self.nulls].T
            found[layer, a] = Reading(trained[:, i], control[:, i], part, ours, theirs, guess)
        return found


def _enough(name: str, labels: NDArray[np.int8]) -> None:
    counts = [(labels == v).sum() for v in (0, 1)]
    if min(counts) < 10:
        raise BadInput(
            f"at least ten labelled faces with and without {name}",
            f"{counts[1]} with, {counts[0]} without",
            "Choose another attribute.",
        )


def _fit(
    aux: Tensor, held: Tensor, real: Tensor, nulls: Tensor | None, view: View
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Scores of held and of aux faces for the real targets, and of held for the nulls; the penalty by held-out people."""
    inner = view.aux_person % 5 == 0
    if inner.all() or not inner.any():
        inner = np.arange(len(inner)) % 5 == 0
    fold, rest = torch.from_numpy(np.flatnonzero(inner)), torch.from_numpy(np.flatnonzero(~inner))
    ridge = probes.Ridge(aux[rest])
    fits = [ridge.weights(real[rest], p) for p in probes.PENALTIES]
    quality = [_agreement(ridge.scores(aux[fold], w), real[fold]) for w in fits]
    best = int(np.argmax(quality))
    out_of_fold = ridge.scores(aux[fold], fits[best]).numpy()
    own = np.full((len(aux), real.shape[1]), np.nan, np.float32)
    own[fold.numpy()] = out_of_fold
    null = ridge.scores(held, ridge.weights(nulls[rest], probes.PENALTIES[best])).numpy() if nulls is not None else np.empty(0)
    return ridge.scores(held, fits[best]).numpy(), own, null


def _agreement(scores: Tensor, targets: Tensor) -> float:
    """Mean AUC over the targets."""
    found = [
        measure.auc(scores[:, i].numpy(), targets[:, i].numpy() > 0)
        for i in range(targets.shape[1])
        if (targets[:, i] > 0).any() and (targets[:, i] < 0).any()
    ]
    return float(np.mean(found)) if found else 0.5


def _guess(
    own: Scores, labels: NDArray[np.int8], task: NDArray[np.int8], scores: Scores, held_task: NDArray[np.int8]
) -> NDArray[np.int8]:
    """Yes or no from layer and task label: per task class, the threshold that reads the attacker's own faces best."""
    guess = np.zeros(len(scores), np.int8)
    for value in (0, 1):
        mine = (task == value) & ~np.isnan(own) & (labels >= 0)
        guess[held_task == value] = scores[held_task == value] > _threshold(own[mine], labels[mine])
    return guess


def _threshold(scores: Scores, labels: NDArray[np.int8]) -> float:
    """The cut of highest balanced accuracy (Youden 1950)."""
    if len(np.unique(labels)) < 2:
        return np.inf if not labels.any() else -np.inf
    order = np.argsort(scores)
    ranked = labels[order]
    below = np.cumsum(1 - ranked) / (1 - ranked).sum() - np.cumsum(ranked) / ranked.sum()
    return float(scores[order[int(below.argmax())]])


def _label_only(view: View, attribute: str) -> tuple[Scores, NDArray[np.int8]]:
    """What the task label alone suggests: the attribute's share among the attacker's own faces of that label."""
    labels = view.aux_labels[attribute]
    share = [labels[(view.aux_task == v) & (labels >= 0)].mean() for v in (0, 1)]
    scores = np.where(view.held_task == 1, share[1], share[0]).astype(np.float32)
    return scores, (scores >= max(share)).astype(np.int8)


def _near(held: Tensor, seed: int) -> NDArray[np.int64]:
    return neighbours(principal(held, seed), 60)[0]


def judge(claim: Claim, faces: Faces, view_rows: NDArray[np.int64], attack: LayerLadder, seconds: float = 0.0) -> Report:
    """The only reader of the held faces' attributes."""
    names = tuple(claim.label_only)
    layers = tuple(claim.near)
    person = faces.person[view_rows]
    rng = np.random.default_rng([attack.seed, 12])
    rungs = tuple(
        _rung(layer, a, claim, faces.target(a)[view_rows], person, faces.task.codes[view_rows], rng)
        for a in names
        for layer in layers
    )
    known = {a: faces.target(a) != UNKNOWN for a in names}
    correlation = {
        a: measure.cramers_v(faces.task.codes[known[a]], faces.target(a)[known[a]], faces.person[known[a]]) for a in names
    }
    return Report(layers, names, rungs, correlation, attack.seed, seconds)


def _rung(
    layer: str, attribute: str, claim: Claim, truth: NDArray[np.int8], person: NDArray[np.int64],
    task: NDArray[np.int8], rng: np.random.Generator,
) -> Rung:  # fmt: skip
    known = truth != UNKNOWN
    yes, who = truth[known] == 1, person[known]
    if yes.all() or not yes.any():
        raise BadInput(f"test faces with and without {attribute}", "one kind only", "Choose another attribute or seed.")
    reading = claim.readings[layer, attribute]
    gain = measure.paired_auc_gain(reading.few_shot[:, known], reading.few_shot_control[:, known], yes, who)
    lift, lift_gain = _lift(claim.near[layer], claim.near_control[layer], truth, person)
    return Rung(
        layer=layer, attribute=attribute, positives=int(yes.sum()), bearers=len(np.unique(who[yes])), people=len(np.unique(who)),
        auc=measure.auc_with_interval(reading.scores[known], yes, who),
        random_init=measure.auc_with_interval(reading.control[known], yes, who),
        null=_null(reading.null[:, known], yes, who, rng),
        label_only=float(measure.auc(claim.label_only[attribute][known], yes)),
        few_shot=float(measure.auc(reading.few_shot[:, known], yes).mean()),
        few_shot_random_init=float(measure.auc(reading.few_shot_control[:, known], yes).mean()),
        few_shot_gain=gain, lift=lift[0], lift_random_init=lift[1], lift_gain=lift_gain,
        gain=_least_privilege_gain(reading.guess[known], claim.label_guess[attribute][known], yes),
    )  # fmt: skip


def _null(scores: Scores, yes: NDArray[np.bool_], person: NDArray[np.int64], rng: np.random.Generator) -> Estimate:
    """Mean and central 95% of the AUC when labels mean nothing: probe and truth both shifted along the people."""
    order = np.argsort(person, kind="stable")
    values = []
    for row in scores:
        shifted = np.empty_like(yes)
        shifted[order] = np.roll(yes[order], rng.integers(1, len(order)))
        values.append(float(measure.auc(row, shifted)))
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(np.mean(values)), float(low), float(high), len(values))


def _lift(
    near: NDArray[np.int64], control: NDArray[np.int64], truth: NDArray[np.int8], person: NDArray[np.int64], k: int = 15
) -> tuple[tuple[float, float], Estimate]:
    """Share of the attribute among the k nearest other people of its bearers, over its base rate: trained, control, gain."""
    bearers = np.flatnonzero(truth == 1)
    base = (truth == 1).sum() / (truth != UNKNOWN).sum()
    shares = [_share(table[bearers], bearers, truth, person, k) / base for table in (near, control)]
    return (float(shares[0].mean()), float(shares[1].mean())), measure.cluster_mean(shares[0] - shares[1], person[bearers])


def _share(
    near: NDArray[np.int64], bearers: NDArray[np.int64], truth: NDArray[np.int8], person: NDArray[np.int64], k: int
) -> NDArray[np.float64]:
    allowed = (person[near] != person[bearers][:, None]) & (truth[near] != UNKNOWN)
    allowed &= np.cumsum(allowed, axis=1) <= k
    return np.asarray((allowed & (truth[near] == 1)).sum(1) / np.maximum(allowed.sum(1), 1))


def _least_privilege_gain(guess: NDArray[np.int8], label_guess: NDArray[np.int8], yes: NDArray[np.bool_]) -> float:
    """log Pr[S = guess(Z, Y)] - log Pr[S = guess(Y)] in nats, both classes of S weighted alike (Stadler et al., eq. 3)."""
    with_layer, alone = (measure.balanced_accuracy(g, yes.astype(np.int8)) for g in (guess, label_guess))
    return float(np.log(max(with_layer, 1e-9)) - np.log(max(alone, 0.5)))


NEGLIGIBLE = 0.01
"""A gain in AUC smaller than this counts as none, however narrow its interval."""


def verdict(rung: Rung) -> str:
    """One of four words, taken from the intervals."""
    if rung.auc.low <= rung.null.high:
        return "not told from chance"
    if rung.few_shot_gain.low > 0 and rung.few_shot_gain.value > NEGLIGIBLE:
        return "made easier to read"
    if rung.few_shot_gain.high < 0 and rung.few_shot_gain.value < -NEGLIGIBLE:
        return "being forgotten"
    return "merely kept"


def analyse(target: Target, faces: Faces, attributes: Sequence[str], attack: LayerLadder) -> Generator[Step, None, Report]:
    """Stage, attack and judge in one run."""
    started = now()
    yield Step(0, 6, "reading activations")
    view = stage(target, faces, attributes)
    claim = yield from attack.run(view)
    report = judge(claim, faces, view.held_rows, attack)
    seconds = now() - started
    return Report(report.layers, report.attributes, report.rungs, report.correlation, report.seed, seconds)
