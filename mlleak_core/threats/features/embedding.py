"""Activations to map coordinates: principal components, exact neighbours, UMAP, aligned frames.

Source: McInnes et al., "UMAP" (2018).
"""

from __future__ import annotations

import contextlib
import functools
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.disk import compiled_home
from mlleak_core.threat import SlowStart
from mlleak_core.threats.features.probes import alike, centred

COMPONENTS = 50
NEIGHBOURS = 15
EPOCHS = 200
FEWEST = 4
"""Faces that a map of neighbours needs."""

AT_ONCE = 1024
"""Rows whose distances from all others are held at a time."""

Points = NDArray[np.float32]
ONE_FIT_AT_A_TIME = (
    threading.Lock()
)  # numba's layers are not thread-safe: two fits at once can abort the process


@functools.cache
def umap_module() -> Any:
    """umap, imported once with its compiled code kept on disk.

    From the second start on that takes seconds instead of half a minute.
    """
    import numba

    numba.config.CACHE_DIR = str(compiled_home())
    plain = numba.njit

    def caching(*args: Any, **options: Any) -> Any:
        return plain(*args, **{"cache": True, **options})

    numba.njit = caching
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import umap
    finally:
        numba.njit = plain
    return umap


def first_fit() -> None:
    """A map of noise, which imports and compiles what every map needs."""
    fit_map(np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32), seed=0)


SLOW_START = SlowStart(ONE_FIT_AT_A_TIME, first_fit)


def principal(
    activations: NDArray[np.float32] | Tensor, seed: int, components: int = COMPONENTS
) -> NDArray[np.float32]:
    """Scores [n, components] on the leading principal components (Halko et al. 2011, two iterations)."""
    x = torch.as_tensor(activations)
    if x.shape[1] <= components:
        return centred(x).numpy()  # type: ignore[no-any-return]
    if alike(x):
        return np.zeros((len(x), components), np.float32)
    mean = x.mean(0)
    start = torch.randn(x.shape[1], components + 10, generator=torch.Generator().manual_seed(seed))
    basis = torch.linalg.qr(_ahead(x, mean, start)).Q
    for _ in range(2):
        basis = torch.linalg.qr(_ahead(x, mean, _back(x, mean, basis))).Q
    inner = _back(x, mean, basis)
    values, left = torch.linalg.eigh(inner.T @ inner)
    scores = basis @ left * values.clamp_min(0).sqrt()
    return scores[:, -components:].flip(1).contiguous().numpy()  # type: ignore[no-any-return]


def _ahead(x: Tensor, mean: Tensor, b: Tensor) -> Tensor:
    """(x - mean) b, without a copy of x."""
    return x @ b - mean @ b


def _back(x: Tensor, mean: Tensor, b: Tensor) -> Tensor:
    """(x - mean)' b."""
    return x.T @ b - torch.outer(mean, b.sum(0))


def neighbours(
    points: NDArray[np.float32], k: int = NEIGHBOURS
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Exact k nearest rows of each row and their Euclidean distances, itself first: both [n, k]."""
    x = torch.as_tensor(points)
    square, k = x.square().sum(1), min(k, len(x))
    rows, squares = [], []
    for start in range(0, len(x), AT_ONCE):
        far = torch.addmm(square, x[start : start + AT_ONCE], x.T, alpha=-2)  # less the row's own square
        far.diagonal(start).fill_(-torch.inf)
        near = far.topk(k, largest=False)
        rows.append(near.indices)
        squares.append(near.values)
    distances = (torch.cat(squares) + square[:, None]).clamp_min(0).sqrt()
    return torch.cat(rows).numpy(), distances.numpy()


def fit_map(
    points: NDArray[np.float32], seed: int, start: Points | None = None, epochs: int = EPOCHS
) -> Points:
    """UMAP of principal scores [n, d] to [n, 2]; `start` is the frame that this one should stay close to.

    Too few faces, or such as nothing tells apart, stand where their principal scores put them.
    """
    if len(points) < FEWEST or not points.any():
        return _spread(points - points.mean(0))
    index, distance = neighbours(points)
    first = start if start is not None else _spread(points)
    with ONE_FIT_AT_A_TIME, _threads_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = umap_module().UMAP(
            n_neighbors=min(NEIGHBOURS, len(points) - 1),
            min_dist=0.15,
            n_epochs=epochs,
            init=_jittered(first, seed),
            random_state=seed,
            precomputed_knn=(index, distance, None),
            transform_seed=seed,
        )
        shown = model.fit_transform(points)
    return np.asarray(shown - shown.mean(0), np.float32)


@contextlib.contextmanager
def _threads_kept() -> Iterator[None]:
    """numba's kernels set OpenMP's threads for PyTorch, too: a later training here would round otherwise."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _spread(points: NDArray[np.float32]) -> Points:
    if points.shape[1] < 2:
        return np.column_stack([points[:, 0], np.zeros(len(points))]).astype(np.float32)
    two = points[:, :2] / max(float(np.abs(points[:, :2]).max()), 1e-9)
    return np.asarray(two * 10, np.float32)


def _jittered(start: Points, seed: int) -> Points:
    """Equal starting points would stay equal; a breath of noise parts them."""
    noise = np.random.default_rng(seed).normal(0, 1e-3, start.shape)
    return np.ascontiguousarray(start + noise, np.float32)


def align(points: Points, onto: Points) -> Points:
    """Rotate, mirror and scale `points` onto `onto` (Procrustes; Schoenemann 1966), unless that is a single
    point.
    """
    if np.ptp(onto, axis=0).max() == 0:
        return points
    a, b = points - points.mean(0), onto - onto.mean(0)
    u, s, vt = np.linalg.svd(a.T @ b)
    scale = s.sum() / max(float((a**2).sum()), 1e-12)
    return np.asarray(a @ (u @ vt) * scale + onto.mean(0), np.float32)
