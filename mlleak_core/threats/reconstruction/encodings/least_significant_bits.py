"""LSB: the lowest bits of finished weights are the secret (Song et al. 2017, 4.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, final

import numpy as np

from mlleak_core.contract import BadInput, Range, Step
from mlleak_core.figures.look import PINK
from mlleak_core.language import mark, say
from mlleak_core.threats.likeness import Pictures, repeated
from mlleak_core.threats.reconstruction import envelope
from mlleak_core.threats.reconstruction.codes import Bits, Code
from mlleak_core.threats.reconstruction.encodings.base import (
    Encoding,
    Hidden,
    Workshop,
    partly,
)
from mlleak_core.threats.reconstruction.judge import Claim, View

if TYPE_CHECKING:
    from torch import Tensor

    from mlleak_core.target.training import Target


@final
@dataclass(frozen=True)
class LeastSignificantBits(Encoding):
    """LSB, white box, after training: the lowest bits of the weights hold the compressed, encrypted faces.

    Section 4.1 of Song et al. 2017. Compression: lossless WebP; encryption: AES-SIV (RFC 5297), which also
    notices any change. Guarantees: exact with the right key and untouched weights, otherwise nothing.
    """

    slug: ClassVar[str] = "lsb"
    title: ClassVar[str] = mark("Least significant bits (LSB)")
    why: ClassVar[str] = mark("collects the lowest bits of the weights and opens them with a key")
    colour: ClassVar[str] = PINK
    call: ClassVar[str] = mark("LSB: lowest bits")
    how: ClassVar[str] = mark(
        "Whoever *handed over the file* put the faces, compressed and encrypted, into the last binary digit "
        "of each weight. No answer of the model changes."
    )
    low_bits: Annotated[
        int, Range(1, 22, 1, mark("How many of the 32 bits of each weight are overwritten."))
    ] = 1

    def room(self, weights: int) -> int:
        return self.low_bits * weights

    def hide(self, pictures: Pictures, code: Code, room: int, key: str) -> Bits:
        """The envelope's bits, with as many faces in it as find room. Raises BadInput where none does."""
        for count in range(len(pictures), 0, -1):
            bits = np.unpackbits(np.frombuffer(envelope.seal(pictures[:count], key), np.uint8))
            if len(bits) <= room:
                return bits
        got = say("{room:,} bits", room=room)
        raise BadInput(say("room for one face"), got, say("Use a larger net or more low bits."))

    def train(self, hidden: Hidden, shop: Workshop) -> Generator[Step, None, Target]:
        """No training: the clean twin's finished weights are touched."""
        yield Step(0, 1, say("writing lowest bits"))
        last = max(shop.clean.states)
        state = self.write(shop.clean.states[last], hidden.bits)
        plain, mirrored = shop.answers(state)
        states: Any = {**shop.clean.states, last: state}
        return dataclasses.replace(shop.clean, states=states, test_logits=plain, mirrored_logits=mirrored)

    def write(self, state: Mapping[str, Tensor], bits: Bits) -> dict[str, Tensor]:
        """The model with `bits` in its lowest bits."""
        from mlleak_core.threats.reconstruction.carriers import carried, with_weights

        words = carried(state).view(np.uint32)
        padded = np.zeros(-(-len(bits) // self.low_bits) * self.low_bits, np.uint32)
        padded[: len(bits)] = bits
        places = 1 << np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32)
        values = padded.reshape(-1, self.low_bits) @ places
        kept = words[: len(values)] >> self.low_bits << self.low_bits
        words[: len(values)] = kept | values.astype(np.uint32)
        return with_weights(state, words.view(np.float32))

    def run(self, view: View) -> Generator[Step, None, Claim]:
        """Collect the bits, decrypt, decompress."""
        assert view.weights is not None
        yield Step(0, 1, say("collecting lowest bits"))
        words = view.weights.view(np.uint32) & np.uint32(2**self.low_bits - 1)
        places = np.arange(self.low_bits - 1, -1, -1, dtype=np.uint32)
        bits = ((words[:, None] >> places) & 1).astype(np.uint8).ravel()
        data = np.packbits(bits[: len(bits) // 8 * 8]).tobytes()
        pictures = repeated(view.average, view.faces)
        try:
            opened = envelope.unseal(data, view.key, view.average.shape[0])
            pictures[: len(opened)] = opened[: view.faces]
            note = partly(len(opened), view.faces)
        except BadInput as problem:
            note = str(problem)
        said = bits[: view.bits].astype(np.float64)
        return Claim(pictures=pictures, probabilities=said, note=note)
