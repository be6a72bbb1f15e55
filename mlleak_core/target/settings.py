"""What a visitor can choose about a training, and the name that these choices give it. Light to import: no
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Choice, Range, Settings, fingerprint
from mlleak_core.data import source
from mlleak_core.language import mark


@dataclass(frozen=True)
class Shape:
    """A net: channels of the convolution stages, units of the hidden layer; stages halve by pooling, then
    normalise, or by stride.
    """

    channels: tuple[int, ...]
    hidden: int
    strided: bool = False


NETS = {
    "conv-3": Shape((16, 32, 64), 128),
    "conv-3 narrow": Shape((8, 16, 32), 64),
    "conv-3 wide": Shape((32, 64, 128), 256),
    "strided-3": Shape((16, 32, 64), 256, strided=True),
    "strided-3 narrow": Shape((8, 16, 32), 128, strided=True),
    "strided-3 wide": Shape((32, 64, 128), 512, strided=True),
    "mlp": Shape((), 512),
}

RECIPE = 3
"""Raise when a training would give other weights: runs kept from before are then trained anew."""


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Everything a visitor can choose about a training."""

    data: Annotated[str, mark("Data source: synthetic, lfw, utkface:PATH or folder:PATH.")] = "synthetic"
    faces: Annotated[
        int, Range(0, 20000, 500, mark("Number of faces used, drawn by person; 0 means all."))
    ] = 0
    epochs: Annotated[int, Range(1, 100, 1, mark("How often every training face is seen."))] = 22
    lr: Annotated[
        float,
        Range(
            0.0001, 100.0, 0.0005, mark("Peak learning rate of AdamW; it warms up, then falls as a cosine.")
        ),
    ] = 0.008
    augment: Annotated[
        bool,
        mark(
            "Mirror half of the faces, shift them by up to a pixel, vary their light: none is seen twice "
            "alike."
        ),
    ] = True
    dropout: Annotated[
        float,
        Range(
            0.0,
            0.9,
            0.1,
            mark("Share of the hidden units silenced at random in each step, against learning by heart."),
        ),
    ] = 0.0
    mixup: Annotated[
        float,
        Range(
            0.0,
            2.0,
            0.1,
            mark(
                "Mix each face and its label with another's, by a share a batch from Beta(a, a); 0 lets the "
                "net memorise."
            ),
        ),
    ] = 0.3
    net: Annotated[
        str, Choice(tuple(NETS), mark("Width of the net: three convolution stages and a hidden layer."))
    ] = "conv-3"
    seed: Annotated[
        int, Range(0, 9999, 1, mark("Fixes the split, the first weights and the order of the faces."))
    ] = 0


@dataclass(frozen=True)
class TableSettings(Settings):
    """How nets for records are trained: one hidden layer, AdamW, no regularisation."""

    epochs: Annotated[int, Range(1, 500, 1, mark("How often every training record is seen."))] = 40
    lr: Annotated[float, Range(0.0001, 1.0, 0.0005, mark("Learning rate of AdamW."))] = 0.005
    hidden: Annotated[int, Range(4, 1024, 4, mark("Units of the hidden layer."))] = 64


def run_key(settings: TrainSettings) -> str:
    """Names a training: equal keys give equal weights on the same machine."""
    return fingerprint("train", RECIPE, settings, source.identity(settings.data))
