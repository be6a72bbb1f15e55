"""What a visitor can choose about a training, and the name that these choices give it. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core import data
from mlleak_core.contract import Choice, Range, Settings, fingerprint

NETS: dict[str, tuple[tuple[int, ...], int]] = {
    "conv-3": ((16, 32, 64), 128),
    "conv-3 narrow": ((8, 16, 32), 64),
    "conv-3 wide": ((32, 64, 128), 256),
}
"""Name -> channels of the three convolution stages, units of the hidden layer."""


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Everything a visitor can choose about a training."""

    data: Annotated[str, "Data source: synthetic, lfw, utkface:PATH or folder:PATH."] = "synthetic"
    faces: Annotated[int, Range(0, 20000, 500, "Number of faces used, drawn by person; 0 means all.")] = 0
    epochs: Annotated[int, Range(1, 100, 1, "How often every training face is seen.")] = 15
    lr: Annotated[float, Range(0.0001, 100.0, 0.0005, "Peak learning rate of AdamW; it warms up, then falls as a cosine.")] = (
        0.004
    )
    augment: Annotated[bool, "Mirror half of the faces and shift them by up to a pixel, so that none is seen twice alike."] = True
    net: Annotated[str, Choice(tuple(NETS), "Width of the net: three convolution stages and a hidden layer.")] = "conv-3"
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the split, the first weights and the order of the faces.")] = 0


def run_key(settings: TrainSettings) -> str:
    """Names a training: equal keys give equal weights on the same machine."""
    return fingerprint("train", 1, settings, data.identity(settings.data))
