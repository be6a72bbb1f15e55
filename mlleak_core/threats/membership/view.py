"""What a membership attacker sees, what he claims, and the only door to the target. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.defences.on_output import revealed
from mlleak_core.target.blackbox import BlackBox, softmax
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.kinds import Kind, of_inputs
from mlleak_core.threats.membership.confidence import Floats, Rows, log_probabilities


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

    def looked_at(self, i: int) -> Refs:
        """In one way alone."""
        return Refs(self.logp[:, i : i + 1], self.z_logp[:, i : i + 1], self.inside)


@dataclass(frozen=True, eq=False)
class View:
    """What the attacker sees: a service that answers, the records in question, own shadows, own population.

    x [n, ...], y [n]: the records; z_x [m, ...], z_y [m]: records of the same kind that no model was trained
    on. trace [e, n]: each record's loss after each epoch, for the training side's own risk score alone; a
    black box has none. named: whether he wants p-values, to name records. taught: in how many of the ways to
    show a record models were trained.
    """

    box: BlackBox
    x: NDArray[Any]
    y: Rows
    z_x: NDArray[Any]
    z_y: Rows
    refs: Refs
    trace: Floats | None = None
    named: bool = True
    taught: int = 2

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


def stage(
    pool: Pool,
    fleet: Fleet,
    box: BlackBox,
    reveal: str = "probabilities",
    trace: Floats | None = None,
    views: int = 2,
) -> View:
    """Put the attacker before the service. Shadows are shown to him as the service would show them.

    views: in how many ways models were shown a record in their training, mirrored or not.
    """
    own, public = pool.candidates, np.flatnonzero(pool.public)
    k, q, n, c = fleet.logits.shape
    shown = log_probabilities(revealed(softmax(fleet.logits).reshape(-1, c), reveal)).reshape(k, q, n, c)
    return View(
        box=box,
        x=pool.x[own],
        y=pool.y[own],
        z_x=pool.x[public],
        z_y=pool.y[public],
        refs=Refs(shown[:, :, own], shown[:, :, public], fleet.inside[:, own]),
        trace=None if trace is None else trace[:, own],
        taught=views,
    )
