"""Membership inference: was this record in the training set?

Sources: Shokri et al. (S&P 2017); Yeom et al. (CSF 2018); Song & Mittal (USENIX Security 2021); Carlini et al. (S&P
2022, LiRA); Zarifzadeh et al. (ICML 2024, RMIA); Bertran et al. (NeurIPS 2023); Choquette-Choo et al. (ICML 2021).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlleak_core import measure
from mlleak_core.target.blackbox import LEAST_PROBABILITY, BlackBox, Reveal, revealed, softmax
from mlleak_core.contract import BadInput, Card, Range, Settings, Step
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.measure import Estimate, Roc

CARD = Card(
    slug="membership",
    order=2,
    title="Membership",
    icon=":material/how_to_reg:",
    question="Was this record in the training set?",
    papers=("Shokri et al., S&P 2017", "Carlini et al., S&P 2022", "Zarifzadeh et al., ICML 2024"),
)

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FEW_SHADOWS = 64
"""Below this many, LiRA pools its variances over all records (Carlini et al., section VI-A)."""
STAND_INS = 8
"""Own shadows that are attacked in the target's place, to learn how non-members score."""


@dataclass(frozen=True, eq=False)
class Refs:
    """The attacker's own shadows: logp [k, q, n, c] and z_logp [k, q, m, c], log probabilities; inside [k, n]."""

    logp: Floats
    z_logp: Floats
    inside: NDArray[np.bool_]

    def without(self, j: int) -> Refs:
        keep = np.arange(len(self.logp)) != j
        return Refs(self.logp[keep], self.z_logp[keep], self.inside[keep])


@dataclass(frozen=True, eq=False)
class View:
    """What the attacker sees: a service that answers, the records in question, own shadows, own population.

    x [n, ...], y [n]: the records; z_x [m, ...], z_y [m]: records of the same kind that no model was trained on.
    trace [e, n]: each record's loss after each epoch, for the training side's own risk score alone; a black box has none.
    """

    box: BlackBox
    x: NDArray[Any]
    y: Rows
    z_x: NDArray[Any]
    z_y: Rows
    refs: Refs
    trace: Floats | None = None


@dataclass(frozen=True, eq=False)
class Claim:
    """scores [n]: higher = more likely a member. p_values [n] of not being one, or None. queries: what it cost."""

    scores: Floats
    p_values: Floats | None
    queries: int


@dataclass(frozen=True, eq=False)
class Report:
    """The judge's finding of one attack. tpr_* is None where so few non-members cannot support the claim."""

    attack: str
    auc: Estimate
    tpr_1pct: Estimate | None
    tpr_01pct: Estimate | None
    advantage: float
    roc: Roc
    shuffled: Estimate
    untrained: Estimate | None
    blind: Estimate
    named: NDArray[np.bool_]
    named_members: Estimate | None
    n_members: int
    n_nonmembers: int
    queries: int

    def row(self) -> dict[str, Any]:
        """The flat form that the command line prints."""
        return {
            "attack": self.attack, "auc": self.auc.value, "auc_low": self.auc.low, "auc_high": self.auc.high,
            "tpr_at_1pct": _value(self.tpr_1pct), "tpr_at_1pct_interval": _interval(self.tpr_1pct),
            "tpr_at_0_1pct": _value(self.tpr_01pct), "tpr_at_0_1pct_interval": _interval(self.tpr_01pct),
            "advantage": self.advantage, "n_members": self.n_members, "n_nonmembers": self.n_nonmembers,
            "controls": {"shuffled_membership_auc": vars(self.shuffled), "untrained_target_auc": self.untrained and vars(self.untrained)},
            "blind_auc": self.blind.value, "blind_interval": _interval(self.blind), "queries": self.queries,
            "named": int(self.named.sum()), "named_members": self.named_members and vars(self.named_members), "verdict": verdict(self),
        }  # fmt: skip


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _interval(estimate: Estimate | None) -> list[float] | None:
    return [estimate.low, estimate.high] if estimate else None


def phi(logp: Floats, y: Rows) -> Floats:
    """log p_y - log(1 - p_y) of log probabilities [..., n, c]: [..., n] (Carlini et al., eq. 5)."""
    picked = log_true(logp, y)
    others = np.where(np.arange(logp.shape[-1]) == y[:, None], -np.inf, logp)
    return np.asarray(picked - special.logsumexp(others, axis=-1))


def log_true(logp: Floats, y: Rows) -> Floats:
    """log p_y: [..., n]."""
    return np.asarray(np.take_along_axis(logp, np.broadcast_to(y[:, None], (*logp.shape[:-1], 1)), -1)[..., 0])


def log_probabilities(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))


def stage(pool: Pool, fleet: Fleet, box: BlackBox, reveal: Reveal = "probabilities", trace: Floats | None = None) -> View:
    """Put the attacker before the service. Shadows are shown to him as the service would show them."""
    candidates, public = np.flatnonzero(~pool.public), np.flatnonzero(pool.public)
    k, q, n, c = fleet.logits.shape
    shown = log_probabilities(revealed(softmax(fleet.logits).reshape(-1, c), reveal)).reshape(k, q, n, c)
    refs = Refs(shown[:, :, candidates], shown[:, :, public], fleet.inside[:, candidates])
    kept = None if trace is None else trace[:, candidates]
    return View(box, pool.x[candidates], pool.y[candidates], pool.x[public], pool.y[public], refs, kept)


@dataclass(frozen=True, eq=False)
class Seen:
    """The target's answers: logp [q, n, c] to the records, z_logp [q, m, c] to the attacker's own population."""

    logp: Floats
    z_logp: Floats


class ScoreAttack(Settings):
    """An attack that turns answers into scores. Abstract: a subclass writes `score`.

    `views`: whether it also asks for mirror images. The p-values come from the attacker's own shadows, attacked in the
    target's place: he knows who was in them.
    """

    views: ClassVar[int] = 1
    needs_population: ClassVar[bool] = False
    null_from_shadows: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if self.needs_population and not len(view.z_y):
            raise BadInput(
                f"records that nobody trained on, for {type(self).__name__}", "none in this pool", "Use the leaky preset."
            )
        before = view.box.queries
        yield Step(0, 2, f"{type(self).__name__} asks")
        seen = self.ask(view)
        yield Step(1, 2, f"{type(self).__name__} scores")
        scores = self.score(seen, view.refs, view)
        queries = view.box.queries - before
        return Claim(scores, self.p_values(scores, view) if self.null_from_shadows else None, queries)

    def ask(self, view: View) -> Seen:
        q = min(self.views, view.refs.logp.shape[1])

        def answers(x: NDArray[Any]) -> Floats:
            turned = (x, x[..., ::-1])[:q]
            return np.stack([log_probabilities(view.box.ask(np.ascontiguousarray(t))) for t in turned])

        z = answers(view.z_x) if self.needs_population else np.empty((q, 0, view.refs.logp.shape[-1]))
        return Seen(answers(view.x), z)

    def p_values(self, scores: Floats, view: View) -> Floats | None:
        """The share of known non-members of own shadows that score as high (with the usual +1)."""
        k = len(view.refs.logp)
        if k < 3:
            return None
        null = []
        for j in range(min(k, STAND_INS)):
            stand_in = Seen(view.refs.logp[j, : self.views], view.refs.z_logp[j, : self.views])
            null.append(self.score(stand_in, view.refs.without(j), view)[~view.refs.inside[j]])
        pooled = np.sort(np.concatenate(null))
        above = len(pooled) - np.searchsorted(pooled, scores, side="left")
        return np.asarray((1 + above) / (1 + len(pooled)))


@final
@dataclass(frozen=True)
class LossThreshold(ScoreAttack):
    """Members have a lower loss (Yeom et al. 2018). Setting: black box, no shadows. Score: log p_y."""

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        return log_true(seen.logp[0], view.y)


@final
@dataclass(frozen=True)
class ModifiedEntropy(ScoreAttack):
    """Members are answered with less entropy about the true class (Song & Mittal 2021, eq. 7).

    Setting: black box; a threshold per class from the shadows, subtracted so that zero cuts every class alike.
    """

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = -modified_entropy(refs.logp[:, 0], view.y)
        scores = -modified_entropy(seen.logp[0], view.y)
        for c in np.unique(view.y):
            at = view.y == c
            scores[at] -= _best_cut(own[:, at].ravel(), refs.inside[:, at].ravel())
        return scores


def modified_entropy(logp: Floats, y: Rows) -> Floats:
    """-(1 - p_y) log p_y - sum_{i != y} p_i log(1 - p_i), of [..., n, c]."""
    p = np.exp(logp)
    rest = np.where(np.arange(p.shape[-1]) == y[:, None], 0.0, p * np.log(np.maximum(1 - p, LEAST_PROBABILITY)))
    return np.asarray(-(1 - np.exp(log_true(logp, y))) * log_true(logp, y) - rest.sum(-1))


def _best_cut(scores: Floats, inside: NDArray[np.bool_]) -> float:
    """The threshold of highest balanced accuracy on the attacker's own shadows."""
    if inside.all() or not inside.any():
        return float(np.median(scores))
    order = np.argsort(scores)
    members = inside[order]
    gap = np.cumsum(~members) / (~members).sum() - np.cumsum(members) / members.sum()
    return float(scores[order[int(gap.argmax())]])


@final
@dataclass(frozen=True)
class ShokriShadow(ScoreAttack):
    """An attack model per class on the whole output vector (Shokri et al. 2017, section V).

    Setting: black box, shadows with known membership. Logistic regression on the sorted log probabilities, log p_y and
    whether the answer was right; one for each class, so that classes that are learned less well are judged by themselves.
    """

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        own, target = _outputs(refs.logp[:, 0], view.y), _outputs(seen.logp[0], view.y)
        scores = np.zeros(len(view.y))
        for c in np.unique(view.y):
            at = view.y == c
            x, inside = own[:, at].reshape(-1, own.shape[-1]), refs.inside[:, at].ravel()
            if inside.all() or not inside.any():
                continue
            model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=200)).fit(x, inside)
            scores[at] = model.decision_function(target[at])
        return scores


def _outputs(logp: Floats, y: Rows) -> Floats:
    """What the attack model sees of an answer: the three largest log probabilities, log p_y, and whether it was right."""
    top = np.sort(logp, axis=-1)[..., ::-1][..., :3]
    right = (logp.argmax(-1) == y).astype(float)
    return np.concatenate([top, log_true(logp, y)[..., None], phi(logp, y)[..., None].clip(-30, 30), right[..., None]], axis=-1)


@final
@dataclass(frozen=True)
class LiRA(ScoreAttack):
    """The likelihood ratio attack, online or offline (Carlini et al. 2022, algorithm 1).

    Setting: black box, shadows. Per record, phi of the shadows that had it and of those that had not are two Gaussians;
    the score is the log ratio of their densities at the target's phi, summed over the record and its mirror image.
    Offline: how far above the second Gaussian. Below 64 shadows one variance is pooled from within-record residuals.
    """

    views: ClassVar[int] = 2
    online: Annotated[bool, "Use the shadows that had the record too; offline, only those that had not."] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        target, own = phi(seen.logp, view.y), phi(refs.logp[:, : len(seen.logp)], view.y)
        inside = refs.inside[:, None]
        out_mean, out_sd = _gaussian(own, ~inside)
        if not self.online:
            return np.asarray(special.log_ndtr((target - out_mean) / out_sd).sum(0))
        in_mean, in_sd = _gaussian(own, inside)
        ratio = _log_normal(target, in_mean, in_sd) - _log_normal(target, out_mean, out_sd)
        return np.asarray(ratio.sum(0))


def _gaussian(own: Floats, which: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Mean and deviation [q, n] over the shadows [k, q, n] picked by `which` [k, 1, n]; records without any get the others' mean."""
    count = np.maximum(which.sum(0), 1)
    picked = np.where(which, own, 0.0)
    mean = picked.sum(0) / count
    empty = ~np.broadcast_to(which.any(0), mean.shape)
    mean = np.where(empty, np.median(mean[~empty]) if (~empty).any() else 0.0, mean)
    residual = np.where(which, own - mean, 0.0)
    if len(own) >= FEW_SHADOWS:
        spread = np.sqrt((residual**2).sum(0) / np.maximum(count - 1, 1))
    else:  # one variance from residuals within each record; each record's own mean costs a degree of freedom
        freedom = np.maximum((which.sum(0) - 1).clip(0).sum(-1, keepdims=True), 1)
        spread = np.sqrt((residual**2).sum((0, 2))[:, None] / freedom)
    return mean, np.maximum(spread, 1e-6)


def _log_normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    return np.asarray(-0.5 * ((x - mean) / sd) ** 2 - np.log(sd))


@final
@dataclass(frozen=True)
class RMIA(ScoreAttack):
    """The robust attack (Zarifzadeh et al. 2024, eq. 3, offline form): beat how many population records by a factor gamma?

    Setting: black box, shadows that had not the record, a population z of known non-members. p(x) is the shadows' mean,
    corrected for their being OUT only: ((1 + a) / 2) mean_OUT + (1 - a) / 2.
    """

    needs_population: ClassVar[bool] = True
    gamma: Annotated[
        float, Range(1.0, 10.0, 0.5, "How many times as likely as a population record the record must have become.")
    ] = 1.0
    a: Annotated[float, Range(0.0, 1.0, 0.1, "Guessed line from OUT to average probability (offline correction).")] = 0.3

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own, z_own = np.exp(log_true(refs.logp[:, 0], view.y)), np.exp(log_true(refs.z_logp[:, 0], view.z_y))
        out = np.where(refs.inside, np.nan, own)
        some = (~refs.inside).any(0)
        mean = np.where(some, np.nanmean(np.where(some, out, 0.5), axis=0), own.mean(0))
        x_ratio = np.exp(log_true(seen.logp[0], view.y)) / ((1 + self.a) / 2 * mean + (1 - self.a) / 2)
        z_ratio = np.exp(log_true(seen.z_logp[0], view.z_y)) / ((1 + self.a) / 2 * z_own.mean(0) + (1 - self.a) / 2)
        beaten = np.searchsorted(np.sort(z_ratio), x_ratio / self.gamma, side="right") / len(z_ratio)
        return np.asarray(beaten + 1e-6 * x_ratio / (1 + x_ratio))  # ties of 1/|z| are broken by the ratio itself


@final
@dataclass(frozen=True)
class BASE(ScoreAttack):
    """log p_target(y|x) - log mean_k p_k(y|x): one line, strong with few references (Lassila et al. 2025).

    Setting: black box, any reference models, two suffice.
    """

    references: Annotated[int, Range(0, 256, 1, "How many shadows to use; 0 means all.")] = 0

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = log_true(refs.logp[: self.references or None, 0], view.y)
        return np.asarray(log_true(seen.logp[0], view.y) - special.logsumexp(own, axis=0) + np.log(len(own)))


@final
@dataclass(frozen=True)
class QuantileRegression(ScoreAttack):
    """Is phi higher than a non-member that looks like this would get? (Bertran et al. 2023)

    Setting: black box, no shadows; a regression on known non-members predicts from x the median and the 90th percentile
    of the target's phi. Score: phi above the median, in units of their distance. Targets are floats.
    """

    needs_population: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        from sklearn.ensemble import HistGradientBoostingRegressor

        features, z_features = _summaries(view.x, view.z_x, view.y, view.z_y)
        known = phi(seen.z_logp[0], view.z_y).astype(float)
        middle, high = (
            HistGradientBoostingRegressor(loss="quantile", quantile=level, max_iter=60, max_leaf_nodes=7, random_state=0)
            .fit(z_features, known).predict(features) for level in (0.5, 0.9)
        )  # fmt: skip
        return np.asarray((phi(seen.logp[0], view.y) - middle) / np.maximum(high - middle, np.std(known) / 10))


def _summaries(x: NDArray[Any], z_x: NDArray[Any], y: Rows, z_y: Rows, components: int = 16) -> tuple[Floats, Floats]:
    """Principal scores of the inputs and the class: what a regression on so few records can use."""
    from sklearn.decomposition import PCA

    flat, z_flat = (np.asarray(a, np.float32).reshape(len(a), -1) for a in (x, z_x))
    pca = PCA(min(components, *z_flat.shape), random_state=0, svd_solver="randomized").fit(z_flat)
    return np.column_stack([pca.transform(flat), y]), np.column_stack([pca.transform(z_flat), z_y])


@final
@dataclass(frozen=True)
class LabelOnly(ScoreAttack):
    """Members stay rightly classified under change (Choquette-Choo et al. 2021, data-augmentation attack).

    Setting: only labels. Score: how many of the changed copies (mirrored, shifted, with growing noise) get the right label.
    """

    null_from_shadows: ClassVar[bool] = False
    copies: Annotated[int, Range(2, 60, 2, "Changed copies asked for each record.")] = 18
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the noise.")] = 0

    def run(self, view: View) -> Generator[Step, None, Claim]:
        before, right = view.box.queries, np.zeros(len(view.y))
        for number, copy in enumerate(_changed(view.x, self.copies, np.random.default_rng([self.seed, 51]))):
            yield Step(number, self.copies, "LabelOnly asks")
            right += view.box.ask(copy).argmax(1) == view.y
        return Claim(right / self.copies, None, view.box.queries - before)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("label-only asks for changed copies, see run")


def _changed(x: NDArray[Any], copies: int, rng: np.random.Generator) -> Generator[NDArray[Any], None, None]:
    """Copies of all records, the first unchanged, then farther and farther from it."""
    binary = x.ndim == 2 and bool(np.isin(x, (0, 1)).all())
    for number in range(copies):
        strength = number / max(copies - 1, 1)
        if x.ndim == 4:
            turned = x[..., ::-1] if number % 2 else x
            shift = (
                tuple(int(v) for v in rng.integers(-1 - int(2 * strength), 2 + int(2 * strength), 2)) if number > 1 else (0, 0)
            )
            noise = rng.normal(0, 40 * strength, x.shape) if number > 1 else 0
            yield np.clip(np.roll(turned, shift, (2, 3)) + noise, 0, 255).astype(np.uint8)
        elif binary:
            yield np.where(rng.random(x.shape) < 0.15 * strength, 1 - x, x).astype(np.float32)
        else:
            yield (x + rng.normal(0, 1.0 * strength, x.shape)).astype(np.float32)


@final
@dataclass(frozen=True)
class LtIqr(ScoreAttack):
    """How much a record's loss moved while it was trained on: a risk score for the training side (LT-IQR, 2024).

    Setting: the trainer's own logs, no shadows, no queries. Score: the interquartile range of the loss over the epochs,
    small for records that were easy from the start. It says who is at risk, and only for records that were trained on.
    """

    null_from_shadows: ClassVar[bool] = False

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if view.trace is None:
            raise BadInput("losses logged by the training side, for LtIqr", "a black box", "Run it where the model was trained.")
        yield Step(0, 1, "LtIqr reads the log")
        low, high = np.quantile(view.trace, [0.25, 0.75], axis=0)
        return Claim(np.asarray(high - low), None, 0)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("LT-IQR reads the training log, see run")


ATTACKS: dict[str, ScoreAttack] = {
    "lira": LiRA(), "lira-offline": LiRA(online=False), "rmia": RMIA(), "base": BASE(), "base-2": BASE(references=2), "shokri": ShokriShadow(),
    "quantile": QuantileRegression(), "entropy": ModifiedEntropy(), "loss": LossThreshold(), "label-only": LabelOnly(),
}  # fmt: skip
"""The configured attacks, strongest first. LtIqr stands apart: it is the trainer's risk score, not an attack."""

TITLES = {
    "lira": "LiRA", "lira-offline": "LiRA, offline", "rmia": "RMIA", "base": "BASE", "base-2": "BASE, two references",
    "shokri": "Shokri's shadow attack", "quantile": "Quantile regression", "entropy": "Modified entropy", "loss": "Loss threshold",
    "label-only": "Label-only",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Truth:
    """What only the judge may read: member [n], person [n], and the blind baseline's AUC, which is found from the truth."""

    member: NDArray[np.bool_]
    person: NDArray[Any]
    blind: Estimate


def truth_of(view_x: NDArray[Any], view_y: Rows, member: NDArray[np.bool_], person: NDArray[Any]) -> Truth:
    """Seal the truth, with the blind baseline measured on it."""
    return Truth(member, person, blind_baseline(view_x, view_y, member, person))


def blind_baseline(x: NDArray[Any], y: Rows, member: NDArray[np.bool_], person: NDArray[Any]) -> Estimate:
    """A classifier that never queries the model: AUC of membership from the records alone, cross-fitted over people.

    If it beats chance, members and non-members differ in distribution and every attack's result is void.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = _summaries(x, x, y, y, 30)[0]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    # Members stand in whole people, so folds must, too.
    said = cross_val_predict(
        model, features, member, groups=person, cv=GroupKFold(5, shuffle=True, random_state=0), method="decision_function"
    )
    return measure.auc_with_interval(said, member, person)


def judge(name: str, claim: Claim, truth: Truth, untrained: Claim | None = None, fdr: float = 0.1, seed: int = 0) -> Report:
    """The only reader of the truth. `untrained` is the same attack on a model that never saw anybody."""
    member = truth.member
    shuffled = np.random.default_rng([seed, 61]).permutation(member)
    named = measure.benjamini_hochberg(claim.p_values, fdr) if claim.p_values is not None else np.zeros(len(member), bool)
    return Report(
        attack=name,
        auc=measure.auc_with_interval(claim.scores, member, truth.person),
        tpr_1pct=measure.tpr_at_fpr(claim.scores, member, 0.01),
        tpr_01pct=measure.tpr_at_fpr(claim.scores, member, 0.001),
        advantage=measure.advantage(claim.scores, member),
        roc=measure.roc(claim.scores, member),
        shuffled=measure.auc_with_interval(claim.scores, shuffled, truth.person),
        untrained=measure.auc_with_interval(untrained.scores, member, truth.person) if untrained else None,
        blind=truth.blind,
        named=named,
        named_members=measure.proportion(int(member[named].sum()), int(named.sum())) if named.any() else None,
        n_members=int(member.sum()), n_nonmembers=int((~member).sum()), queries=claim.queries,
    )  # fmt: skip


def verdict(report: Report) -> str:
    """One sentence, taken from the intervals."""
    if report.blind.low > 0.5:
        return "void: members can be told apart without asking the model at all"
    if report.auc.low <= 0.5:
        return "no better than guessing"
    low = report.tpr_1pct
    if low is not None and low.low > 0.01:
        return f"leaks: names {low.value:.1%} of the members at 1% false alarms"
    return "leaks on average, but names nobody with confidence"
