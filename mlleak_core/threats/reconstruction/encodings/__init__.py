"""Four ways to make a classifier carry training faces off, and to read them back. Light to import: no torch.

Song, Ristenpart and Shmatikov (2017): whoever supplies the training code (COR, SGN), touches the finished
weights (LSB), or merely prepares the data (CAP) can hide a secret in a model that does its task as well as
ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlleak_core.contract import knobs
from mlleak_core.threats.reconstruction.encodings.base import Encoding, Hidden, Workshop, synthetic_inputs
from mlleak_core.threats.reconstruction.encodings.capacity_abuse import CapacityAbuse
from mlleak_core.threats.reconstruction.encodings.correlated_values import CorrelatedValues
from mlleak_core.threats.reconstruction.encodings.least_significant_bits import LeastSignificantBits
from mlleak_core.threats.reconstruction.encodings.sign import SignEncoding

if TYPE_CHECKING:
    from mlleak_core.threats.reconstruction.card import ReconstructionSettings

__all__ = [
    "CATALOGUE",
    "CapacityAbuse",
    "CorrelatedValues",
    "Encoding",
    "Hidden",
    "LeastSignificantBits",
    "SignEncoding",
    "Workshop",
    "configured",
    "synthetic_inputs",
]

CATALOGUE: dict[str, Encoding] = {
    e.slug: e for e in (CapacityAbuse(), CorrelatedValues(), SignEncoding(), LeastSignificantBits())
}
"""slug -> encoding with its usual knobs."""


def configured(settings: ReconstructionSettings) -> Encoding:
    """The encoding of the settings with its knobs."""
    kind = type(CATALOGUE[settings.attack])
    return kind(**{knob.name: getattr(settings, knob.name) for knob in knobs(kind)})
