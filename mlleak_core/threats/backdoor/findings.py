"""A round's numbers, each with interval, n, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.threat import Control, Figure, Finding
from mlleak_core.threats.backdoor.facts import Facts


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
            controls=(Control("before", about.before), Control("same round without the attack", about.quiet)),
            counted=f"{self.things} of {about.people} people never seen",
            form=".0%",
            verdict=self.verdict,
            null="backdoor-verdict",
            notes=(f"γ = {self.asked.gamma:.3g}",),
        )
        cost = self._finding(
            key="main",
            what="perplexity elsewhere" if self.words else "accuracy without the trigger",
            estimate=outcome.main,
            chance=None,
            controls=(
                Control("same round without the attack", about.main_quiet),
                Control("before", about.main_before),
            ),
            counted=f"{'windows' if self.words else 'photos'} of {about.testers} people never seen",
            form=self.main_form,
        )
        return (backdoor, cost)

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)

    def _what(self) -> str:
        truly = "" if self.words else f", truly {self.truly},"
        return f"{self.wearing}{truly} {self.called}"

    def figures(self) -> tuple[Figure, ...]:
        """The numbers to set large."""
        outcome, about = self.asked.outcome, self.about
        return (
            Figure(f"{about.before.value:.0%}", f"of {self.wearing} {self.called}, before"),
            Figure(f"{outcome.after.value:.0%}", "after one round", hot=True),
            Figure(f"{about.main_quiet.value:{self.main_form}}", f"{self._task()} without the attack"),
            Figure(f"{outcome.main.value:{self.main_form}}", "and with it"),
        )
