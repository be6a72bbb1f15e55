"""The numbers of a watched training, each with interval, n, chance, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.language import mark, say
from mlleak_core.threat import Control, Finding
from mlleak_core.threats.property.facts import Facts

PRECISION = mark("words read from an update that stand in the batch")
RECALL = mark("words of the batch that are read from an update")


class Findings(Facts):
    """The AUC, the accuracy that does not show it, and of texts the words."""

    def findings(self) -> tuple[Finding, ...]:
        """The AUC, the accuracy that does not show it."""
        about, arm = self.about, self.about.having
        controls = [Control(say("shuffled timeline"), arm.shuffled)]
        if about.lacking is not None:
            without = say("training without such {things}", things=self.things)
            controls.append(Control(without, about.lacking.auc))
        auc = self._finding(
            key="auc",
            what=say("AUC of rounds with it against rounds without"),
            estimate=arm.auc,
            chance=0.5,
            controls=tuple(controls),
            counted=say("rounds from its first on"),
            verdict=self.verdict,
            null="property-verdict" if self.about.words is None else "property-verdict-texts",
            notes=self._notes(),
        )
        lacking, without = about.lacking, say("without such {things}", things=self.things)
        accuracy = self._finding(
            key="task accuracy",
            what=say("accuracy of the joint net"),
            estimate=arm.accuracy,
            chance=0.5,
            controls=() if lacking is None else (Control(without, lacking.accuracy),),
            counted=self._unseen,
            form=".1%",
        )
        return auc, accuracy, *self._of_words()

    def _of_words(self) -> tuple[Finding, ...]:
        words = self.about.words
        if words is None:
            return ()
        parts = (
            ("words precision", PRECISION, words.precision),
            ("words recall", RECALL, words.recall),
        )
        guessed = zip((words.occurring, words.read), words.elsewhere, strict=True)
        return tuple(
            self._finding(
                key=key,
                what=say(what),
                estimate=found,
                chance=chance,
                controls=(Control(say("held against another round"), elsewhere),),
                counted=say("rounds"),
                form=".1%",
            )
            for (key, what, found), (chance, elsewhere) in zip(parts, guessed, strict=True)
        )

    def _notes(self) -> tuple[str, ...]:
        arm, settings = self.about.having, self.about.settings
        caught = {"share": arm.caught.value, "low": arm.caught.low, "high": arm.caught.high}
        rang = say("false alarm") if arm.early else say("alarm after {n} rounds", n=arm.delay)
        return (
            say("rounds caught {share:.0%} [{low:.0%}, {high:.0%}]", **caught),
            say("no alarm") if arm.alarm < 0 else rang,
            say("{n} participants", n=settings.participants),
            say("share of the batch {share:.0%}", share=settings.batch_share),
        )

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)
