"""Readers: from pooled updates to log odds that the property was in the batch."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
Bits = NDArray[np.int8]
COMPONENTS = 60
CERTAIN = 0.01
"""Added to a forest's shares, so that none is without doubt."""


class Reader(Protocol):
    """Learns from rows [n, d] and labels [n]; scores rows by log odds."""

    def fit(self, rows: Floats, labels: Bits) -> Self: ...

    def score(self, rows: Floats) -> Floats: ...


class Forest:
    """The authors' random forest: 100 trees, five rows to a leaf at least."""

    def __init__(self, seed: int) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self._trees = RandomForestClassifier(
            100, min_samples_leaf=5, min_samples_split=5, random_state=seed, n_jobs=1
        )

    def fit(self, rows: Floats, labels: Bits) -> Self:
        self._trees.fit(rows, labels)
        return self

    def score(self, rows: Floats) -> Floats:
        share = self._trees.predict_proba(rows)[:, 1]
        return np.asarray(np.log((share + CERTAIN) / (1 - share + CERTAIN)))


class Logistic:
    """Logistic regression on the principal components of standardised rows."""

    def __init__(self, seed: int) -> None:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        def chain(rows: int) -> Any:
            reduce = PCA(min(COMPONENTS, rows - 1), svd_solver="randomized", random_state=seed)
            return make_pipeline(StandardScaler(), reduce, LogisticRegression(C=0.01, max_iter=300))

        self._chain = chain

    def fit(self, rows: Floats, labels: Bits) -> Self:
        self._fitted = self._chain(len(rows)).fit(rows, labels)
        return self

    def score(self, rows: Floats) -> Floats:
        return np.asarray(self._fitted.decision_function(rows))


def log_ratio(scores: Floats, known: Floats, labels: Bits) -> Floats:
    """How much likelier a score is with the property than without, as logarithm: two normal laws of one
    spread, fitted to scores `known` of labels that are known.
    """
    having, lacking = known[labels == 1], known[labels == 0]
    spread = np.sqrt((having.var() + lacking.var()) / 2) + 0.1
    between = max(having.mean() - lacking.mean(), 0.0)
    return np.asarray((scores - (having.mean() + lacking.mean()) / 2) * between / spread**2)
