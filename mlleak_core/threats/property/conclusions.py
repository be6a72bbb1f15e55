"""What one participant learned of the other's records, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.threat import Conclusion
from mlleak_core.threats.property.facts import Facts
from mlleak_core.threats.property.judge import PropertyVerdict


class Conclusions(Facts):
    """Whether it shows and since when, which words told, and what the attacker is given."""

    def conclusion(self) -> Conclusion:
        """What one participant learned of the other's photos."""
        about, arm = self.about, self.about.having
        who = "the others'" if about.settings.participants > 2 else "the other's"
        if self.verdict is PropertyVerdict.SHOWS:
            first = f"When {self.subject} are in {who} batch *shows in the updates*: AUC {arm.auc.value:.2f}"
        else:
            first = (
                f"Whether {self.subject} are in {who} batch *cannot be told from chance*: AUC "
                f"{arm.auc.value:.2f}"
            )
        sentence = f"{first} [{arm.auc.low:.2f}, {arm.auc.high:.2f}]. {self._when()}"
        return Conclusion(self.verdict, sentence.strip(), self._small())

    def _when(self) -> str:
        arm = self.about.having
        if arm.early:
            return "The alarm rang *before* they came: a false one."
        if arm.delay is None:
            return "No alarm rang."
        return f"They came in at round {self.about.first + 1}; the alarm rang *{arm.delay} rounds later*."

    def _small(self) -> str:
        about, things, phi = self.about, self.things, self.about.association
        parts = [
            f"Property and task go together by φ = {_signed(phi.value)} in the victim's {things}"
            f" [{_signed(phi.low)}, {_signed(phi.high)}]."
        ]
        if about.cost is not None and about.lacking is not None:
            parts.append(
                f"The joint net is right on {about.having.accuracy.value:.1%} of {self._unseen}, and on "
                f"{about.lacking.accuracy.value:.1%} where those {self.things} are absent (difference "
                f"[{_points(about.cost.low)}, {_points(about.cost.high)}] points): it shows nothing."
                if about.cost.low <= 0 <= about.cost.high
                else f"The joint net's accuracy is {about.having.accuracy.value:.1%} with those {things} and "
                f"{about.lacking.accuracy.value:.1%} without."
            )
        return " ".join(parts)

    def told(self) -> str:
        """Which words gave it away, in a sentence; empty where there are none."""
        found = self.about.words
        if found is None:
            return ""
        read = (
            f"The words themselves lie open: {found.recall.value:.0%} of those in a batch are read from one "
            f"update, {found.precision.value:.0%} of those read are right."
        )
        told = ", ".join(f"*{word}* (×{times:g})" for word, times in found.told)
        shows = told and self.verdict is PropertyVerdict.SHOWS
        return f"{read} What gave {self.subject} away: {told}." if shows else read

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about = self.about
        given = [
            f"The attacker has {about.own[0] + about.own[2]} {self.things} of his own with the property, "
            "of the same source.",
            f"The victim draws the same {self.things} again and again: intervals count records, too.",
        ]
        if about.settings.batch_share == 1:
            given.append("Whole batches have the property; lower the share to see how far that carries.")
        if about.settings.attack != "online":
            given.append("One reader learns from all rounds, so that later rounds date earlier ones.")
        if about.settings.participants > 2:
            given.append(f"Nobody but the victim has such {self.things}.")
        return tuple(given)


def _signed(value: float) -> str:
    """With two digits, never as minus nought."""
    return f"{round(value, 2) + 0:+.2f}"


def _points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
