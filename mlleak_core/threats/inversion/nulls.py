"""Where nothing of a batch was found, and what is claimed all the same."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from mlleak_core.contract import Step
from mlleak_core.data import Faces
from mlleak_core.language import say
from mlleak_core.seeds import stream
from mlleak_core.target.training import shrink
from mlleak_core.threat import Desk
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.inversion.judge import Claim, InversionVerdict, judge
from mlleak_core.threats.likeness import Pictures, Truth, one_photo_each, prepare

BATCHES = (1, 4, 8, 16)


def others(draws: int, seed: int, desk: Desk) -> Generator[Step, None, list[bool]]:
    """Good photos of faces, but of other people than the batch's: are they said to be theirs?"""
    faces = yield from desk.faces(InversionSettings().data)
    pictures = prepare(shrink(faces).contiguous().numpy(), colour=True)
    claimed = []
    for draw in range(draws):
        yield Step(draw, draws, say("holding photos against a batch that is not theirs"))
        claimed.append(_claimed(faces, pictures, BATCHES[draw % len(BATCHES)], (seed, draw)))
    return claimed


def _claimed(faces: Faces, pictures: Pictures, batch: int, numbers: tuple[int, int]) -> bool:
    rng = stream(numbers[0], "draws of a null", numbers[1])
    drawn = one_photo_each(faces, np.arange(len(faces.person)), rng, 3 * batch)
    batch_, found, third = drawn[:batch], drawn[batch : 2 * batch], drawn[2 * batch :]
    truth, other = (
        Truth(pictures[rows], faces.person[rows], pictures, faces.person) for rows in (batch_, third)
    )
    report = judge(Claim(pictures=pictures[found]), truth, other, pictures.mean(0))
    return report.verdict is not InversionVerdict.MATCHED
