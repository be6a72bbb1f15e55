"""What one participant learned of the other's records, in sentences. Light: no torch."""

from __future__ import annotations

from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion
from mlleak_core.threats.property.facts import Facts
from mlleak_core.threats.property.judge import PropertyVerdict

SHOWS, HIDDEN = PropertyVerdict.SHOWS, PropertyVerdict.HIDDEN
SENTENCES = {
    (SHOWS, False): mark(
        "When {subject} are in the other's batch *shows in the updates*: AUC {auc:.2f} "
        "[{low:.2f}, {high:.2f}]. {when}"
    ),
    (SHOWS, True): mark(
        "When {subject} are in the others' batch *shows in the updates*: AUC {auc:.2f} "
        "[{low:.2f}, {high:.2f}]. {when}"
    ),
    (HIDDEN, False): mark(
        "Whether {subject} are in the other's batch *cannot be told from chance*: AUC {auc:.2f} "
        "[{low:.2f}, {high:.2f}]. {when}"
    ),
    (HIDDEN, True): mark(
        "Whether {subject} are in the others' batch *cannot be told from chance*: AUC {auc:.2f} "
        "[{low:.2f}, {high:.2f}]. {when}"
    ),
}
"""Verdict and whether there are several others -> what follows."""
TOGETHER = mark("Property and task go together by φ = {phi} in the victim's {things} [{low}, {high}].")
SAME = mark(
    "The joint net is right on {having:.1%} of {unseen}, and on {lacking:.1%} where those {things} are "
    "absent (difference [{low}, {high}] points): it shows nothing."
)
OTHER = mark("The joint net's accuracy is {having:.1%} with those {things} and {lacking:.1%} without.")
READ = mark(
    "The words themselves lie open: {recall:.0%} of those in a batch are read from one update, "
    "{precision:.0%} of those read are right."
)
CAME = mark("They came in at round {first}; the alarm rang *{delay} rounds later*.")
OWN = mark("The attacker has {n} {things} of his own with the property, of the same source.")
AGAIN = mark("The victim draws the same {things} again and again: intervals count records, too.")
WHOLE = mark("Whole batches have the property; lower the share to see how far that carries.")
HINDSIGHT = mark("One reader learns from all rounds, so that later rounds date earlier ones.")
NOBODY = mark("Nobody but the victim has such {things}.")


class Conclusions(Facts):
    """Whether it shows and since when, which words told, and what the attacker is given."""

    def conclusion(self) -> Conclusion:
        """What one participant learned of the other's photos."""
        auc, others = self.about.having.auc, self.about.settings.participants > 2
        sentence = say(
            SENTENCES[self.verdict, others],
            subject=self.subject,
            auc=auc.value,
            low=auc.low,
            high=auc.high,
            when=self._when(),
        )
        return Conclusion(self.verdict, sentence, self._small())

    def _when(self) -> str:
        arm = self.about.having
        if arm.early:
            return say("The alarm rang *before* they came: a false one.")
        if arm.delay is None:
            return say("No alarm rang.")
        return say(CAME, first=self.about.first + 1, delay=arm.delay)

    def _small(self) -> str:
        phi = self.about.association
        bounds = {"low": _signed(phi.low), "high": _signed(phi.high)}
        together = say(TOGETHER, phi=_signed(phi.value), things=self.things, **bounds)
        return f"{together} {self._cost()}".strip()

    def _cost(self) -> str:
        about = self.about
        if about.cost is None or about.lacking is None:
            return ""
        found = {"having": about.having.accuracy.value, "lacking": about.lacking.accuracy.value}
        low, high = about.cost.low, about.cost.high
        if not low <= 0 <= high:
            return say(OTHER, things=self.things, **found)
        bounds = {"low": _points(low), "high": _points(high)}
        return say(SAME, unseen=self._unseen, things=self.things, **found, **bounds)

    def told(self) -> str:
        """Which words gave it away, in a sentence; empty where there are none."""
        found = self.about.words
        if found is None:
            return ""
        read = say(READ, recall=found.recall.value, precision=found.precision.value)
        told = ", ".join(f"*{word}* (×{times:g})" for word, times in found.told)
        if not told or self.verdict is not SHOWS:
            return read
        return say("{read} What gave {subject} away: {told}.", read=read, subject=self.subject, told=told)

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about, things = self.about, self.things
        given = [say(OWN, n=about.own[0] + about.own[2], things=things), say(AGAIN, things=things)]
        if about.settings.batch_share == 1:
            given.append(say(WHOLE))
        if about.settings.attack != "online":
            given.append(say(HINDSIGHT))
        if about.settings.participants > 2:
            given.append(say(NOBODY, things=things))
        return tuple(given)


def _signed(value: float) -> str:
    """With two digits, never as minus nought."""
    return f"{round(value, 2) + 0:+.2f}"


def _points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
