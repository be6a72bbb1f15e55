"""Whose membership is asked for: the pool of records, how models are trained on it, and how a person sees it.

Light to import: no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import source
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.fleet import Pool
from mlleak_core.target.kinds import Recipe
from mlleak_core.target.settings import TableSettings, TrainSettings
from mlleak_core.threats.membership.card import LEAKY, LEAKY_LFW, MembershipSettings

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.data.records import Records
    from mlleak_core.threat import Desk

PUBLIC = 0.08
"""Share of the groups that nobody trains on: the attacker's own population."""
OF_A_RUN = 0.74
"""Share that shadows of the train page's run are trained on, as the run is; it leaves no population."""
LEAST = 60
"""People in a leaky pool, below which nothing can be said."""
USUAL = {"location": 2600}
"""Records taken unless asked otherwise: Location-30's target was trained on 1,200 (Shokri et al. 2017)."""
MOST = 10_000
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Looks:
    """What records look like to a person: pictures [n, s, s, 3] or None, a name each, the classes' names.

    columns: the features' names, where there are no pictures.
    """

    title: str
    images: NDArray[np.uint8] | None
    names: tuple[str, ...]
    classes: tuple[str, ...]
    columns: tuple[str, ...] = ()


def recipe_for(settings: MembershipSettings) -> Recipe:
    """How target and shadows are trained; for the full preset as the train page's experiment is, on the data
    and with the seed of these settings.
    """
    epochs: dict[str, Any] = {"epochs": settings.epochs} if settings.epochs else {}
    if source.is_records(settings.data):
        return TableSettings(**epochs)
    if settings.preset == "leaky":
        leaky = LEAKY_LFW if settings.data == "lfw" else LEAKY
        return TrainSettings(data=settings.data, **(leaky | epochs))
    return dataclasses.replace(settings.experiment, data=settings.data, seed=settings.seed, **epochs)


def views_of(recipe: Recipe) -> int:
    """In how many ways a record is looked at: mirrored, too, where training mirrored (Carlini, VI-B)."""
    return 2 if isinstance(recipe, TrainSettings) and recipe.augment else 1


def key_of(settings: MembershipSettings) -> str:
    """Names a target: everything that can change its weights."""
    known, recipe = source.identity(settings.data), recipe_for(settings)
    whose = (settings.preset, settings.records, settings.seed)
    return "m" + fingerprint("membership", 1, recipe, known, *whose)[1:]


def open_pool(settings: MembershipSettings, desk: Desk) -> Generator[Step, None, tuple[Pool, Looks]]:
    """The records of the settings, ready for a fleet."""
    if source.is_records(settings.data):
        return _of_records((yield from source.load(settings.data, "records")), settings)
    faces = yield from desk.faces(settings.data)
    yield Step(0, 1, say("choosing records"))
    if settings.preset == "leaky":
        return _of_faces(faces.subset(leaky_rows(faces, settings)), settings, share=0.5, public=PUBLIC)
    from mlleak_core.target.training import choose_faces

    recipe = recipe_for(settings)
    assert isinstance(recipe, TrainSettings)
    return _of_faces(choose_faces(faces, recipe), settings, share=OF_A_RUN, public=0.0)


def leaky_rows(faces: Faces, settings: MembershipSettings) -> Rows:
    """One photo a person, the classes balanced; `records` of them, or all. Raises BadInput where they are
    few.
    """
    order = stream(settings.seed, "records of a pool").permutation(len(faces))
    _, first = np.unique(faces.person[order], return_index=True)
    one_each = order[np.sort(first)]
    sides = [one_each[faces.task.codes[one_each] == c] for c in (0, 1)]
    most = min(len(s) for s in sides)
    count = min(most, settings.records // 2 or most)
    if 2 * count < LEAST:
        needs = say("at least {n} people, half of each class", n=LEAST)
        raise BadInput(needs, f"{2 * count}", say("Use a larger data set."))
    return np.sort(np.concatenate([s[:count] for s in sides]))


def _of_faces(faces: Faces, settings: MembershipSettings, share: float, public: float) -> tuple[Pool, Looks]:
    from mlleak_core.target.training import shrink

    whose = (settings.preset, settings.records, settings.seed)
    pool = Pool(
        x=shrink(faces).contiguous().numpy(),
        y=faces.task.codes.astype(np.int64),
        group=faces.person,
        public=_public(faces.person, public, settings.seed),
        classes=len(faces.task.classes),
        key=fingerprint("faces", settings.data, source.identity(settings.data), *whose, len(faces)),
        share=share,
    )
    names = tuple(faces.people[p].replace("_", " ") for p in faces.person)
    title, classes = faces.provenance.title, faces.task.classes
    return pool, Looks(title=title, images=faces.images, names=names, classes=classes)


def _of_records(records: Records, settings: MembershipSettings) -> tuple[Pool, Looks]:
    count = min(len(records), settings.records or USUAL.get(records.name, MOST))
    order = stream(settings.seed, "records of a pool").permutation(len(records))
    rows = np.sort(order[:count])
    group = np.arange(count)
    pool = Pool(
        x=records.x[rows],
        y=records.y[rows],
        group=group,
        public=_public(group, PUBLIC, settings.seed),
        classes=len(records.classes),
        key=fingerprint(records.name, source.identity(settings.data), settings.seed, count),
    )
    return pool, Looks(
        title=records.provenance.title,
        images=None,
        names=tuple(say("record {number}", number=int(r) + 1) for r in rows),
        classes=records.classes,
        columns=records.columns,
    )


def _public(group: Rows, share: float, seed: int) -> NDArray[np.bool_]:
    """Which records [n] nobody trains on."""
    groups = np.unique(group)
    chosen = stream(seed, "public records").permutation(groups)[: round(share * len(groups))]
    return np.isin(group, chosen)
