"""What was read and what it cost, and whether an eraser helps. Light: no torch."""

from __future__ import annotations

from mlleak_core.figures.treatments import Treatment
from mlleak_core.threat import Conclusion, Verdict
from mlleak_core.threats.reconstruction.facts import Facts, known
from mlleak_core.threats.reconstruction.judge import ReconstructionVerdict
from mlleak_core.threats.reconstruction.readings import ERASED, between

REMOVED = 0.25
"""An eraser removes the faces where at most this share of their owners is still found, …"""
LEEWAY = 0.02
""" … and keeps the task where the accuracy falls by no more than this."""


class EraserVerdict(Verdict):
    """Whether any treatment helps the owner."""

    REMOVED = "a treatment removes the faces and keeps the task"
    STAYS = "no treatment removes the faces and keeps the task"


class Conclusions(Facts):
    """First of the reading, then of what every eraser leaves of it."""

    def conclusion(self) -> Conclusion:
        """What was read and what it cost, from the intervals."""
        found, verdict = self.last.identified.value, self.about.verdict
        more = f": {found:.0%} of their owners are found" if verdict is ReconstructionVerdict.FOUND else ""
        sentence = f"{verdict.words[0].upper()}{verdict.words[1:]}{more}. {self._price()}"
        return Conclusion(verdict, sentence.strip(), self.encoding.how.replace("*", ""))

    def _price(self) -> str:
        if self.about.task is None:
            return ""
        cost = self.about.task.cost
        side = "below" if cost.value >= 0 else "above"
        unsure = "" if cost.low > 0 or cost.high < 0 else ": *no difference can be claimed*"
        return (
            f"Its accuracy is {100 * abs(cost.value):.1f} points {side} the clean twin's "
            f"[{0 - 100 * cost.high:+.1f}, {0 - 100 * cost.low:+.1f}]{unsure}."
        )

    def treatments(self) -> tuple[Treatment, ...]:
        """The untreated model and what every eraser leaves of it; none where no eraser was tried."""
        task, erased = self.about.task, self.views(ERASED)
        if task is None or not erased:
            return ()
        before = Treatment("untreated", task.accuracy, self.last.identified)
        return before, *(Treatment(v.title, known(v.accuracy), v.identified) for v in erased)

    def erasure(self) -> Conclusion | None:
        """Which eraser removes the faces and keeps the task; the best of those that do."""
        before, *after = self.treatments() or (None,)
        if before is None:
            return None
        task = before.task.value
        good = [t for t in after if t.found.value <= REMOVED and t.task.value >= task - LEEWAY]
        if not good:
            return Conclusion(
                EraserVerdict.STAYS,
                "*No treatment here* removes the faces and keeps the accuracy within two points.",
                f"Tried {len(after)}; removed means that at most a quarter of the owners are found; "
                f"accuracy untreated {task:.1%}.",
            )
        best = max(good, key=lambda t: t.task.value)
        return Conclusion(
            EraserVerdict.REMOVED,
            f"“{best.title.capitalize()}” leaves {best.found.value:.0%} of the owners to be found and an "
            f"accuracy of *{best.task.value:.1%}*.",
            f"Owners found {between(best.found, '.1%')}, accuracy {between(best.task, '.1%')}, "
            f"untreated {task:.1%}; picked after the fact among {len(after)} treatments.",
        )
