"""Records in a few numbers, for regressions on few of them. Light: no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.threats.membership.confidence import Floats, Rows


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
