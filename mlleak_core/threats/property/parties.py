"""Who trains together, on whose records, and when the property is in the victim's batches: the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput
from mlleak_core.data import Faces, Split
from mlleak_core.data.faces import UNKNOWN
from mlleak_core.data.texts import Texts
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Rows, Share
from mlleak_core.target.models import as_input
from mlleak_core.target.training import shrink
from mlleak_core.threats.property.card import AUTHOR, COIN, PERSON, PropertySettings

Sample = Faces | Texts
ATTACKER, VICTIM = 0, 1
HELD_BACK = 1 / 3
"""Share of the attacker's own records that his readers never learn from: they say how sure to be."""
FEWEST_OWN, FEWEST_THEIRS = 9, 4
WITH = mark("{own} records with “{property}” with the attacker and {theirs} with the victim")
WITHOUT = mark("{own} records without “{property}” with the attacker and {theirs} with the victim")
OTHERWISE = mark("Choose another property, or more records.")


@dataclass(frozen=True, eq=False, kw_only=True)
class Labelled:
    """The attacker's own records, with the property and without: inputs and task labels."""

    having: Share
    lacking: Share


@dataclass(frozen=True, eq=False, kw_only=True)
class Parties:
    """Everybody, and the truth.

    shares: each participant's records and task labels, the attacker's first, then the victim's. having,
    lacking: rows of the victim's share. present [rounds]: whether the victim's batch has the property. learn,
    check: the attacker's own records, to learn from and to be held back. test, people: records of people whom
    nobody trains on, and whose. photos, task, owner: of the victim's share, rows of the data set, labels,
    people. title: the property, as pages write it.
    """

    shares: tuple[Share, ...]
    having: Rows
    lacking: Rows
    present: NDArray[np.bool_]
    learn: Labelled
    check: Labelled
    test: Share
    people: Rows
    photos: Rows
    task: NDArray[np.int8]
    owner: Rows
    title: str

    def picks(self, settings: PropertySettings, absent: bool = False) -> Callable[[int], Rows]:
        """The victim's batch of a round; absent: the property never is in it."""
        some = max(1, round(settings.batch_share * settings.batch))

        def rows(number: int) -> Rows:
            rng = stream(settings.seed, "batches of a victim", number)
            plain = _drawn(rng, self.lacking, settings.batch)
            having = _drawn(rng, self.having, some)
            return np.concatenate([having, plain[some:]]) if self.present[number] and not absent else plain

        return rows


def parties(settings: PropertySettings, sample: Sample) -> Parties:
    """Deal the people out. Raises BadInput where too few have the property, or lack it."""
    has, rng = labelled(settings, sample), stream(settings.seed, "parties of a federation")
    split = Split.by_person(sample, settings.seed)
    owner = _dealt(settings, sample, has, split.members, rng)
    x, y = inputs(sample), torch.from_numpy(sample.task.codes.astype(np.int64))
    sides = {
        (who, side): np.flatnonzero((owner == who) & (has == side))
        for who in range(settings.participants)
        for side in (0, 1)
    }
    _enough(settings, sides)
    own = [_parted(rng.permutation(sides[ATTACKER, side])) for side in (1, 0)]
    photos = np.concatenate([sides[VICTIM, 1], sides[VICTIM, 0]])
    count, test = len(sides[VICTIM, 1]), split.outsiders[owner[split.outsiders] < 0]
    rows = [np.concatenate([sides[ATTACKER, 1], sides[ATTACKER, 0]]), photos]
    rows += [sides[who, 0] for who in range(2, settings.participants)]
    learn, check = (
        Labelled(having=_share(x, y, having), lacking=_share(x, y, lacking))
        for having, lacking in zip(*own, strict=True)
    )
    return Parties(
        shares=tuple(_share(x, y, r) for r in rows),
        having=np.arange(count),
        lacking=np.arange(count, len(photos)),
        present=timeline(settings),
        learn=learn,
        check=check,
        test=_share(x, y, test),
        people=sample.person[test],
        photos=photos,
        task=sample.task.codes[photos],
        owner=sample.person[photos],
        title=_title(settings, sample),
    )


def inputs(sample: Sample) -> Tensor:
    """What the joint net is given [n, ...]: pictures, or which words occur."""
    if isinstance(sample, Texts):
        return torch.from_numpy(sample.words)
    return as_input(shrink(sample))


def labelled(settings: PropertySettings, sample: Sample) -> NDArray[np.int8]:
    """Who has the property: 1, 0 or UNKNOWN for every record. Raises BadInput for one that there is not."""
    if settings.property == COIN:
        coins = stream(settings.seed, "coins of a null property").integers(0, 2, len(sample.people), np.int8)
        return coins[sample.person]
    if isinstance(sample, Texts) or not settings.property.startswith(PERSON):
        return sample.target(settings.property)
    wanted = settings.property.removeprefix(PERSON).replace(" ", "_").lower()
    for number, name in enumerate(sample.people):
        if name.replace(" ", "_").lower() == wanted:
            return (sample.person == number).astype(np.int8)
    often = [sample.people[p] for p in np.bincount(sample.person).argsort()[::-1][:3]]
    expected = say("a person of {data}, such as {people}", data=sample.name, people=", ".join(often))
    raise BadInput(expected, repr(wanted[:80]), say("Name one."))


def _title(settings: PropertySettings, sample: Sample) -> str:
    """The property as pages write it."""
    if settings.property == COIN:
        return mark("a coin's fall")
    if settings.property.startswith(PERSON):
        return settings.property.removeprefix(PERSON).replace("_", " ")
    title = next(name for name in sample.targets if name.lower() == settings.property.lower())
    return title.partition(":")[2] if isinstance(sample, Texts) else title


def timeline(settings: PropertySettings) -> NDArray[np.bool_]:
    """In which rounds it is there: from `enters` on, in a share `often` of them, the first always."""
    first = round(settings.enters * settings.rounds)
    there = stream(settings.seed, "timeline of a property").random(settings.rounds) < settings.often
    there[:first], there[first] = False, True
    return there


def _dealt(
    settings: PropertySettings,
    sample: Sample,
    has: NDArray[np.int8],
    members: Rows,
    rng: np.random.Generator,
) -> Rows:
    """Whose each record is, -1 nobody's. A third of the people goes to the attacker, a third to the victim,
    halves where there is nobody else; of a person who is looked for, both have some.
    """
    people = rng.permutation(np.unique(sample.person[members]))
    owners, cut = np.empty(len(people), np.int64), len(people) // min(settings.participants, 3)
    owners[:cut], owners[cut : 2 * cut] = ATTACKER, VICTIM
    if settings.participants > 2:
        owners[2 * cut :] = 2 + np.arange(len(people) - 2 * cut) % (settings.participants - 2)
    else:
        owners[2 * cut :] = VICTIM
    of_person = np.full(len(sample.people), -1)
    of_person[people] = owners
    owner = of_person[sample.person]
    if settings.property.startswith((PERSON, AUTHOR)):
        theirs = rng.permutation(np.flatnonzero(has == 1))
        owner[theirs[::2]], owner[theirs[1::2]] = VICTIM, ATTACKER
    owner[has == UNKNOWN] = -1
    return owner


def _enough(settings: PropertySettings, sides: dict[tuple[int, int], Rows]) -> None:
    """Both sides of the property with attacker and victim, and something with everybody else."""
    counts = {place: len(rows) for place, rows in sides.items()}
    needed = {"property": settings.property, "own": FEWEST_OWN, "theirs": FEWEST_THEIRS}
    for side, words in ((1, WITH), (0, WITHOUT)):
        own, theirs = counts[ATTACKER, side], counts[VICTIM, side]
        if own < FEWEST_OWN or theirs < FEWEST_THEIRS:
            got, remedy = say("{own} and {theirs}", own=own, theirs=theirs), say(OTHERWISE)
            raise BadInput(say(words, **needed), got, remedy)
    for other in range(2, settings.participants):
        if not counts[other, 0]:
            expected = say("records without “{property}” for everybody", property=settings.property)
            raise BadInput(expected, say("too few"), say("Choose fewer participants."))


def _parted(rows: Rows) -> tuple[Rows, Rows]:
    back = max(3, round(HELD_BACK * len(rows)))
    return rows[back:], rows[:back]


def _share(x: Tensor, y: Tensor, rows: Rows) -> Share:
    return x[rows], y[rows]


def _drawn(rng: np.random.Generator, rows: Rows, count: int) -> Rows:
    return rng.choice(rows, count, replace=len(rows) < count)
