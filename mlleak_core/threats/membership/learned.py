"""Attacks that learn, from own shadows or from outsiders, what answers to members look like. Light: no torch.

Sources: Shokri et al. (S&P 2017); He et al. (CCS 2024, RAPID); Bertran et al. (NeurIPS 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from mlleak_core.language import mark
from mlleak_core.threats.membership.calibrations import calibrations
from mlleak_core.threats.membership.confidence import Floats, Rows, log_true, phi
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.summaries import summaries
from mlleak_core.threats.membership.view import Refs, Seen, View


@final
@dataclass(frozen=True)
class ShokriShadow(ScoreAttack):
    """An attack model per class on the whole output vector (Shokri et al. 2017, section V).

    Setting: black box, shadows with known membership. Logistic regression on the sorted log probabilities,
    log p_y and whether the answer was right; one for each class, so that classes that are learned less well
    are judged by themselves.
    """

    slug: ClassVar[str] = "shokri"
    title: ClassVar[str] = mark("Shokri's shadow attack")
    why: ClassVar[str] = mark("learned from shadows what answers to members look like")
    colour: ClassVar[str] = "#A87A00"

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
class RAPID(ScoreAttack):
    """An attack model on a score and its calibrations (He et al., CCS 2024), trained on own shadows.

    Setting: black box, shadows; each of them poses as the target before the others. What the model sees of a
    record and of its mirror image: `calibrations`, the authors' (phi, its distance to what shadows say) and
    those of LiRA and BASE. Boosted trees in place of the authors' net. An image that no training used is as
    hard as the record, so its answer says how this target, by chance, takes to such a record (Mattern et al.,
    ACL Findings 2023, compare with neighbours).
    """

    slug: ClassVar[str] = "rapid"
    title: ClassVar[str] = "RAPID"
    why: ClassVar[str] = mark("learned from own shadows how calibrated scores of members look")
    colour: ClassVar[str] = "#6A5ACD"
    views: ClassVar[int] = 2
    untaught: ClassVar[bool] = True

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        if len(refs.logp) < 2:
            return phi(seen.logp[0], view.y)
        q = len(seen.logp)
        posing = [_every_way(refs.logp[j, :q], refs.without(j), view.y) for j in range(len(refs.logp))]
        model = _boosted(np.concatenate(posing), refs.inside.ravel())
        return np.asarray(model.decision_function(_every_way(seen.logp, refs, view.y)))


def _every_way(logp: Floats, refs: Refs, y: Rows) -> Floats:
    """Calibrations [n, 27 q] of answers [q, n, c] to each way of showing a record."""
    return np.column_stack([calibrations(said, refs.looked_at(i), y) for i, said in enumerate(logp)])


def _boosted(seen: Floats, inside: NDArray[np.bool_]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=200,
        learning_rate=0.045,
        max_leaf_nodes=6,
        min_samples_leaf=60,
        l2_regularization=20.0,
        max_features=0.3,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(seen, inside)


@final
@dataclass(frozen=True)
class QuantileRegression(ScoreAttack):
    """Is phi higher than a non-member that looks like this would get? (Bertran et al. 2023)

    Setting: black box, no shadows; a regression on known non-members predicts from x the median and the 90th
    percentile of the target's phi. Score: phi above the median, in units of their distance. Targets are
    floats.
    """

    slug: ClassVar[str] = "quantile"
    title: ClassVar[str] = mark("Quantile regression")
    why: ClassVar[str] = mark("compares with outsiders that look like it")
    colour: ClassVar[str] = "#7E69AE"
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
