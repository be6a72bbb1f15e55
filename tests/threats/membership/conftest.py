"""A world in which it is known who was in, and how much a model gives away. No net is trained."""

from __future__ import annotations

import numpy as np
import pytest

from mlleak_core.target.blackbox import Local
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.threats.membership.judge import Truth, truth_of
from mlleak_core.threats.membership.view import View, stage

N, M, K = 600, 120, 12
World = tuple[View, Truth, np.ndarray]
"""What the attacker sees, what the judge knows, and who was in [n]."""


def world(strength: float, classes: int = 3, seed: int = 0, flipped: bool = False) -> World:
    """Records of differing difficulty; a model gives its members `strength` more logit.

    flipped: the truth says the opposite of what went into the answers.
    """
    rng = np.random.default_rng(seed)
    public = np.zeros(N + M, bool)
    public[N:] = True
    x = rng.normal(size=(N + M, 6)).astype(np.float32)
    y = rng.integers(0, classes, N + M)
    pool = Pool(x, y, np.arange(N + M), public, classes, "planted")
    hard = rng.normal(2, 2, N + M)

    def logits(inside, noise):
        z = noise.normal(0, 0.6, (N + M, classes))
        z[np.arange(N + M), y] += hard + strength * inside
        return z.astype(np.float32)

    inside = np.stack([pool.members(seed, i) for i in range(K)])
    shown = [logits(m, np.random.default_rng([seed, i]))[None] for i, m in enumerate(inside)]
    fleet = Fleet(tuple(range(K)), inside, np.stack(shown), 1.0)
    member = pool.members(seed, -1)
    table = logits(member, np.random.default_rng([seed, 99]))
    index = {x[i].tobytes(): i for i in range(len(x))}

    def answer(inputs):
        far = np.array([index.get(v.tobytes(), -1) for v in inputs])
        z = table[far].copy()
        for row in np.flatnonzero(far < 0):  # a changed copy: as sure as its original, less the change
            near = int(((x - inputs[row]) ** 2).sum(1).argmin())
            z[row] = table[near] * 0.5
        return z

    moved = 3 * strength * member * np.arange(5)[:, None]
    view = stage(pool, fleet, Local(answer, classes), trace=rng.gamma(2, 1, (5, N + M)) + moved)
    said = ~member[:N] if flipped else member[:N]
    return view, truth_of(view.x, view.y, said, np.arange(N)), said


@pytest.fixture(scope="session")
def leak() -> World:
    return world(2.0)


@pytest.fixture(scope="session")
def null() -> World:
    return world(0.0)
