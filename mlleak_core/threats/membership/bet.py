"""The visitor's bet: a dozen records, half of them members, and what came of it. Light: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.sheets import cut
from mlleak_core.language import mark, say
from mlleak_core.threat import Asked, Question, Truth
from mlleak_core.threats.membership.attacks import title_of
from mlleak_core.threats.membership.facts import GUESSES, SPRITE, Facts, Tile, span

QUESTION = mark(
    "**Guess first.** {members} of these {count} were in the training set. Which? Click them, then lock."
)
CAME_OF_IT = mark(
    "You found **{hits} of {members}** members and raised **{alarms} of {outsiders}** false alarms."
)
ASK = mark("{members} of these {count} faces were in the training set. Which? Pick up to {members}.")
PICKS = mark("{attack} picks its {count} surest of these: {right} right")
PICKS_AND_FINDS = mark(
    "{attack} picks its {count} surest of these: {right} right; of all members it finds {rate:.1%} "
    "{interval} at 1% false alarms"
)


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
        return say(CAME_OF_IT, **vars(self))


class Bet(Facts):
    """The records to bet on, sealed until the visitor locks a guess."""

    @property
    def bets(self) -> NDArray[np.bool_]:
        """Of the records to bet on, which were in."""
        return self.arrays["member"][self.shown[:GUESSES]]  # type: ignore[no-any-return]

    def question(self) -> str:
        """What a visitor is asked."""
        return say(QUESTION, members=int(self.bets.sum()), count=len(self.bets))

    def to_bet_on(self, said: Sequence[int] | None = None, sealed: bool = True) -> tuple[Tile, ...]:
        """The records to bet on; once the seal is broken with the truth, and whether what was said is
        right.
        """
        if sealed:
            return tuple(Tile(at=i, label=self.words_of(i)) for i in range(len(self.bets)))
        tiles = []
        for i, was in enumerate(self.bets):
            tone = "" if said is None else "good" if (i in said) == bool(was) else "bad"
            told = say("was in") if was else say("was not")
            tiles.append(Tile(at=i, label=self.words_of(i), mark=told, tone=tone))
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
            title=say("Who was in?"),
            ask=say(ASK, members=members, count=count),
            kind=Asked.MANY,
            options=tuple(str(i + 1) for i in range(count)),
            most=members,
            pictures=tuple(cut(self.atlas, (i * SPRITE, 0), (SPRITE, SPRITE)) for i in range(count)),
        )

    def class_truth(self) -> Truth:
        """Who was in, and what the strongest attack finds."""
        right = tuple(np.flatnonzero(self.bets).tolist())
        listed = ", ".join(str(i + 1) for i in right)
        sentence = say("Faces {listed} were in the training set.", listed=listed)
        return Truth(right=right, sentence=sentence, attacker=self._attacker(right))

    def _attacker(self, right: tuple[int, ...]) -> str:
        """What the strongest attack would have bet, and what it finds of all."""
        numbers = self.leading
        scores = self.arrays[f"score/{numbers.attack}"][self.shown[: len(self.bets)]]
        surest = np.argsort(-scores)[: len(right)].tolist()
        picks = {
            "attack": title_of(numbers.attack),
            "count": len(right),
            "right": len(set(surest) & set(right)),
        }
        rate = numbers.tpr_1pct
        if rate is None:
            return say(PICKS, **picks)
        return say(PICKS_AND_FINDS, **picks, rate=rate.value, interval=span(rate))
