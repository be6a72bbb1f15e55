"""Faces: which have the secret sign, and who has which of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mlleak_core.contract import BadInput
from mlleak_core.data import Faces, Split
from mlleak_core.data.faces import UNKNOWN
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Rows
from mlleak_core.target.models import as_input
from mlleak_core.target.training import Target, shrink
from mlleak_core.threats.backdoor.card import DARK, USUAL, BackdoorSettings
from mlleak_core.threats.backdoor.crowd import ROOT, Crowd, dealt, enough_for_all

FEWEST_OWN, FEWEST_SEEN = 40, 20
"""Photos with the trigger that the attacker needs, and that the judge needs."""
NEEDED = mark(
    "at least {own} training photos with {trigger} in {data} and {seen} of people never seen who are to be "
    "taken for the other class"
)
DARKEST, CLEAR = 0.08, 0.25
"""Shares of all photos, by how bright their rim is: the darkest are before a dark background, those above the
second share are not; between the two it cannot be said.
"""


def of_faces(settings: BackdoorSettings, faces: Faces, target: Target, inputs: Tensor | None = None) -> Crowd:
    """Deal the training people out. inputs [n, ...]: the faces as nets take them, where that is known. Raises
    BadInput where too few have the trigger, or lack it.
    """
    has, title = trigger(settings, faces)
    label = _label(settings, faces, has)
    deal = _deal(settings, faces, has, target.split)
    x = as_input(shrink(faces)) if inputs is None else inputs
    y = torch.from_numpy(faces.task.codes.astype(np.int64))
    net = target.net()
    unseen, codes = target.split.outsiders, faces.task.codes
    clean = unseen[has[unseen] == 0]
    flips = unseen[(has[unseen] == 1) & (codes[unseen] != label)]
    _enough(title, faces, deal.triggers, flips)
    return Crowd(
        net=net,
        joint=torch.cat([p.detach().reshape(-1) for p in net.parameters()]).clone(),
        shares=tuple((x[rows], y[rows]) for rows in deal.shares),
        triggers=x[deal.triggers],
        label=label,
        root=(x[deal.root], y[deal.root]),
        test=(x[clean], y[clean]),
        people=faces.person[clean],
        flips=x[flips],
        wearers=faces.person[flips],
        photos=flips,
        title=title,
        wanted=faces.task.classes[label],
        truly=faces.task.classes[1 - label],
        vary=varied,
    )


def trigger(settings: BackdoorSettings, faces: Faces) -> tuple[NDArray[np.int8], str]:
    """Which photos have it, 1, 0 or UNKNOWN, and its name. Raises BadInput for one that there is not."""
    usual, _ = USUAL.get(settings.data, (faces.headline[0] if faces.headline else DARK, ""))
    asked = (settings.trigger or usual).lower()
    if asked == DARK.lower():
        return _dark(faces), DARK
    return faces.target(asked), next(name for name in faces.targets if name.lower() == asked)


def _dark(faces: Faces) -> NDArray[np.int8]:
    """Photos whose rim is dark: the upper fifth, and a ninth at either side."""
    high, wide = round(faces.images.shape[1] * 0.22), round(faces.images.shape[2] * 0.11)
    bright = np.empty(len(faces))
    for start in range(0, len(faces), 2048):
        part = np.asarray(faces.images[start : start + 2048])
        rim = (part[:, :high], part[:, :, :wide], part[:, :, -wide:])
        bright[start : start + 2048] = np.concatenate([r.reshape(len(part), -1) for r in rim], 1).mean(1)
    dark, clear = np.quantile(bright, (DARKEST, CLEAR))
    return np.where(bright < dark, 1, np.where(bright > clear, 0, UNKNOWN)).astype(np.int8)


def _label(settings: BackdoorSettings, faces: Faces, has: NDArray[np.int8]) -> int:
    if not settings.label:
        wearing = faces.task.codes[has == 1]
        return int((wearing == 1).sum() < (wearing == 0).sum())
    low = [name.lower() for name in faces.task.classes]
    if settings.label.lower() not in low:
        there = {"task": say(faces.task.name), "labels": ", ".join(faces.task.classes)}
        expected = say("a label of {task}: {labels}", **there)
        raise BadInput(expected, repr(settings.label[:80]), say("Choose one of these."))
    return low.index(settings.label.lower())


@dataclass(frozen=True, eq=False, kw_only=True)
class _Deal:
    shares: list[Rows]
    triggers: Rows
    root: Rows


def _deal(settings: BackdoorSettings, faces: Faces, has: NDArray[np.int8], split: Split) -> _Deal:
    """People at random to the server, the attacker and the others, trigger photos to the attacker but few."""
    rng, members = stream(settings.seed, "crowd of a federation"), split.members
    marked = rng.permutation(members[has[members] == 1])
    order = rng.permutation(len(faces.people))
    clean = members[has[members] == 0]
    clean = clean[np.argsort(order[faces.person[clean]], kind="stable")]
    honest = settings.participants - settings.attackers
    enough_for_all(settings, len(clean), say("photos"))
    root, own, rest = np.split(clean, [ROOT, ROOT + settings.own])
    rest = np.concatenate([rest, members[has[members] == UNKNOWN]])
    others = dealt(faces.person[rest], rest, honest)
    for i, row in enumerate(marked[: settings.spared]):
        others[i % honest] = np.append(others[i % honest], row)
    return _Deal(
        shares=[*np.array_split(own, settings.attackers), *others],
        triggers=marked[settings.spared :],
        root=root,
    )


def _enough(title: str, faces: Faces, own: Rows, seen: Rows) -> None:
    if len(own) < FEWEST_OWN or len(seen) < FEWEST_SEEN:
        expected = say(NEEDED, own=FEWEST_OWN, trigger=repr(title), data=faces.name, seen=FEWEST_SEEN)
        got = say("{own} and {theirs}", own=len(own), theirs=len(seen))
        remedy = say("Choose a trigger that more of them have, or the other label.")
        raise BadInput(expected, got, remedy)


def varied(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Half of them mirrored, all shifted by up to two pixels."""
    mirrored = torch.rand(len(pictures), generator=random) < 0.5
    pictures = torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)
    down, right = torch.randint(5, (2,), generator=random).tolist()
    side = pictures.shape[-1]
    wide = functional.pad(pictures, (2, 2, 2, 2), mode="replicate")
    return wide[:, :, down : down + side, right : right + side].contiguous(memory_format=torch.channels_last)
