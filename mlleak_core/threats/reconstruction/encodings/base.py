"""What the encodings share: what is hidden, what the attacker works with, keys and synthetic inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Range, Step
from mlleak_core.data import Faces, Split
from mlleak_core.language import mark, say
from mlleak_core.threat import Attack
from mlleak_core.threats.likeness import SIDE, Floats, Pictures
from mlleak_core.threats.reconstruction.codes import Bits, Code, Shield
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.training import Target

Term = Callable[["torch.nn.Module"], "Tensor"]
"""What is added to the loss, from the weights alone."""
Inputs = NDArray[np.uint8]

LIT, EMPTY = 4, 128
"""Few-pixels: so many white ones in a picture that is otherwise zero in the net's own units."""


class Learn(Protocol):
    """The clean twin's own training, on these faces and rows; `regulariser`: one more term in the loss."""

    def __call__(self, faces: Faces, split: Split, **more: Term) -> Generator[Step, None, Target]: ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Hidden:
    """What is to be carried off: pictures [n, c, 32, 32], the bits they become (none for COR), the key."""

    pictures: Pictures
    bits: Bits
    key: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Workshop:
    """What whoever hides the faces can work with: the data, the training, and the clean twin that came of it.

    answers: a model file's logits on the test faces and on their mirror images, [2, outsiders, 2].
    """

    faces: Faces
    split: Split
    learn: Learn
    clean: Target
    answers: Callable[[Mapping[str, Tensor]], NDArray[np.float32]]


class Encoding(Attack):
    """Base of all encodings. Abstract: a subclass says how it is called, finds room, hides, trains and reads.

    call: its name where it is chosen. how: what was done, by whom, in the page's words, with *marks*. asks:
    it reads a service, not the weights. CODE: its own way to make a face bits.
    """

    call: ClassVar[str]
    how: ClassVar[str]
    asks: ClassVar[bool] = False
    CODE: ClassVar[str] = "pixels8"

    def room(self, weights: int) -> int:
        """Bits that a net of so many weights can hold at most, parity included."""
        raise NotImplementedError

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """The bits to be written, `room` of them at most without parity."""
        raise NotImplementedError

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        """The malicious twin."""
        raise NotImplementedError

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Read the faces back."""
        raise NotImplementedError

    @property
    def shield(self) -> Shield:
        """Its error correction."""
        return Shield(0)

    def own_code(self, pixels: int, room: int) -> str:
        """Its own code for faces of so many pixel values in all."""
        return self.CODE

    def likely(self, weights: int, epochs: int) -> int:
        """Bits that the net will hold after so many epochs, by a rule of thumb."""
        return self.room(weights)

    def doubt(self, training: TrainSettings) -> str:
        """Why few bits may stick under this training, in words."""
        return ""

    def added(self, bits: int) -> int:
        """Inputs that join the training data for a secret of so many bits."""
        return 0

    def noise(self, count: int, key: str) -> Inputs:
        """Pictures of noise like those that it adds, for an investigator to try."""
        return synthetic_inputs("dense", count, key)

    def traces(self, bits: Bits, key: str) -> tuple[Inputs, Bits] | None:
        """Inputs and labels that it leaves in the training data, for whoever keeps it; None for none."""
        return None

    def by(self, queries: int) -> str:
        """How the faces were read, in a sentence."""
        if self.asks:
            return say("by asking it {queries:,} questions", queries=queries)
        return say("from its weights")


def random_of(key: str, purpose: str) -> np.random.Generator:
    """The attacker's own dice, from his key."""
    return np.random.default_rng(list(hashlib.sha256(f"{purpose}:{key}".encode()).digest()))


def synthetic_inputs(family: str, count: int, key: str) -> Inputs:
    """`count` pictures [count, 3, 32, 32] such as no camera takes, known to whoever has the key.

    dense: every value black or full; blocks: the same in 4x4 pixels; few-pixels: four lit ones (the paper's
    idea, Song et al. 2017, section 4.4, "synthesized malicious data").
    """
    rng = random_of(key, family)
    if family == "few-pixels":
        x = np.full((count, 3, SIDE * SIDE), EMPTY, np.uint8)
        at = rng.random((count, SIDE * SIDE)).argpartition(LIT, axis=1)[:, :LIT]
        x[np.arange(count)[:, None], :, at] = 255
        return x.reshape(count, 3, SIDE, SIDE)
    size = {"dense": 1, "blocks": 4}[family]
    drawn = rng.integers(0, 256, (count, 3 * (SIDE // size) ** 2 // 8), dtype=np.uint8)
    small = np.unpackbits(drawn, axis=1) * np.uint8(255)
    return enlarge(small.reshape(count, 3, SIDE // size, SIDE // size), size)


def enlarge(pictures: Inputs, times: int) -> Inputs:
    """Every pixel of [n, c, h, w] repeated `times` times down and across."""
    n, c, h, w = pictures.shape
    blocks = np.broadcast_to(pictures[:, :, :, None, :, None], (n, c, h, times, w, times))
    return blocks.reshape(n, c, h * times, w * times)


def as_faces(view: View, probabilities: Floats) -> Pictures:
    """Decode the bits read so far; what was not read is unknown."""
    known = np.full(view.faces * view.code.bits, 0.5)
    known[: len(probabilities)] = probabilities[: len(known)]
    return view.code.decode(known.reshape(view.faces, -1))


def partly(found: int, faces: int) -> str:
    if found >= faces:
        return ""
    return say("Only {found} of {faces} faces found room.", found=found, faces=faces)


Parity = Annotated[
    int,
    Range(0, 128, 2, mark("Reed-Solomon parity bytes in each block of 255; 0 means no error correction.")),
]
Strength = Annotated[float, Range(0.0, 1000.0, 0.1, mark("Weight of the regulariser; 0 means the paper's."))]
