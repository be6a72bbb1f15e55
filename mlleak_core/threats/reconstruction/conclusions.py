"""What was read and what it cost, and whether an eraser helps. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.treatments import Treatment
from mlleak_core.language import mark, say
from mlleak_core.threat import Conclusion, Verdict
from mlleak_core.threats.reconstruction.facts import Facts, known
from mlleak_core.threats.reconstruction.judge import ReconstructionVerdict
from mlleak_core.threats.reconstruction.readings import ERASED, between

REMOVED = 0.25
"""An eraser removes the faces where at most this share of their owners is still found, …"""
LEEWAY = 0.02
""" … and keeps the task where the accuracy falls by no more than this."""
SENTENCES = {
    ReconstructionVerdict.FOUND: mark("The faces are in the model: {found:.0%} of their owners are found."),
    ReconstructionVerdict.SOMETHING: mark(
        "Something of the faces is in the model, but their owners are not found."
    ),
    ReconstructionVerdict.NOTHING: mark("No faces were read back: the average face is as good."),
}
BELOW = mark("Its accuracy is {points:.1f} points below the clean twin's [{low:+.1f}, {high:+.1f}].")
ABOVE = mark("Its accuracy is {points:.1f} points above the clean twin's [{low:+.1f}, {high:+.1f}].")
BELOW_UNSURE = mark(
    "Its accuracy is {points:.1f} points below the clean twin's [{low:+.1f}, {high:+.1f}]: *no difference "
    "can be claimed*."
)
ABOVE_UNSURE = mark(
    "Its accuracy is {points:.1f} points above the clean twin's [{low:+.1f}, {high:+.1f}]: *no difference "
    "can be claimed*."
)
NO_ERASER = mark("*No treatment here* removes the faces and keeps the accuracy within two points.")
TRIED = mark(
    "Tried {n}; removed means that at most a quarter of the owners are found; accuracy untreated {task:.1%}."
)
LEAVES = mark(
    "“{treatment}” leaves {found:.0%} of the owners to be found and an accuracy of *{accuracy:.1%}*."
)
PICKED = mark(
    "Owners found {found}, accuracy {accuracy}, untreated {task:.1%}; picked after the fact among {n} "
    "treatments."
)


class EraserVerdict(Verdict):
    """Whether any treatment helps the owner."""

    REMOVED = mark("a treatment removes the faces and keeps the task")
    STAYS = mark("no treatment removes the faces and keeps the task")


class Conclusions(Facts):
    """First of the reading, then of what every eraser leaves of it."""

    def conclusion(self) -> Conclusion:
        """What was read and what it cost, from the intervals."""
        sentence = say(SENTENCES[self.about.verdict], found=self.last.identified.value)
        if price := self._price():
            sentence = say("{first} {then}", first=sentence, then=price)
        return Conclusion(self.about.verdict, sentence, say(self.encoding.how).replace("*", ""))

    def _price(self) -> str:
        if self.about.task is None:
            return ""
        cost = self.about.task.cost
        sure = cost.low > 0 or cost.high < 0
        below, above = (BELOW, ABOVE) if sure else (BELOW_UNSURE, ABOVE_UNSURE)
        return say(
            below if cost.value >= 0 else above,
            points=100 * abs(cost.value),
            low=0 - 100 * cost.high,
            high=0 - 100 * cost.low,
        )

    def treatments(self) -> tuple[Treatment, ...]:
        """The untreated model and what every eraser leaves of it; none where no eraser was tried."""
        task, erased = self.about.task, self.views(ERASED)
        if task is None or not erased:
            return ()
        before = Treatment(mark("untreated"), task.accuracy, self.last.identified)
        return before, *(Treatment(v.title, known(v.accuracy), v.identified) for v in erased)

    def erasure(self) -> Conclusion | None:
        """Which eraser removes the faces and keeps the task; the best of those that do."""
        before, *after = self.treatments() or (None,)
        if before is None:
            return None
        task = before.task.value
        good = [t for t in after if t.found.value <= REMOVED and t.task.value >= task - LEEWAY]
        if not good:
            return Conclusion(EraserVerdict.STAYS, say(NO_ERASER), say(TRIED, n=len(after), task=task))
        best = max(good, key=lambda t: t.task.value)
        found, accuracy = between(best.found, ".1%"), between(best.task, ".1%")
        name = say(best.title)
        name = name[:1].upper() + name[1:]
        return Conclusion(
            EraserVerdict.REMOVED,
            say(LEAVES, treatment=name, found=best.found.value, accuracy=best.task.value),
            say(PICKED, found=found, accuracy=accuracy, task=task, n=len(after)),
        )
