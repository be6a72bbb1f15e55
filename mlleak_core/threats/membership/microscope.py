"""One record closely: how its shadows see it, what every attack says of it, why. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlleak_core.figures.strip import Strip
from mlleak_core.language import again, mark, say
from mlleak_core.threat import Verdict
from mlleak_core.threats.membership.attacks import CATALOGUE, title_of
from mlleak_core.threats.membership.facts import GUESSES, Facts, Tile

EASY = mark(
    "An easy record: models are as sure of it without having seen it, so nobody can tell. Loss alone would "
    "still suspect it."
)
TELLING = mark("A telling record: models are sure of it only when they have seen it.")
LIES = {
    (True, True): mark("The target's mark lies among those that had it, as it should."),
    (True, False): mark("The target's mark lies among those that had it, by chance the wrong side."),
    (False, True): mark("The target's mark lies among those that had not, as it should."),
    (False, False): mark("The target's mark lies among those that had not, by chance the wrong side."),
}
"""Near the shadows that had it, on the right side -> words."""
SEALED = mark("Who was in stays sealed until your bet.")
GALLERY = mark(
    "{count} of {all:,} records, from the most to the least suspicious to {attack}. The number is the share "
    "of all records that are less so."
)
ELSEWHERE = {
    True: mark(
        "The person you pinned is not among those below: {attack} puts the record above the 1% line, and it "
        "is more suspicious than {rank:.0%} of all."
    ),
    False: mark(
        "The person you pinned is not among those below: {attack} puts the record below the 1% line, and it "
        "is more suspicious than {rank:.0%} of all."
    ),
    None: mark(
        "The person you pinned is not among those below: {attack} puts the record on neither side of a line, "
        "and it is more suspicious than {rank:.0%} of all."
    ),
}
SAYS = {
    True: mark("above the line"),
    False: mark("below it"),
    None: mark("no line with so few outsiders"),
}
"""Whether a record lies above an attack's line -> words."""


class RecordVerdict(Verdict):
    """Whether a record can give itself away at all."""

    EASY = mark("an easy record")
    TELLING = mark("a telling record")


@dataclass(frozen=True, eq=False, kw_only=True)
class Closeup:
    """One record under the microscope. name, label: who it is, as the data set writes it. rows: what each
    attack says. Once it may be told: words, the truth; kind and story, why attacks see it as they do.
    """

    person: int
    name: str
    label: str
    words: str
    strip: Strip
    kind: RecordVerdict | None
    story: str
    rows: tuple[dict[str, str], ...]


class Microscope(Facts):
    """The gallery to choose from, and the record chosen."""

    def above(self, attack: str, record: int) -> bool | None:
        """Whether the record lies above the line that 1% of the outsiders cross; None without such a line."""
        line, scores = self.numbers(attack).line, self.arrays[f"score/{attack}"]
        if line is None:
            return None
        return bool(scores[record] > scores.dtype.type(line))  # an exhibit may keep its scores in float32

    def rank(self, attack: str, record: int) -> float:
        """The share of all records that score lower."""
        scores = self.arrays[f"score/{attack}"]
        return float((scores < scores[record]).mean())

    def gallery(self, pinned: int = -1) -> tuple[Tile, ...]:
        """The records for the microscope, from the most to the least suspicious; a pinned person is
        marked.
        """
        first, person = self.leading.attack, self.arrays["person"]
        tiles = []
        for at, record in enumerate(self.shown[GUESSES:], GUESSES):
            mine = person[record] == pinned
            said = f"{self.rank(first, record):.0%}"
            said = say("{rank} pinned", rank=said) if mine else said
            tiles.append(Tile(at=at, label=self.words_of(at), mark=said, tone="pin" if mine else ""))
        return tuple(tiles)

    def gallery_words(self) -> str:
        """What the gallery is."""
        count, all_ = len(self.shown) - GUESSES, len(self.arrays["member"])
        return say(GALLERY, count=count, all=all_, attack=title_of(self.leading.attack))

    def start(self, pinned: int) -> int:
        """Which of the gallery is looked at first: the pinned person, if shown."""
        mine = np.flatnonzero(self.arrays["person"][self.shown[GUESSES:]] == pinned)
        return int(mine[0]) if len(mine) else 0

    def elsewhere(self, pinned: int, sealed: bool) -> str:
        """What is known of a pinned person whose records are not in the gallery; empty where they are."""
        records = np.flatnonzero(self.arrays["person"] == pinned)
        if pinned < 0 or np.isin(records, self.shown[GUESSES:]).any():
            return ""
        if not len(records):
            return say("The person you pinned has no record in this pool.")
        first = self.leading.attack
        record = max(map(int, records), key=lambda r: self.rank(first, r))
        where = ELSEWHERE[self.above(first, record)]
        words = say(where, attack=title_of(first), rank=self.rank(first, record))
        return words if sealed else f"{words} {self._truth(record)}"

    def closeup(self, place: int, sealed: bool) -> Closeup:
        """The record at a place of the gallery, closely."""
        at = GUESSES + place
        record = int(self.shown[at])
        kind = None if sealed else self._kind(at)
        return Closeup(
            person=int(self.arrays["person"][record]),
            name=again(self.about.names[at]),
            label=say(self.about.classes[int(self.arrays["y"][record])]),
            words=say(SEALED) if sealed else self._truth(record),
            strip=self._strip(at),
            kind=kind,
            story="" if kind is None else self._story(at, kind),
            rows=tuple(self._says(slug, record, sealed) for slug in self.slugs),
        )

    def _strip(self, at: int) -> Strip:
        phi, inside = self.arrays["phi"][:, at], self.arrays["inside"][:, at]
        return Strip(phi=phi, inside=inside, target=float(self.arrays["target_phi"][self.shown[at]]))

    def _truth(self, record: int) -> str:
        if self.arrays["member"][record]:
            return say("It **was** in the training set.")
        return say("It **was not** in the training set.")

    def _kind(self, at: int) -> RecordVerdict | None:
        """None where all shadows had it, or none."""
        seen = self._strip(at)
        if not seen.inside.any() or seen.inside.all():
            return None
        had, had_not = seen.phi[seen.inside].astype(float), seen.phi[~seen.inside].astype(float)
        apart = had.mean() - had_not.mean()
        doubt = 3 * np.sqrt(had.var() / len(had) + had_not.var() / len(had_not))
        least = max(seen.phi.astype(float).std() / 2, doubt)
        return RecordVerdict.EASY if apart < least else RecordVerdict.TELLING

    def _story(self, at: int, kind: RecordVerdict) -> str:
        """Why the attacks see this record as they do, from its shadows."""
        if kind is RecordVerdict.EASY:
            return say(EASY)
        seen, member = self._strip(at), bool(self.arrays["member"][self.shown[at]])
        phi = seen.phi.astype(float)
        near, far = (abs(seen.target - phi[w].mean()) for w in (seen.inside, ~seen.inside))
        lies = LIES[bool(near < far), bool(near < far) == member]
        return f"{say(TELLING)} {say(lies)}"

    def _says(self, attack: str, record: int, sealed: bool) -> dict[str, str]:
        """One attack's word on one record; whether it is right only when that may be told."""
        above = self.above(attack, record)
        right = above == bool(self.arrays["member"][record])
        told = {} if sealed or above is None else {mark("right"): say("yes") if right else say("no")}
        return {
            mark("attack"): title_of(attack),
            mark("says"): say(SAYS[above]),
            **told,
            mark("more suspicious than"): f"{self.rank(attack, record):.0%}",
            mark("because it"): say(CATALOGUE[attack].why),
        }
