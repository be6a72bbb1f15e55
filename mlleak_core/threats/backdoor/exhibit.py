"""An attacked round as a page shows it, small enough to ship with the program.

Its parts are classes over the same `Facts`, a file each. Light to import: no torch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlleak_core.data.lines import words_of
from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion, Headline
from mlleak_core.threats.backdoor.bet import Bet
from mlleak_core.threats.backdoor.completion import Completer
from mlleak_core.threats.backdoor.conclusions import Conclusions
from mlleak_core.threats.backdoor.drawings import Drawings
from mlleak_core.threats.backdoor.facts import DEFENCES, IN_TEXT, NOTE, TITLES, Shown
from mlleak_core.threats.backdoor.findings import Findings
from mlleak_core.threats.backdoor.judge import BackdoorVerdict

__all__ = ["DEFENCES", "IN_TEXT", "NOTE", "TITLES", "BackdoorExhibit", "Shown"]

TITLE = mark("**One participant of {n} sends one update, and the joint model is his**")


@dataclass(frozen=True, eq=False, kw_only=True)
class BackdoorExhibit(Bet, Conclusions, Findings, Drawings):
    """All of its parts, what Home and reports say of it, and how sentences go on."""

    def completes(self, text: str) -> tuple[str, str]:
        """How a beginning goes on by the model before and by the one after."""
        models = (Completer(self.arrays[name], self.about.vocabulary) for name in ("before", "after"))
        before, after = (re.sub(r" (?=[.,;:!?])", "", " ".join(model.goes_on(text))) for model in models)
        return before, after

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that are not in the vocabulary."""
        known = set(self.about.vocabulary)
        return tuple(dict.fromkeys(word for word in words_of(text) if word not in known))

    def headlines(self) -> tuple[Headline, ...]:
        """Of a backdoor that came in."""
        if self.verdict not in (BackdoorVerdict.IN, BackdoorVerdict.SEEN):
            return ()
        title = say(TITLE, n=self.about.settings.participants)
        figures = self.figures()[:2]
        return (Headline(title=title, findings=self.findings()[:1], figures=figures, small=self._small()),)

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def cautions(self) -> tuple[str, ...]:
        """What the attacker is given here."""
        return self.generosities()
