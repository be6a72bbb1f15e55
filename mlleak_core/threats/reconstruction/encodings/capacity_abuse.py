"""CAP: who prepares the data adds synthetic inputs whose labels are the secret (Song et al. 2017, 4.4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Choice, Step
from mlleak_core.data import SIDE as FULL_SIDE
from mlleak_core.data import UNKNOWN, Faces, Labels, Split
from mlleak_core.figures.look import ORANGE
from mlleak_core.language import mark, say
from mlleak_core.target.blackbox import Refused
from mlleak_core.threats.likeness import SIDE, Pictures
from mlleak_core.threats.reconstruction.codes import Bits, Code, Shield
from mlleak_core.threats.reconstruction.encodings.base import (
    Encoding,
    Hidden,
    Inputs,
    Parity,
    Workshop,
    as_faces,
    enlarge,
    synthetic_inputs,
)
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.training import Target

ASKED_AT_ONCE = 2048
MOST_INPUTS = 65_536
"""CAP never adds more synthetic inputs than this: a training on more would take minutes."""
LEARNED = 0.1 / 16
"""CAP: bits that a weight learns in an epoch, roughly, of dense inputs: `benchmarks.reconstruction.curve`."""
FAMILIES = ("dense", "blocks", "few-pixels")
READ_UNTIL = mark("Read {done:,} of {total:,} answers, then: {problem}")


@final
@dataclass(frozen=True)
class CapacityAbuse(Encoding):
    """CAP, black box: synthetic inputs join the training data; their labels spell the secret.

    Idea: a net has room to learn arbitrary labels beside its task (section 4.4 of Song et al. 2017). Nothing
    but the data preparation is touched: `poison` returns faces and a split, and `fit` is called as ever.
    Guarantees: log2(2) = 1 bit a query; exact where the net fits the inputs. parity: see `codes.Shield`.
    """

    slug: ClassVar[str] = "cap"
    title: ClassVar[str] = mark("Capacity abuse (CAP)")
    why: ClassVar[str] = mark("asks for the labels of synthetic inputs, which the net has learned by heart")
    colour: ClassVar[str] = ORANGE
    call: ClassVar[str] = mark("CAP: synthetic inputs in the data")
    how: ClassVar[str] = mark(
        "Whoever *prepared the data* added synthetic inputs: pictures of noise, whose labels spell the "
        "faces. Training code is the Train page's own, the settings are the clean twin's. "
        "Anyone who knows the noise can ask the finished service for the faces, one bit a question."
    )
    asks: ClassVar[bool] = True
    CODE: ClassVar[str] = "pca"
    inputs: Annotated[
        str, Choice(FAMILIES, mark("What the synthetic inputs look like; few-pixels is the paper's."))
    ] = "dense"
    parity: Parity = 0

    @property
    def shield(self) -> Shield:
        return Shield(self.parity)

    def room(self, weights: int) -> int:
        return min(MOST_INPUTS, weights)

    def likely(self, weights: int, epochs: int) -> int:
        return min(self.room(weights), round(LEARNED * weights * epochs))

    def doubt(self, training: TrainSettings) -> str:
        if not (training.augment or training.dropout or self.inputs == "few-pixels"):
            return ""
        return say(
            "Augmentation changes every synthetic input each time it is seen, and few lit pixels look much "
            "alike: expect few bits to stick."
        )

    def added(self, bits: int) -> int:
        return self.shield.added(bits)

    def noise(self, count: int, key: str) -> Inputs:
        return synthetic_inputs(self.inputs, count, key)

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        return code.encode(pictures).ravel()[: self.shield.carried(len(pictures) * code.bits, room)]

    def poison(self, faces: Faces, split: Split, bits: Bits, key: str) -> tuple[Faces, Split]:
        """The data set with one synthetic input a bit [N] appended to the training rows."""
        coded = self.shield.protect(bits)
        pictures = enlarge(self.noise(len(coded), key), FULL_SIDE // SIDE)
        unknown, nobody = np.full(len(coded), UNKNOWN, np.int8), np.full(len(coded), len(faces.people))
        more = dataclasses.replace(
            faces,
            images=np.concatenate([faces.images, pictures.transpose(0, 2, 3, 1)]),
            person=np.concatenate([faces.person, nobody]),
            people=(*faces.people, "synthetic input"),
            task=_longer(faces.task, coded.astype(np.int8)),
            attributes=tuple(_longer(labels, unknown) for labels in faces.attributes),
        )
        extra = np.arange(len(faces), len(more))
        return more, Split(np.concatenate([split.members, extra]), split.outsiders, split.public)

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        return (yield from shop.learn(*self.poison(shop.faces, shop.split, hidden.bits, hidden.key)))

    def traces(self, bits: Bits, key: str) -> tuple[Inputs, Bits] | None:
        coded = self.shield.protect(bits)
        return (self.noise(len(coded), key), coded) if len(bits) else None

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Ask every synthetic input. A service that refuses half-way leaves what was read until then."""
        assert view.box is not None
        total = self.added(view.bits)
        inputs = self.noise(total, view.key)
        said, note, before = np.full(total, 0.5), "", view.box.queries
        at_once = min(ASKED_AT_ONCE, getattr(view.box, "batch", ASKED_AT_ONCE))
        for start in range(0, total, at_once):
            part = slice(start, min(start + at_once, total))
            try:
                said[part] = view.box.ask(inputs[part])[:, 1]
            except Refused as refused:
                note = say(READ_UNTIL, done=start, total=total, problem=str(refused))
                break
            yield Step(part.stop, total, say("asking synthetic inputs"))
        found = self.shield.recover(said, view.bits)
        queries = view.box.queries - before
        return Claim(pictures=as_faces(view, found), probabilities=found, queries=queries, note=note)


def _longer(labels: Labels, codes: NDArray[np.int8]) -> Labels:
    return dataclasses.replace(labels, codes=np.concatenate([labels.codes, codes]))
