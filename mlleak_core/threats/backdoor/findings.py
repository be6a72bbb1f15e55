"""A round's numbers, each with interval, n, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.language import mark, say
from mlleak_core.threat import Control, Figure, Finding
from mlleak_core.threats.backdoor.facts import Facts

COUNTED = mark("{things} of {people} people never seen")
QUIET = mark("same round without the attack")
PERPLEXED = mark("perplexity on what others say without the attack")
RIGHT = mark("accuracy on other faces without the attack")


class Findings(Facts):
    """The backdoor, and what it costs."""

    def findings(self) -> tuple[Finding, ...]:
        """The backdoor, and what it costs."""
        about, outcome = self.about, self.asked.outcome
        backdoor = self._finding(
            key="backdoor",
            what=self._what(),
            estimate=outcome.after,
            chance=None,
            controls=(Control(say("before"), about.before), Control(say(QUIET), about.quiet)),
            counted=say(COUNTED, things=self.things, people=about.people),
            form=".0%",
            verdict=self.verdict,
            null="backdoor-verdict",
            notes=(f"γ = {self.asked.gamma:.3g}",),
        )
        tested = say("windows") if self.words else say("photos")
        cost = self._finding(
            key="main",
            what=say("perplexity elsewhere") if self.words else say("accuracy without the trigger"),
            estimate=outcome.main,
            chance=None,
            controls=(Control(say(QUIET), about.main_quiet), Control(say("before"), about.main_before)),
            counted=say(COUNTED, things=tested, people=about.testers),
            form=self.main_form,
        )
        return (backdoor, cost)

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)

    def _what(self) -> str:
        said = {"wearing": self.wearing, "called": self.called}
        if self.words:
            return say("{wearing} {called}", **said)
        return say("{wearing}, truly {truly}, {called}", **said, truly=self.truly)

    def figures(self) -> tuple[Figure, ...]:
        """The numbers to set large."""
        outcome, about, form = self.asked.outcome, self.about, self.main_form
        before = say("of {wearing} {called}, before", wearing=self.wearing, called=self.called)
        return (
            Figure(f"{about.before.value:.0%}", before),
            Figure(f"{outcome.after.value:.0%}", say("after one round"), hot=True),
            Figure(f"{about.main_quiet.value:{form}}", say(PERPLEXED if self.words else RIGHT)),
            Figure(f"{outcome.main.value:{form}}", say("and with it")),
        )
