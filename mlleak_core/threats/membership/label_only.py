"""An attack on a service that gives labels alone: it asks for changed copies of a record. Light: no torch.

Source: Choquette-Choo et al. (ICML 2021).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated, ClassVar, final

import numpy as np

from mlleak_core.contract import Range, Step
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.threats.membership.confidence import Floats
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.view import Claim, Refs, Seen, View


@final
@dataclass(frozen=True)
class LabelOnly(ScoreAttack):
    """Members stay rightly classified under change (Choquette-Choo et al. 2021, data-augmentation attack).

    Setting: only labels. Score: how many of the changed copies (mirrored, shifted, with growing noise) get
    the right label.
    """

    slug: ClassVar[str] = "label-only"
    title: ClassVar[str] = mark("Label-only")
    why: ClassVar[str] = mark("counts how many changed copies stay right")
    colour: ClassVar[str] = "#117733"
    null_from_shadows: ClassVar[bool] = False
    copies: Annotated[int, Range(2, 60, 2, "Changed copies asked for each record.")] = 18
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the noise.")] = 0

    def run(self, view: View) -> Generator[Step, None, Claim]:
        before = view.box.queries
        right = np.zeros(len(view.y))
        copies = view.kind.changed(view.x, self.copies, stream(self.seed, "changed copies"))
        for number, copy in enumerate(copies):
            yield Step(number, self.copies, say("{attack} asks", attack=say(self.title)))
            right += view.box.ask(copy).argmax(1) == view.y
        return Claim(right / self.copies, None, view.box.queries - before)

    def score(self, seen: Seen, refs: Refs, view: View) -> Floats:
        raise NotImplementedError("label-only asks for changed copies, see run")
