"""From what enters a net's hidden layer back to the photo, and to what it shows: learned from own photos.

The net is shared, so whoever receives an update knows what any photo of his own would have put in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mlleak_core.threats.likeness import SIDE, Pictures

PENALTIES = np.logspace(-1, 5, 7)
"""Of which ridge regression takes the one that reads a fifth of the own photos best, held back."""
THIN = 16
"""Every so-manieth pixel is enough to choose by."""
COMPONENTS = 200
LEAST = 20
"""Own photos that must have a label, and lack it."""
Floats = NDArray[np.float64]
Bits = NDArray[np.int8]


def pictured(own: Floats, pictures: Pictures, found: Floats) -> Pictures:
    """own [m, d]: what own pictures [m, 3, 32, 32] put in; found [b, d] -> pictures [b, 3, 32, 32], by ridge
    regression (Hoerl & Kennard 1970).
    """
    from sklearn.linear_model import Ridge

    rows, flat = own.astype(np.float32), pictures.reshape(len(pictures), -1)
    held = len(rows) // 5

    def off(penalty: float) -> float:
        said = Ridge(penalty).fit(rows[held:], flat[held:, ::THIN]).predict(rows[:held])
        return float(np.square(said - flat[:held, ::THIN]).mean())

    said = Ridge(min(PENALTIES, key=off)).fit(rows, flat).predict(found)
    return np.asarray(said.clip(0, 255).reshape(-1, 3, SIDE, SIDE), np.float32)


def labelled(own: Floats, labels: Mapping[str, Bits], found: Floats, seed: int) -> dict[str, Bits]:
    """What each photo shows: for each labelling [m] of own photos, -1 unknown, the more probable one [b].

    Left out is what too few of the own photos have, or lack.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    usable = {
        name: codes for name, codes in labels.items() if min((codes == 1).sum(), (codes == 0).sum()) >= LEAST
    }
    if not usable:
        return {}
    parts = min(COMPONENTS, len(own) - 1)
    reduce = make_pipeline(StandardScaler(), PCA(parts, svd_solver="randomized", random_state=seed))
    rows, new = reduce.fit_transform(own), reduce.transform(found)
    read = {}
    for name, codes in usable.items():
        known = codes >= 0
        read[name] = LogisticRegression(C=0.01, max_iter=500).fit(rows[known], codes[known]).predict(new)
    return {name: bits.astype(np.int8) for name, bits in read.items()}
