"""How many bits a net can carry, and how many are asked of it; said before any training. Light: no torch."""

from __future__ import annotations

from dataclasses import dataclass

from mlleak_core.language import mark, plural, say
from mlleak_core.target.settings import NETS
from mlleak_core.threats.likeness import SIDE
from mlleak_core.threats.reconstruction.card import ReconstructionSettings
from mlleak_core.threats.reconstruction.encodings import configured

GREY_BITS, COLOUR_BITS = 850, 1400
DRAWN_GREY_BITS, DRAWN_COLOUR_BITS = 300, 400
"""Bits a face of a transform code, unless told otherwise; drawn faces vary less, so fewer will do."""
TOO_MUCH = mark(
    "More than the net can hold: {carried:,} of {asked:,} bits will be written, the faces behind them cannot "
    "come back. Carry off fewer faces, or choose a wider net or a leaner code."
)
ASKED = mark("**Capacity** · asked {written:,} bits ({each}) of at most {room:,} in {weights:,} weights")
EXPECT = mark(
    "By a rule of thumb from our own measurements this net learns about {likely:,} of them in {epochs} "
    "epochs: expect wrong bits. A wider net or more epochs hold more."
)


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """asked: bits of the secret, without parity; written: with it; room: most that can be written; carried:
    of the secret. likely: what the net will hold after so many epochs, by a rule of thumb; the room except
    for CAP.
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

    @property
    def share(self) -> float:
        """Of the room that is taken, at most 1."""
        return min(1.0, self.written / max(self.room, 1))

    def warning(self) -> str:
        """What a person must know before training; nothing where all finds room."""
        return "" if self.fits else say(TOO_MUCH, carried=self.carried, asked=self.asked)


def weight_count(net: str) -> int:
    """Weights of a net, biases left out: P in the papers."""
    shape = NETS[net]
    widths = (3, *shape.channels)
    convs = sum(9 * a * b for a, b in zip(widths, widths[1:], strict=False))
    flat = widths[-1] * (SIDE // 2 ** len(shape.channels)) ** 2
    return convs + flat * shape.hidden + 2 * shape.hidden


def pixel_values(settings: ReconstructionSettings) -> int:
    """Values of one face."""
    return (3 if settings.colour else 1) * SIDE * SIDE


def code_name(settings: ReconstructionSettings) -> str:
    """The code of the settings; the encoding's own where none is named."""
    if settings.code != "own":
        return settings.code
    encoding = configured(settings)
    return encoding.own_code(
        settings.faces * pixel_values(settings), encoding.room(weight_count(settings.net))
    )


def face_bits(settings: ReconstructionSettings) -> int:
    """Bits of one face in the code of the settings."""
    code = code_name(settings)
    if code.startswith("pixels"):
        return pixel_values(settings) * int(code.removeprefix("pixels"))
    drawn = settings.data == "synthetic"
    grey, colour = (DRAWN_GREY_BITS, DRAWN_COLOUR_BITS) if drawn else (GREY_BITS, COLOUR_BITS)
    return settings.bits or (colour if settings.colour else grey)


def capacity(settings: ReconstructionSettings) -> Capacity:
    """What the settings ask of their net, and what it can hold."""
    encoding, weights = configured(settings), weight_count(settings.net)
    room, asked = encoding.room(weights), settings.faces * face_bits(settings)
    return Capacity(
        weights=weights,
        asked=asked,
        written=encoding.shield.added(asked),
        room=room,
        carried=encoding.shield.carried(asked, room),
        likely=encoding.likely(weights, settings.epochs),
    )


def asked(settings: ReconstructionSettings) -> str:
    """The bits asked beside the bits that find room, in words that may be marked **so**."""
    room = capacity(settings)
    bits = face_bits(settings)
    each = plural("{n} face × {bits:,} bits", "{n} faces × {bits:,} bits", settings.faces, bits=bits)
    return say(ASKED, written=room.written, each=each, room=room.room, weights=room.weights)


def expectation(settings: ReconstructionSettings) -> str:
    """Why fewer bits than written may come back; nothing where all of them should."""
    room, doubt = capacity(settings), configured(settings).doubt(settings.training())
    if doubt or room.written <= room.likely:
        return doubt
    return say(EXPECT, likely=room.likely, epochs=settings.epochs)
