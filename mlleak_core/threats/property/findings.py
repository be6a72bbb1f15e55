"""The numbers of a watched training, each with interval, n, chance, controls and seed. Light: no torch."""

from __future__ import annotations

from typing import Any

from mlleak_core.threat import Control, Finding
from mlleak_core.threats.property.facts import Facts


class Findings(Facts):
    """The AUC, the accuracy that does not show it, and of texts the words."""

    def findings(self) -> tuple[Finding, ...]:
        """The AUC, the accuracy that does not show it."""
        about, arm = self.about, self.about.having
        controls = [Control("shuffled timeline", arm.shuffled)]
        if about.lacking is not None:
            controls.append(Control(f"training without such {self.things}", about.lacking.auc))
        auc = self._finding(
            key="auc",
            what="AUC of rounds with it against rounds without",
            estimate=arm.auc,
            chance=0.5,
            controls=tuple(controls),
            counted="rounds from its first on",
            verdict=self.verdict,
            null="property-verdict" if self.about.words is None else "property-verdict-texts",
            notes=self._notes(),
        )
        lacking = about.lacking.accuracy if about.lacking else None
        accuracy = self._finding(
            key="task accuracy",
            what="accuracy of the joint net",
            estimate=arm.accuracy,
            chance=0.5,
            controls=() if lacking is None else (Control(f"without such {self.things}", lacking),),
            counted=self._unseen,
            form=".1%",
        )
        return auc, accuracy, *self._of_words()

    def _of_words(self) -> tuple[Finding, ...]:
        words = self.about.words
        if words is None:
            return ()
        parts = (
            ("words precision", "words read from an update that stand in the batch", words.precision),
            ("words recall", "words of the batch that are read from an update", words.recall),
        )
        guessed = zip((words.occurring, words.read), words.elsewhere, strict=True)
        return tuple(
            self._finding(
                key=key,
                what=what,
                estimate=found,
                chance=chance,
                controls=(Control("held against another round", elsewhere),),
                counted="rounds",
                form=".1%",
            )
            for (key, what, found), (chance, elsewhere) in zip(parts, guessed, strict=True)
        )

    def _notes(self) -> tuple[str, ...]:
        arm, settings = self.about.having, self.about.settings
        rang = "false alarm" if arm.early else f"alarm after {arm.delay} rounds"
        delay = "no alarm" if arm.alarm < 0 else rang
        return (
            f"rounds caught {arm.caught.value:.0%} [{arm.caught.low:.0%}, {arm.caught.high:.0%}]",
            delay,
            f"{settings.participants} participants",
            f"share of the batch {settings.batch_share:.0%}",
        )

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)
