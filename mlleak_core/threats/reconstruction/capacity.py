"""How many bits a net can carry, and how many are asked of it. Said before any training. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass

from mlleak_core.threats.reconstruction.codes import SIDE, Shield
from mlleak_core.target.settings import NETS, ReconstructionSettings

MOST_INPUTS = 65_536
"""CAP never adds more odd inputs than this: a training on more would take minutes."""
GREY_BITS, COLOUR_BITS = 850, 1400
DRAWN_GREY_BITS, DRAWN_COLOUR_BITS = 300, 400
"""Bits a face of a transform code, unless told otherwise; drawn faces vary less, so fewer will do."""

LEARNED = 0.1 / 16
"""CAP: bits that a weight learns in an epoch, roughly; measured by `benchmarks.reconstruction.curve` on dense inputs."""


@dataclass(frozen=True)
class Capacity:
    """asked: bits of the secret, without parity; written: with it; room: most that can be written; carried: of the secret.

    likely: what the net will hold after so many epochs, by a rule of thumb; equal to room except for CAP.
    """

    weights: int
    asked: int
    written: int
    room: int
    carried: int
    likely: int

    @property
    def fits(self) -> bool:
        return self.written <= self.room


def weight_count(net: str) -> int:
    """Weights of a net, biases left out: P in the papers."""
    shape = NETS[net]
    widths = (3, *shape.channels)
    convs = sum(9 * a * b for a, b in zip(widths, widths[1:], strict=False))
    return convs + widths[-1] * (SIDE // 2 ** len(shape.channels)) ** 2 * shape.hidden + 2 * shape.hidden


def face_bits(settings: ReconstructionSettings) -> int:
    """Bits of one face in the code of the settings."""
    channels = 3 if settings.colour else 1
    if settings.attack in {"cor", "lsb"}:
        return 8 * channels * SIDE * SIDE
    if settings.code.startswith("pixels"):
        return channels * SIDE * SIDE * int(settings.code.removeprefix("pixels"))
    grey, colour = (DRAWN_GREY_BITS, DRAWN_COLOUR_BITS) if settings.data == "synthetic" else (GREY_BITS, COLOUR_BITS)
    return settings.bits or (colour if settings.colour else grey)


def capacity(settings: ReconstructionSettings) -> Capacity:
    """CAP: at most a bit a weight (fewer in few epochs); COR: a pixel a weight; SGN: a bit; LSB: `low_bits`, before compression."""
    weights = weight_count(settings.net)
    room = {"cap": min(MOST_INPUTS, weights), "cor": 8 * weights, "sgn": weights, "lsb": settings.low_bits * weights}
    most = room.get(settings.attack, 32 * weights)
    shield = Shield(settings.parity if settings.attack in {"cap", "sgn"} else 0)
    asked = settings.faces * face_bits(settings)
    written = shield.added(asked)
    carried = asked if written <= most else most // 2040 * 8 * (255 - shield.parity) if shield.parity else most
    likely = min(most, round(LEARNED * weights * settings.epochs)) if settings.attack == "cap" else most
    return Capacity(weights, asked, written, most, carried, likely)
