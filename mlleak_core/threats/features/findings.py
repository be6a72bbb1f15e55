"""Every rung as a number with interval, n, chance, controls and seed; and the task. Light: no torch."""

from __future__ import annotations

from mlleak_core.language import mark, say
from mlleak_core.threat import Control, Finding
from mlleak_core.threats.features.facts import Facts, out_of
from mlleak_core.threats.features.rungs import LadderVerdict, Rung

UNMOVED = {LadderVerdict.CHANCE, LadderVerdict.KEPT}
COUNTED = mark("faces of {people} people, of them {positives} of {holders} people labelled {attribute}")


class Findings(Facts):
    """Of each attribute the telling rung first."""

    def findings(self) -> tuple[Finding, ...]:
        """Every rung, of each attribute the telling one first; and the task."""
        ordered = []
        for attribute in self.about.attributes:
            telling = self.telling(attribute)
            ordered += [telling, *(r for r in self.rungs_of(attribute) if r is not telling)]
        return (*(self.finding(rung) for rung in ordered), self.taught())

    def finding(self, rung: Rung) -> Finding:
        """One rung with all that it needs to be believed."""
        phi, name = self.about.correlation[rung.attribute], rung.attribute
        return Finding(
            key=f"{name}/{rung.layer}",
            what=say("AUC of {attribute} {place}", attribute=say(name), place=out_of(rung.layer)),
            estimate=rung.auc,
            chance=0.5,
            controls=(
                Control(say("untrained net"), rung.random_init),
                Control(say("shuffled labels"), rung.null),
            ),
            counted=say(
                COUNTED,
                people=rung.people,
                positives=rung.positives,
                holders=rung.holders,
                attribute=say(name),
            ),
            notes=(
                say(
                    "φ with the task {phi:+.3f} [{low:.2f}, {high:.2f}]",
                    phi=phi.value,
                    low=phi.low,
                    high=phi.high,
                ),
            ),
            seed=self.about.settings.seed,
            seconds=self.about.seconds,
            source=self.source,
            verdict=rung.verdict,
            null="features-null-attribute" if rung.verdict in UNMOVED else "features-verdict",
        )

    def taught(self) -> Finding:
        """How well the net does what it was taught."""
        task = self.about.task
        return Finding(
            key="task",
            what=say("test accuracy"),
            estimate=task.accuracy,
            form=".1%",
            chance=task.majority,
            controls=(),
            counted=say("faces of people never seen"),
            notes=(say("trained on {members:,}", members=task.members),),
            seed=self.about.settings.seed,
            seconds=task.seconds,
            source=self.source,
        )
