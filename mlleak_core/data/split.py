"""The one owner of who was in: people, never photos, are dealt to members, outsiders and the public."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput
from mlleak_core.data.faces import Labels
from mlleak_core.language import say
from mlleak_core.seeds import stream

Rows = NDArray[np.int64]


class Owned(Protocol):
    """Records of people, with a binary task: faces, texts."""

    @property
    def person(self) -> NDArray[np.int64]: ...

    @property
    def task(self) -> Labels: ...


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of three disjoint groups of people.

    members: trained on. outsiders: never seen, the test set. public: what an attacker may use from elsewhere.
    """

    members: Rows
    outsiders: Rows
    public: Rows

    @classmethod
    def by_person(cls, sample: Owned, seed: int, outsiders: float = 0.26, public: float = 0.0) -> Split:
        """Deal the people at random; `outsiders` and `public` are shares of the people."""
        split = cls.of_people(sample.person, seed, outsiders, public)
        split._check(sample)
        return split

    @classmethod
    def of_people(cls, person: Rows, seed: int, outsiders: float = 0.26, public: float = 0.0) -> Split:
        """The same for records without a task: `person` [n] says whose each is. Raises BadInput."""
        if not (0 < outsiders < 1 and 0 <= public < 1 and outsiders + public < 1):
            raise BadInput(
                say("shares that leave members"),
                say("outsiders {outsiders}, public {public}", outsiders=outsiders, public=public),
                say("Lower them."),
            )
        people = np.unique(person)
        if len(people) < 4:
            raise BadInput(say("at least four people"), f"{len(people)}", say("Add photos of more people."))
        order = stream(seed, "split by person").permutation(people)
        first = max(1, round(outsiders * len(people)))
        second = first + round(public * len(people))
        rows = [np.flatnonzero(np.isin(person, part)) for part in np.split(order, [first, second])]
        return cls(rows[2], rows[0], rows[1])

    def _check(self, sample: Owned) -> None:
        task = say(sample.task.name)
        training = say("both classes of {task} among the training people", task=task)
        test = say("both classes of {task} among the test people", task=task)
        for expected, rows in ((training, self.members), (test, self.outsiders)):
            if len(np.unique(sample.task.codes[rows])) < 2:
                raise BadInput(
                    expected,
                    say("one class only"),
                    say("Use more people or another seed."),
                )
