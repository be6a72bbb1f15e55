"""What may be said of a number: a finding with all that it needs to be believed, and what follows."""

from __future__ import annotations

import dataclasses
import enum
import math
from dataclasses import dataclass
from typing import Any

from mlleak_core.contract import Estimate
from mlleak_core.language import say


class Verdict(enum.Enum):
    """What the intervals allow to be said; a threat lists its own. The value is words; nobody parses them."""

    @property
    def words(self) -> str:
        return say(self.value)


@dataclass(frozen=True)
class Control:
    """The same number where there is nothing to find, or found without the attack."""

    what: str
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One number with all that it needs to be believed.

    key: its name in reports. what: in words. form, unit: how it is written, a format and what stands behind
    the number. chance: what guessing gets, None where that means nothing. counted: what the n of the estimate
    are. notes: what else belongs on its evidence line. source: live, or shipped and when. null: the key of
    the `Null` that says how often its verdict is wrong.
    """

    key: str
    what: str
    estimate: Estimate
    chance: float | None
    controls: tuple[Control, ...]
    counted: str
    seed: int
    seconds: float
    source: str
    verdict: Verdict | None = None
    null: str = ""
    form: str = ".2f"
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return self.estimate.n

    def row(self) -> dict[str, Any]:
        """The finding as a report writes it."""
        return {
            "key": self.key,
            "what": self.what,
            **_row(self.estimate),
            "chance": self.chance,
            "controls": {c.what: _row(c.estimate) for c in self.controls},
            "counted": self.counted,
            "seed": self.seed,
            "seconds": self.seconds,
            "source": self.source,
            "verdict": self.verdict and self.verdict.value,
            "null": self.null or None,
            "notes": list(self.notes),
        }

    def missing(self) -> tuple[str, ...]:
        """Which parts it lacks; a test wants none."""
        parts = {
            "words": bool(self.key and self.what and self.counted),
            "estimate": math.isfinite(self.estimate.value),
            "interval": self.estimate.low <= self.estimate.value <= self.estimate.high or self.n == 1,
            "n": self.n > 0,
            "chance or controls": self.chance is not None or bool(self.controls),
            "seed": self.seed >= 0,
            "seconds": self.seconds > 0,
            "source": self.source.startswith(("live", "shipped")),
            "null of the verdict": self.verdict is None or bool(self.null),
        }
        return tuple(name for name, there in parts.items() if not there)


def _row(estimate: Estimate) -> dict[str, float]:
    return dataclasses.asdict(estimate)


@dataclass(frozen=True)
class Conclusion:
    """What follows, in one sentence that may mark its key words *so*, with a small line below."""

    verdict: Verdict
    sentence: str
    small: str = ""


@dataclass(frozen=True)
class Figure:
    """A number set large: its text, the words beside it, and whether it is the one to look at."""

    text: str
    words: str
    hot: bool = False


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What Home says of a threat: a sentence that may mark words **so**, large figures, evidence, a picture.

    picture: a scene or a reel of `mlleak_core.figures`, which the pages know how to draw; small: words below.
    """

    title: str
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...] = ()
    picture: Any = None
    small: str = ""
