"""Who is at risk, by the trainer's own log: no attack, a warning. Light: no torch.

Source: LT-IQR (2024).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from mlleak_core.contract import BadInput, Step
from mlleak_core.language import say
from mlleak_core.threats.membership.confidence import Floats
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Claim, Refs, Seen, View


@final
@dataclass(frozen=True)
class LtIqr(ScoreAttack):
    """How much a record's loss moved while it was trained on: a risk score for the training side (LT-IQR,
    2024).

    Setting: the trainer's own logs, no shadows, no queries. Score: the interquartile range of the loss over
    the epochs, small for records that were easy from the start. It says who is at risk, and only for records
    that were trained on.
    """

    slug: ClassVar[str] = "lt-iqr"
    title: ClassVar[str] = "LT-IQR"
    why: ClassVar[str] = "reads in the training log how far its loss moved"
    colour: ClassVar[str] = "#1D2330"
    null_from_shadows: ClassVar[bool] = False

    def run(self, view: View) -> Generator[Step, None, Claim]:
        if view.trace is None:
            needs = say("losses logged by the training side, for {attack}", attack=self.title)
            raise BadInput(needs, say("a black box"), say("Run it where the model was trained."))
        yield Step(0, 1, say("{attack} reads the log", attack=self.title))
        low, high = np.quantile(view.trace, [0.25, 0.75], axis=0)
        return Claim(np.asarray(high - low), None, 0)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("LT-IQR reads the training log, see run")
