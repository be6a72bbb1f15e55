"""The visitor's bet: a dozen records, half of them members, and what came of it. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.sheets import cut
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.facts import GUESSES, SPRITE, Facts, Tile, span


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A visitor's own attack: what came of it."""

    hits: int
    members: int
    alarms: int
    outsiders: int

    @property
    def rates(self) -> tuple[float, float]:
        """Of false alarms and of members found."""
        return self.alarms / max(1, self.outsiders), self.hits / max(1, self.members)

    @property
    def sentence(self) -> str:
        found, raised = f"**{self.hits} of {self.members}**", f"**{self.alarms} of {self.outsiders}**"
        return f"You found {found} members and raised {raised} false alarms."


class Bet(Facts):
    """The records to bet on, sealed until the visitor locks a guess."""

    @property
    def bets(self) -> NDArray[np.bool_]:
        """Of the records to bet on, which were in."""
        return self.arrays["member"][self.shown[:GUESSES]]  # type: ignore[no-any-return]

    def question(self) -> str:
        """What a visitor is asked."""
        asked = f"{int(self.bets.sum())} of these {len(self.bets)} were in the training set."
        return f"**Guess first.** {asked} Which? Click them, then lock."

    def to_bet_on(self, said: Sequence[int] | None = None, sealed: bool = True) -> tuple[Tile, ...]:
        """The records to bet on; once the seal is broken with the truth, and whether what was said is
        right.
        """
        if sealed:
            return tuple(Tile(at=i, label=self.words_of(i)) for i in range(len(self.bets)))
        tiles = []
        for i, was in enumerate(self.bets):
            tone = "" if said is None else "good" if (i in said) == bool(was) else "bad"
            tiles.append(Tile(at=i, label=self.words_of(i), mark="was in" if was else "was not", tone=tone))
        return tuple(tiles)

    def guess(self, said: Sequence[int]) -> Guess:
        """What came of a visitor's bet."""
        was = self.bets
        hit = was[list(said)]
        counts = {"members": int(was.sum()), "outsiders": int((~was).sum())}
        return Guess(hits=int(hit.sum()), alarms=int((~hit).sum()), **counts)

    def class_question(self) -> Question:
        """The same bet, for a class."""
        count, members = len(self.bets), int(self.bets.sum())
        return Question(
            title="Who was in?",
            ask=f"{members} of these {count} faces were in the training set. Which? Pick up to {members}.",
            kind=Asked.MANY,
            options=tuple(str(i + 1) for i in range(count)),
            most=members,
            pictures=tuple(cut(self.atlas, (i * SPRITE, 0), (SPRITE, SPRITE)) for i in range(count)),
        )

    def class_truth(self) -> Truth:
        """Who was in, and what the strongest attack finds."""
        right = tuple(np.flatnonzero(self.bets).tolist())
        listed = ", ".join(str(i + 1) for i in right)
        numbers = self.leading
        rate, title = numbers.tpr_1pct, CATALOGUE[numbers.attack].title
        surest = np.argsort(-self.arrays[f"score/{numbers.attack}"][self.shown[: len(self.bets)]])[
            : len(right)
        ]
        found = (
            f"{title} picks its {len(right)} surest of these: {len(set(surest.tolist()) & set(right))} right"
        )
        if rate is not None:
            found += f"; of all members it finds {rate.value:.1%} {span(rate)} at 1% false alarms"
        return Truth(right=right, sentence=f"Faces {listed} were in the training set.", attacker=found)
