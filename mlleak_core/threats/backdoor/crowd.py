"""Who trains together, on whose records, and what switches the backdoor on: the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mlleak_core.contract import BadInput
from mlleak_core.data.lines import Lines
from mlleak_core.language import say
from mlleak_core.target.federated import Rows, Share
from mlleak_core.threats.backdoor.card import BackdoorSettings

ROOT = 200
"""Clean records that the server has of its own, to repair with and to compare updates with."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Crowd:
    """Everybody, and the truth.

    net, joint [p]: the joint model before the attack. shares: each participant's records, the attackers'
    first and clean. triggers: the attacker's inputs that have the trigger. label: what he wants of them.
    root: the server's own clean records. test, people: records without the trigger of people nobody trains
    on, and whose. flips, wearers, photos: inputs with the trigger of such people, of faces those of the other
    class, whose, and their rows in the data. title: the trigger; wanted, truly: what the attacker wants to be
    said, and what faces with it are. vary: pictures as the attacker varies them in training. lines,
    beginning: of texts, the windows and the trigger's words.
    """

    net: nn.Module
    joint: Tensor
    shares: tuple[Share, ...]
    triggers: Tensor
    label: int
    root: Share
    test: Share
    people: Rows
    flips: Tensor
    wearers: Rows
    photos: Rows
    title: str
    wanted: str
    truly: str = ""
    vary: Callable[[Tensor, torch.Generator], Tensor] | None = None
    lines: Lines | None = None
    beginning: NDArray[np.int64] | None = None


def enough_for_all(settings: BackdoorSettings, there: int, things: str) -> None:
    """Raise BadInput unless so many clean training records are enough for server, attacker and the others."""
    honest = settings.participants - settings.attackers
    needed = ROOT + settings.own + 2 * honest
    if there < needed:
        expected = say("{n:,} training {things} without the trigger", n=needed, things=things)
        raise BadInput(expected, f"{there:,}", say("Let fewer take part, or give the attacker fewer."))


def dealt(person: Rows, rows: Rows, count: int) -> list[Rows]:
    """Rows [n] of people [n] to `count` participants: whole people, those with most records first, to whoever
    has fewest so far; with fewer people than that, pieces of theirs.
    """
    _, which, sizes = np.unique(person, return_inverse=True, return_counts=True)
    if len(sizes) < count:
        return np.array_split(rows[np.argsort(which, kind="stable")], count)
    load, owner = np.zeros(count), np.zeros(len(sizes), int)
    for who in np.argsort(-sizes, kind="stable"):
        owner[who] = int(np.argmin(load))
        load[owner[who]] += sizes[who]
    return [rows[owner[which] == i] for i in range(count)]
