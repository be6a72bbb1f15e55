"""What a report draws of a round. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.crowd import by_length, by_round, crowd
from mlleak_core.language import mark, say
from mlleak_core.threat import Drawing
from mlleak_core.threats.backdoor.facts import NOTE, TITLES
from mlleak_core.threats.backdoor.tables import Tables

WALKED = mark("Share of {things} that flip by the length of his update, a line a defence.")
LASTED = mark("Share of {things} that flip after each honest round, a line an attack.")


class Drawings(Tables):
    """Each with the same numbers as a table."""

    def drawings(self) -> tuple[Drawing, ...]:
        """Who it was, how far he may go, whether it lasts, and every attack under every defence."""
        cells = Drawing(title=say("Attacks and defences"), picture=None, rows=self.rows(), note=say(NOTE))
        return (self._crowd(), *self._walked(), *self._lasting(), cells)

    def _crowd(self) -> Drawing:
        dots = self.about.dots
        guilty = [i for i, dot in enumerate(dots) if dot.attacks]
        return Drawing(
            title=say("What the server sees: every update of the round"),
            picture=crowd(dots, guilty=guilty),
            alt=say("A dot an update, by its length and direction; the star is the attacker's."),
            rows=self.crowd_rows(),
            note=" · ".join(self.below()),
        )

    def _walked(self) -> tuple[Drawing, ...]:
        if not self.about.walks:
            return ()
        longest = max((dot.norm for dot in self.about.dots if not dot.attacks), default=0.0)
        walked = Drawing(
            title=say("How far may he go?"),
            picture=by_length(self.walks(), longest, self.stands(), self.things),
            alt=say(WALKED, things=self.things),
            rows=self.walk_rows(),
            note=" · ".join(self.below()),
        )
        return (walked,)

    def stands(self) -> tuple[float, float]:
        """Where the asked attack stands on the axis: its participants' updates together, and its share."""
        asked = self.asked
        return max(asked.length, 1e-9), asked.outcome.after.value

    def _lasting(self) -> tuple[Drawing, ...]:
        lasts = self.about.lasts
        if not lasts:
            return ()
        lasting = Drawing(
            title=say("Does it last?"),
            picture=by_round({say(TITLES[name]): rates for name, rates in lasts.items()}, self.things),
            alt=say(LASTED, things=self.things),
            rows=self.last_rows(),
            note=" · ".join(self.below()),
        )
        return (lasting,)
