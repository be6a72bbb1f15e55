"""What a membership attacker sees, and the attacks: was this record in the training set? Light: no torch.

Sources: Shokri et al. (S&P 2017); Yeom et al. (CSF 2018); Song & Mittal (USENIX Security 2021); Carlini et
al. (S&P 2022, LiRA); Zarifzadeh et al. (ICML 2024, RMIA); Bertran et al. (NeurIPS 2023); Choquette-Choo et
al. (ICML 2021); Lassila et al. (2025, BASE); He et al. (CCS 2024, RAPID); BaVarIA (2026); PMIA (NDSS 2026).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mlleak_core.contract import BadInput, Range, Step
from mlleak_core.defences.on_output import revealed
from mlleak_core.seeds import stream
from mlleak_core.target.blackbox import LEAST_PROBABILITY, BlackBox, softmax
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.kinds import Kind, of_inputs
from mlleak_core.threat import Attack

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FEW_SHADOWS = 64
"""Below this many, LiRA pools its variances over all records (Carlini et al., section VI-A)."""
EARLY = 0.1
"""False positives up to which an attacker looks when he chooses his constants."""
TEMPERATURES = (2.0, 1.0, 3.0, 4.0, 6.0)
"""Temperatures that are tried, the usual one first."""
KAPPAS, ALPHAS = (0.3, 1.0, 3.0), (8.0, 2.0)
"""Prior weights that BaVarIA tries, the usual ones first."""
PROXIES = 60
"""Records, about, from which PMIA borrows."""
STAND_INS = 8
"""Own shadows that are attacked in the target's place, to learn how non-members score."""


@dataclass(frozen=True, eq=False)
class Refs:
    """The attacker's own shadows: logp [k, q, n, c] and z_logp [k, q, m, c], log probabilities; inside
    [k, n].

    q: the record itself and, for pictures, its mirror image.
    """

    logp: Floats
    z_logp: Floats
    inside: NDArray[np.bool_]

    def without(self, j: int) -> Refs:
        keep = np.arange(len(self.logp)) != j
        return Refs(self.logp[keep], self.z_logp[keep], self.inside[keep])


@dataclass(frozen=True, eq=False)
class View:
    """What the attacker sees: a service that answers, the records in question, own shadows, own population.

    x [n, ...], y [n]: the records; z_x [m, ...], z_y [m]: records of the same kind that no model was trained
    on. trace [e, n]: each record's loss after each epoch, for the training side's own risk score alone; a
    black box has none. named: whether he wants p-values, to name records.
    """

    box: BlackBox
    x: NDArray[Any]
    y: Rows
    z_x: NDArray[Any]
    z_y: Rows
    refs: Refs
    trace: Floats | None = None
    named: bool = True

    @property
    def kind(self) -> Kind:
        return of_inputs(self.x)


@dataclass(frozen=True, eq=False)
class Claim:
    """scores [n]: higher = more likely a member. p_values [n] of not being one, or None. queries: what it
    cost.
    """

    scores: Floats
    p_values: Floats | None
    queries: int


@dataclass(frozen=True, eq=False)
class Seen:
    """The target's answers: logp [q, n, c] to the records, z_logp [q, m, c] to the attacker's own
    population.
    """

    logp: Floats
    z_logp: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Answers:
    """All there is of a model that is not here: y [n]; true [n], log p_y up to a constant; logp [n, c], or
    None.
    """

    y: Rows
    true: Floats
    logp: Floats | None


TEMPERED = Range(0.0, 10.0, 0.5, "What logits are divided by; 0 means as does best on own shadows.")


def phi(logp: Floats, y: Rows) -> Floats:
    """log p_y - log(1 - p_y) of log probabilities [..., n, c]: [..., n] (Carlini et al., eq. 5)."""
    picked = log_true(logp, y)
    others = np.where(np.arange(logp.shape[-1]) == y[:, None], -np.inf, logp)
    return np.asarray(picked - special.logsumexp(others, axis=-1))


def log_true(logp: Floats, y: Rows) -> Floats:
    """log p_y: [..., n]."""
    at = np.broadcast_to(y[:, None], (*logp.shape[:-1], 1))
    return np.asarray(np.take_along_axis(logp, at, -1)[..., 0])


def log_probabilities(probabilities: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))


def stage(
    pool: Pool,
    fleet: Fleet,
    box: BlackBox,
    reveal: str = "probabilities",
    trace: Floats | None = None,
    views: int = 2,
) -> View:
    """Put the attacker before the service. Shadows are shown to him as the service would show them.

    views: in how many ways he looks at a record; its mirror image tells something only of models that saw it.
    """
    own, public = pool.candidates, np.flatnonzero(pool.public)
    logits = fleet.logits[:, :views]
    k, q, n, c = logits.shape
    shown = log_probabilities(revealed(softmax(logits).reshape(-1, c), reveal)).reshape(k, q, n, c)
    return View(
        box=box,
        x=pool.x[own],
        y=pool.y[own],
        z_x=pool.x[public],
        z_y=pool.y[public],
        refs=Refs(shown[:, :, own], shown[:, :, public], fleet.inside[:, own]),
        trace=None if trace is None else trace[:, own],
    )


class ScoreAttack(Attack):
    """An attack that turns answers into scores. Abstract: a subclass writes `score`.

    views: in how many ways it asks for a record, for pictures also mirrored. needs_shadows: without them it
    says something else. quick: judged again and again while shadows come in. The p-values come from the
    attacker's own shadows, attacked in the target's place: he knows who was in them.
    """

    views: ClassVar[int] = 1
    needs_population: ClassVar[bool] = False
    needs_shadows: ClassVar[bool] = True
    null_from_shadows: ClassVar[bool] = True
    quick: ClassVar[bool] = False

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        """Higher = more likely a member, [n]."""
        raise NotImplementedError

    def alone(self, answers: Answers) -> Floats:
        """Scores [n] from answers alone: no shadows, nobody to ask. Raises BadInput where that is not
        enough.
        """
        needs = f"a model to train shadows for and to ask, for {self.title}"
        raise BadInput(needs, "a table of answers", "Attack the model itself.")

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if self.needs_population and not len(view.z_y):
            needs = f"records that nobody trained on, for {self.title}"
            raise BadInput(needs, "none in this pool", "Use the leaky preset.")
        before = view.box.queries
        yield Step(0, 2, f"{self.title} asks")
        seen = self.ask(view)
        yield Step(1, 2, f"{self.title} scores")
        best = self.tuned(view)
        scores = best.score(seen, view.refs, view)
        queries = view.box.queries - before
        wanted = view.named and self.null_from_shadows
        return Claim(scores, best.p_values(scores, view) if wanted else None, queries)

    def ask(self, view: View) -> Seen:
        q = min(self.views, view.refs.logp.shape[1])

        def answers(x: NDArray[Any]) -> Floats:
            shown = (np.ascontiguousarray(v) for v in view.kind.views(x)[:q])
            return np.stack([log_probabilities(view.box.ask(v)) for v in shown])

        z = answers(view.z_x) if self.needs_population else np.empty((q, 0, view.refs.logp.shape[-1]))
        return Seen(answers(view.x), z)

    def candidates(self) -> tuple[Self, ...]:
        """The constants that it may take, the usual ones first."""
        return (self,)

    def tuned(self, view: View) -> Self:
        """With the constants that do best against own shadows in the target's place: the target is not
        asked.
        """
        tried = self.candidates()
        if len(tried) == 1 or len(view.refs.logp) < 3:
            return tried[0]
        return max(tried, key=lambda attack: attack.strength(view))

    def strength(self, view: View) -> float:
        """Mean over the stand-ins of the AUC of those records that most look like members."""
        return float(np.mean([_early_auc(scores, inside) for scores, inside in self._posing(view)]))

    def _posing(self, view: View) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
        """Scores and membership [n] of own shadows, each attacked with the others."""
        refs = view.refs
        for j in range(min(len(refs.logp), STAND_INS)):
            stand_in = Seen(refs.logp[j, : self.views], refs.z_logp[j, : self.views])
            yield self.score(stand_in, refs.without(j), view), refs.inside[j]

    def p_values(self, scores: Floats, view: View) -> Floats | None:
        """The share of known non-members of own shadows that score as high (with the usual +1), [n]."""
        if len(view.refs.logp) < 3:
            return None
        pooled = np.sort(np.concatenate([said[~inside] for said, inside in self._posing(view)]))
        above = len(pooled) - np.searchsorted(pooled, scores, side="left")
        return np.asarray((1 + above) / (1 + len(pooled)))


def _early_auc(scores: Floats, inside: NDArray[np.bool_]) -> float:
    """The area under the ROC up to EARLY false positives, over the chance level (McClish 1989)."""
    from sklearn.metrics import roc_auc_score

    if inside.all() or not inside.any():
        return 0.5
    return float(roc_auc_score(inside, scores, max_fpr=EARLY))


def tempered(logp: Floats, temperature: float) -> Floats:
    """log probabilities [..., c] as if the logits had been divided by the temperature (Guo et al. 2017)."""
    return np.asarray(special.log_softmax(logp / temperature, axis=-1))


@final
@dataclass(frozen=True)
class LossThreshold(ScoreAttack):
    """Members have a lower loss (Yeom et al. 2018). Setting: black box, no shadows. Score: log p_y."""

    slug: ClassVar[str] = "loss"
    title: ClassVar[str] = "Loss threshold"
    why: ClassVar[str] = "looks at the confidence alone: easy faces look like members"
    colour: ClassVar[str] = "#009E73"
    needs_shadows: ClassVar[bool] = False
    quick: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        return log_true(seen.logp[0], view.y)

    def alone(self, answers: Answers) -> Floats:
        return answers.true


@final
@dataclass(frozen=True)
class ModifiedEntropy(ScoreAttack):
    """Members are answered with less entropy about the true class (Song & Mittal 2021, eq. 7).

    Setting: black box; a threshold per class from the shadows, subtracted so that zero cuts every class
    alike.
    """

    slug: ClassVar[str] = "entropy"
    title: ClassVar[str] = "Modified entropy"
    why: ClassVar[str] = "looks at how undecided the answer is"
    colour: ClassVar[str] = "#8C8C8C"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = -modified_entropy(refs.logp[:, 0], view.y)
        scores = -modified_entropy(seen.logp[0], view.y)
        for c in np.unique(view.y):
            at = view.y == c
            scores[at] -= _best_cut(own[:, at].ravel(), refs.inside[:, at].ravel())
        return scores

    def alone(self, answers: Answers) -> Floats:
        """One threshold for all classes."""
        if answers.logp is None:
            raise BadInput(f"logits, for {self.title}", "losses alone", "Give columns logit_0, logit_1, …")
        return -modified_entropy(answers.logp, answers.y)


def modified_entropy(logp: Floats, y: Rows) -> Floats:
    """-(1 - p_y) log p_y - sum_{i != y} p_i log(1 - p_i), of [..., n, c]."""
    p = np.exp(logp)
    own = np.arange(p.shape[-1]) == y[:, None]
    rest = np.where(own, 0.0, p * np.log(np.maximum(1 - p, LEAST_PROBABILITY)))
    true = log_true(logp, y)
    return np.asarray(-(1 - np.exp(true)) * true - rest.sum(-1))


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

    Setting: black box, shadows with known membership. Logistic regression on the sorted log probabilities,
    log p_y and whether the answer was right; one for each class, so that classes that are learned less well
    are judged by themselves.
    """

    slug: ClassVar[str] = "shokri"
    title: ClassVar[str] = "Shokri's shadow attack"
    why: ClassVar[str] = "learned from shadows what answers to members look like"
    colour: ClassVar[str] = "#E69F00"

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
    """What the attack model sees of an answer: the three largest log probabilities, log p_y, its log odds,
    and whether it was right.
    """
    top = np.sort(logp, axis=-1)[..., ::-1][..., :3]
    right = (logp.argmax(-1) == y).astype(float)
    odds = phi(logp, y).clip(-30, 30)
    more = (part[..., None] for part in (log_true(logp, y), odds, right))
    return np.concatenate([top, *more], axis=-1)


@final
@dataclass(frozen=True)
class LiRA(ScoreAttack):
    """The likelihood ratio attack, online or offline (Carlini et al. 2022, algorithm 1).

    Setting: black box, shadows. Per record, phi of the shadows that had it and of those that had not are two
    Gaussians; the score is the log ratio of their densities at the target's phi, summed over the record and
    its mirror image. Offline: how far above the second Gaussian. Below 64 shadows one variance is pooled from
    within-record residuals.
    """

    views: ClassVar[int] = 2
    online: Annotated[bool, "Use the shadows that had the record too; offline, only those that had not."] = (
        True
    )

    @property
    def slug(self) -> str:  # type: ignore[override]
        return "lira" if self.online else "lira-offline"

    @property
    def title(self) -> str:  # type: ignore[override]
        return "LiRA" if self.online else "LiRA, offline"

    @property
    def why(self) -> str:  # type: ignore[override]
        both = "compares with shadows that had it and shadows that had not"
        return both if self.online else "compares with shadows that had not, only"

    @property
    def colour(self) -> str:  # type: ignore[override]
        return "#D55E00" if self.online else "#A0522D"

    @property
    def quick(self) -> bool:  # type: ignore[override]
        return self.online

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
    """Mean and deviation [q, n] over the shadows [k, q, n] picked by `which` [k, 1, n]; records without any
    get the others' mean.
    """
    count = np.maximum(which.sum(0), 1)
    picked = np.where(which, own, 0.0)
    mean = picked.sum(0) / count
    empty = ~np.broadcast_to(which.any(0), mean.shape)
    mean = np.where(empty, np.median(mean[~empty]) if (~empty).any() else 0.0, mean)
    residual = np.where(which, own - mean, 0.0)
    if len(own) >= FEW_SHADOWS:
        spread = np.sqrt((residual**2).sum(0) / np.maximum(count - 1, 1))
    else:  # one variance from residuals within each record; its own mean costs a degree of freedom
        freedom = np.maximum((which.sum(0) - 1).clip(0).sum(-1, keepdims=True), 1)
        spread = np.sqrt((residual**2).sum((0, 2))[:, None] / freedom)
    return mean, np.maximum(spread, 1e-6)


def _log_normal(x: Floats, mean: Floats, sd: Floats) -> Floats:
    return np.asarray(-0.5 * ((x - mean) / sd) ** 2 - np.log(sd))


@final
@dataclass(frozen=True)
class BaVarIA(ScoreAttack):
    """LiRA with a posterior for every record's Gaussians in place of pooled variances (BaVarIA, 2026).

    Setting: black box, shadows; gains most with few of them. Per record and world, a normal-inverse-gamma
    prior, its centre and scale from all records, meets the shadows' phi; the predictive law is Student's t,
    and the score the log ratio of the two densities at the target's phi (Murphy 2007, section 3).
    """

    slug: ClassVar[str] = "bavaria"
    title: ClassVar[str] = "BaVarIA"
    why: ClassVar[str] = "weighs what shadows say of it against what they say of all"
    colour: ClassVar[str] = "#AA4499"
    kappa: Annotated[
        float,
        Range(0.0, 20.0, 0.1, "Shadows that the prior mean is worth; 0 means as does best on own ones."),
    ] = 0.0
    alpha: Annotated[
        float, Range(0.0, 50.0, 0.5, "Half the shadows that the prior variance is worth; 0: as does best.")
    ] = 0.0

    def candidates(self) -> tuple[Self, ...]:
        kappas, alphas = (KAPPAS, ALPHAS)
        return tuple(
            replace(self, kappa=kappa, alpha=alpha)
            for kappa in ((self.kappa,) if self.kappa else kappas)
            for alpha in ((self.alpha,) if self.alpha else alphas)
        )

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        kappa, alpha = self.kappa or KAPPAS[0], self.alpha or ALPHAS[0]
        target, own = phi(seen.logp[0], view.y), phi(refs.logp[:, 0], view.y)
        had, not_had = (
            _predictive(target, own, which, kappa, alpha) for which in (refs.inside, ~refs.inside)
        )
        return had - not_had


def _predictive(x: Floats, own: Floats, which: NDArray[np.bool_], kappa: float, alpha: float) -> Floats:
    """log density at x [n] of the predictive Student t, from own [k, n] where `which` [k, n]."""
    n = which.sum(0)
    total = np.where(which, own, 0.0).sum(0)
    mean = total / np.maximum(n, 1)
    squares = np.where(which, (own - mean) ** 2, 0.0).sum(0)
    centre = float(mean[n > 0].mean()) if n.any() else 0.0
    spread = max(float(squares.sum() / max((n - 1).clip(0).sum(), 1)), 1e-12)
    located = (kappa * centre + total) / (kappa + n)
    shape = alpha + n / 2
    rate = alpha * spread + squares / 2 + kappa * n * (mean - centre) ** 2 / (2 * (kappa + n))
    scale = np.sqrt(rate * (kappa + n + 1) / (shape * (kappa + n)))
    z = (x - located) / scale
    tail = -(2 * shape + 1) / 2 * np.log1p(z**2 / (2 * shape))
    return np.asarray(
        special.gammaln(shape + 0.5) - special.gammaln(shape) - np.log(shape) / 2 - np.log(scale) + tail
    )


@final
@dataclass(frozen=True)
class PMIA(ScoreAttack):
    """Offline LiRA that borrows what members look like from records of its own (PMIA, NDSS 2026).

    Setting: black box, shadows that had not the record. Gaussians of phi: OUT from these shadows; IN from the
    attacker's records that such shadows find as hard, by the shadows that had those. Score: the log ratio of
    their densities.
    """

    slug: ClassVar[str] = "pmia"
    title: ClassVar[str] = "PMIA"
    why: ClassVar[str] = "compares with shadows that had not, and with members as hard as this"
    colour: ClassVar[str] = "#999933"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        target, own = phi(seen.logp[0], view.y), phi(refs.logp[:, 0], view.y)
        out_mean, out_sd = _gaussian(own[:, None], ~refs.inside[:, None])
        in_mean, in_sd = _borrowed(out_mean[0], own, refs.inside)
        return _log_normal(target, in_mean, in_sd) - _log_normal(target, out_mean[0], out_sd[0])


def _borrowed(hard: Floats, own: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Median and deviation of phi inside, both [n], over the PROXIES records nearest in `hard` [n]."""
    order = np.argsort(hard, kind="stable")
    n, middle, spread = len(hard), np.zeros(len(hard)), np.ones(len(hard))
    for block in np.array_split(np.arange(n), max(n // (PROXIES // 2), 1)):
        near = order[max(0, block[0] - PROXIES // 4) : block[-1] + PROXIES // 4 + 1]
        said = own[:, near][inside[:, near]]
        if len(said) > 1:
            middle[order[block]], spread[order[block]] = np.median(said), max(float(said.std()), 1e-6)
    return middle, spread


@final
@dataclass(frozen=True)
class RAPID(ScoreAttack):
    """An attack model on a score and its calibrations (He et al., CCS 2024), trained on own shadows.

    Setting: black box, shadows; each of them poses as the target before the others. What the model sees of a
    record: phi; its mean over the shadows that had it, and that had not, and their spread; BASE at three
    temperatures. Boosted trees in place of the authors' net.
    """

    slug: ClassVar[str] = "rapid"
    title: ClassVar[str] = "RAPID"
    why: ClassVar[str] = "learned from own shadows how calibrated scores of members look"
    colour: ClassVar[str] = "#332288"

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        if len(refs.logp) < 2:
            return phi(seen.logp[0], view.y)
        model = _boosted(_of_posing(refs, view.y), refs.inside)
        return np.asarray(model.decision_function(_calibrations(seen.logp[0], refs, view.y)))


def _of_posing(refs: Refs, y: Rows) -> list[Floats]:
    """What RAPID sees of each shadow before the others."""
    return [_calibrations(refs.logp[j, 0], refs.without(j), y) for j in range(len(refs.logp))]


def _boosted(seen: list[Floats], inside: NDArray[np.bool_]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.06, max_leaf_nodes=12, l2_regularization=5.0, random_state=0
    )
    return model.fit(np.concatenate(seen), inside.ravel())


def _calibrations(logp: Floats, refs: Refs, y: Rows) -> Floats:
    """What RAPID sees of answers logp [n, c]: [n, 7]."""
    target, own = phi(logp, y), phi(refs.logp[:, 0], y)
    means = [_gaussian(own[:, None], which[:, None])[0][0] for which in (~refs.inside, refs.inside)]
    without = np.where(refs.inside, np.nan, own)
    some = (~refs.inside).sum(0) > 1
    spread = np.full(own.shape[1], own.std())
    spread[some] = np.nanstd(without[:, some], axis=0, ddof=1)
    base = (_over_the_mean(logp, refs.logp[:, 0], y, temperature) for temperature in (1.0, 2.0, 4.0))
    return np.column_stack([target, *means, spread, *base])


def _over_the_mean(logp: Floats, own: Floats, y: Rows, temperature: float) -> Floats:
    """log p_y [n] over the mean p_y of own [k, n, c], at a temperature."""
    usual = special.logsumexp(log_true(tempered(own, temperature), y), axis=0) - np.log(len(own))
    return np.asarray(log_true(tempered(logp, temperature), y) - usual)


@final
@dataclass(frozen=True)
class RMIA(ScoreAttack):
    """The robust attack (Zarifzadeh et al. 2024, eq. 3, offline form): beat how many population records by a
    factor gamma?

    Setting: black box, shadows that had not the record, a population z of known non-members. p(x) is the
    shadows' mean, corrected for their being OUT only: ((1 + a) / 2) mean_OUT + (1 - a) / 2.
    """

    slug: ClassVar[str] = "rmia"
    title: ClassVar[str] = "RMIA"
    why: ClassVar[str] = "asks how many outsiders it beats"
    colour: ClassVar[str] = "#CC79A7"
    needs_population: ClassVar[bool] = True
    gamma: Annotated[
        float,
        Range(1.0, 10.0, 0.5, "How many times as likely as a population record the record must have become."),
    ] = 1.0
    a: Annotated[
        float, Range(0.0, 1.0, 0.1, "Guessed line from OUT to average probability (offline correction).")
    ] = 0.3
    temperature: Annotated[float, TEMPERED] = 0.0

    def candidates(self) -> tuple[Self, ...]:
        return (self,) if self.temperature else tuple(replace(self, temperature=t) for t in TEMPERATURES)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        def said(logp: Floats, y: Rows) -> Floats:
            return np.exp(log_true(tempered(logp, self.temperature or 1.0), y))  # type: ignore[no-any-return]

        own = said(refs.logp[:, 0], view.y)
        out = np.where(refs.inside, np.nan, own)
        some = (~refs.inside).any(0)
        mean = np.where(some, np.nanmean(np.where(some, out, 0.5), axis=0), own.mean(0))
        z_mean = said(refs.z_logp[:, 0], view.z_y).mean(0)
        x_ratio = said(seen.logp[0], view.y) / self._usual(mean)
        z_ratio = said(seen.z_logp[0], view.z_y) / self._usual(z_mean)
        beaten = np.searchsorted(np.sort(z_ratio), x_ratio / self.gamma, side="right") / len(z_ratio)
        # Ties of 1/|z| are broken by the ratio itself.
        return np.asarray(beaten + 1e-6 * x_ratio / (1 + x_ratio))

    def _usual(self, out: Floats) -> Floats:
        """What models say on average, from what those say that had not the record."""
        return (1 + self.a) / 2 * out + (1 - self.a) / 2


@final
@dataclass(frozen=True)
class BASE(ScoreAttack):
    """log p_target(y|x) - log mean_k p_k(y|x): one line, strong with few references (Lassila et al. 2025).

    Setting: black box, any reference models, two suffice. Provably equivalent to RMIA (arXiv 2603.11799,
    2026): what parts the two is how they are tuned.
    """

    references: Annotated[int, Range(0, 256, 1, "How many shadows to use; 0 means all.")] = 0
    temperature: Annotated[float, TEMPERED] = 0.0

    @property
    def slug(self) -> str:  # type: ignore[override]
        return f"base-{self.references}" if self.references else "base"

    @property
    def title(self) -> str:  # type: ignore[override]
        few = {1: "one reference", 2: "two references"}.get(self.references, f"{self.references} references")
        return f"BASE, {few}" if self.references else "BASE"

    @property
    def why(self) -> str:  # type: ignore[override]
        few = {1: "one model", 2: "two models"}.get(self.references, f"{self.references} models")
        return f"the same, from {few}" if self.references else "takes off what any model would say"

    @property
    def colour(self) -> str:  # type: ignore[override]
        return "#56B4E9" if self.references else "#0072B2"

    @property
    def quick(self) -> bool:  # type: ignore[override]
        return not self.references

    def candidates(self) -> tuple[Self, ...]:
        return (self,) if self.temperature else tuple(replace(self, temperature=t) for t in TEMPERATURES)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        own = refs.logp[: self.references or None, 0]
        return _over_the_mean(seen.logp[0], own, view.y, self.temperature or 1.0)


@final
@dataclass(frozen=True)
class QuantileRegression(ScoreAttack):
    """Is phi higher than a non-member that looks like this would get? (Bertran et al. 2023)

    Setting: black box, no shadows; a regression on known non-members predicts from x the median and the 90th
    percentile of the target's phi. Score: phi above the median, in units of their distance. Targets are
    floats.
    """

    slug: ClassVar[str] = "quantile"
    title: ClassVar[str] = "Quantile regression"
    why: ClassVar[str] = "compares with outsiders that look like it"
    colour: ClassVar[str] = "#5F4B8B"
    needs_population: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        from sklearn.ensemble import HistGradientBoostingRegressor

        features, z_features = summaries(view.x, view.z_x, view.y, view.z_y)
        known = phi(seen.z_logp[0], view.z_y).astype(float)

        def predicted(level: float) -> Floats:
            model = HistGradientBoostingRegressor(
                loss="quantile", quantile=level, max_iter=60, max_leaf_nodes=7, random_state=0
            )
            return np.asarray(model.fit(z_features, known).predict(features))

        middle, high = predicted(0.5), predicted(0.9)
        above = phi(seen.logp[0], view.y) - middle
        return np.asarray(above / np.maximum(high - middle, np.std(known) / 10))


def summaries(
    x: NDArray[Any], z_x: NDArray[Any], y: Rows, z_y: Rows, components: int = 16
) -> tuple[Floats, Floats]:
    """Principal scores of the inputs and the class, [n, ...] and [m, ...]: what a regression on so few
    records can use. The components are those of z_x; where all of them are alike, the class alone is left.
    """
    from sklearn.decomposition import PCA

    flat, z_flat = (np.asarray(a, np.float32).reshape(len(a), -1) for a in (x, z_x))
    if not np.ptp(z_flat, 0).any():
        return np.asarray(y, float)[:, None], np.asarray(z_y, float)[:, None]
    pca = PCA(min(components, *z_flat.shape), random_state=0, svd_solver="randomized").fit(z_flat)
    return np.column_stack([pca.transform(flat), y]), np.column_stack([pca.transform(z_flat), z_y])


@final
@dataclass(frozen=True)
class LabelOnly(ScoreAttack):
    """Members stay rightly classified under change (Choquette-Choo et al. 2021, data-augmentation attack).

    Setting: only labels. Score: how many of the changed copies (mirrored, shifted, with growing noise) get
    the right label.
    """

    slug: ClassVar[str] = "label-only"
    title: ClassVar[str] = "Label-only"
    why: ClassVar[str] = "counts how many changed copies stay right"
    colour: ClassVar[str] = "#117733"
    null_from_shadows: ClassVar[bool] = False
    copies: Annotated[int, Range(2, 60, 2, "Changed copies asked for each record.")] = 18
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the noise.")] = 0

    def run(self, view: View) -> Generator[Step, None, Claim]:
        before = view.box.queries
        right = np.zeros(len(view.y))
        copies = view.kind.changed(view.x, self.copies, stream(self.seed, "changed copies"))
        for number, copy in enumerate(copies):
            yield Step(number, self.copies, f"{self.title} asks")
            right += view.box.ask(copy).argmax(1) == view.y
        return Claim(right / self.copies, None, view.box.queries - before)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("label-only asks for changed copies, see run")


@final
@dataclass(frozen=True)
class LtIqr(ScoreAttack):
    """How much a record's loss moved while it was trained on: a risk score for the training side (LT-IQR,
    2024).

    Setting: the trainer's own logs, no shadows, no queries. Score: the interquartile range of the loss over
    the epochs, small for records that were easy from the start. It says who is at risk, and only for records
    that were trained on.
    """

    slug: ClassVar[str] = "lt-iqr"
    title: ClassVar[str] = "LT-IQR"
    why: ClassVar[str] = "reads in the training log how far its loss moved"
    colour: ClassVar[str] = "#1D2330"
    null_from_shadows: ClassVar[bool] = False

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if view.trace is None:
            needs = f"losses logged by the training side, for {self.title}"
            raise BadInput(needs, "a black box", "Run it where the model was trained.")
        yield Step(0, 1, f"{self.title} reads the log")
        low, high = np.quantile(view.trace, [0.25, 0.75], axis=0)
        return Claim(np.asarray(high - low), None, 0)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("LT-IQR reads the training log, see run")


CONFIGURED: tuple[ScoreAttack, ...] = (
    LiRA(),
    LiRA(online=False),
    RAPID(),
    BaVarIA(),
    PMIA(),
    RMIA(),
    BASE(),
    BASE(references=2),
    ShokriShadow(),
    QuantileRegression(),
    ModifiedEntropy(),
    LossThreshold(),
    LabelOnly(),
)
"""The attacks. LtIqr stands apart: it is the trainer's risk score, not an attack."""
CATALOGUE: dict[str, ScoreAttack] = {attack.slug: attack for attack in CONFIGURED}
ALL = "all"
"""In place of one attack's slug."""


def chosen(attack: str) -> tuple[str, ...]:
    """The slugs of an attack or of all. Raises BadInput that names the known."""
    if attack == ALL:
        return tuple(CATALOGUE)
    if attack not in CATALOGUE:
        known = ", ".join((*CATALOGUE, ALL))
        raise BadInput(f"an attack: {known}", repr(attack[:80]), "Choose one of these.")
    return (attack,)
