"""What a visitor can choose about a training, and the name that these choices give it. Light to import: no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from mlleak_core import data
from mlleak_core.contract import Choice, Range, Settings, fingerprint


@dataclass(frozen=True)
class Shape:
    """A net: channels of the convolution stages, units of the hidden layer; stages halve by pooling, then normalise, or by stride."""

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

ENCODINGS = ("cap", "cor", "sgn", "lsb", "gradient")
CODES = ("pca", "dct", *(f"pixels{depth}" for depth in range(1, 9)))

RECIPE = 3
"""Raise when a training would give other weights: runs kept from before are then trained anew."""


@dataclass(frozen=True)
class TrainSettings(Settings):
    """Everything a visitor can choose about a training."""

    data: Annotated[str, "Data source: synthetic, lfw, utkface:PATH or folder:PATH."] = "synthetic"
    faces: Annotated[int, Range(0, 20000, 500, "Number of faces used, drawn by person; 0 means all.")] = 0
    epochs: Annotated[int, Range(1, 100, 1, "How often every training face is seen.")] = 22
    lr: Annotated[float, Range(0.0001, 100.0, 0.0005, "Peak learning rate of AdamW; it warms up, then falls as a cosine.")] = (
        0.008
    )
    augment: Annotated[
        bool, "Mirror half of the faces, shift them by up to a pixel, vary their light: none is seen twice alike."
    ] = True
    dropout: Annotated[
        float, Range(0.0, 0.9, 0.1, "Share of the hidden units silenced at random in each step, against learning by heart.")
    ] = 0.0
    mixup: Annotated[
        float,
        Range(
            0.0,
            2.0,
            0.1,
            "Mix each face and its label with another's, by a share a batch from Beta(a, a); 0 lets the net memorise.",
        ),
    ] = 0.3
    net: Annotated[str, Choice(tuple(NETS), "Width of the net: three convolution stages and a hidden layer.")] = "conv-3"
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the split, the first weights and the order of the faces.")] = 0


@dataclass(frozen=True)
class TableSettings(Settings):
    """How nets for records are trained: one hidden layer, AdamW, no regularisation."""

    epochs: Annotated[int, Range(1, 500, 1, "How often every training record is seen.")] = 40
    lr: Annotated[float, Range(0.0001, 1.0, 0.0005, "Learning rate of AdamW.")] = 0.005
    hidden: Annotated[int, Range(4, 1024, 4, "Units of the hidden layer.")] = 64


LEAKY: dict[str, Any] = {"epochs": 48, "lr": 0.004, "augment": False, "dropout": 0.0, "mixup": 0.0, "net": "strided-3"}
LEAKY_LFW: dict[str, Any] = LEAKY | {"epochs": 20}
"""The leaky classroom preset: one photo a person, classes balanced, half of them trained on until the net knows them by heart."""


@dataclass(frozen=True)
class MembershipSettings(Settings):
    """Whose membership is asked for, and how many shadows the attacker trains. Everything that changes the fleet is here."""

    data: Annotated[
        str, "synthetic, lfw, utkface:PATH, folder:PATH, clinic, location, purchase:PATH, texas:PATH or csv:PATH."
    ] = "synthetic"
    preset: Annotated[
        str,
        Choice(
            ("leaky", "full"), "Faces: leaky = one photo a person, small half, no augmentation; full = the train page's recipe."
        ),
    ] = "leaky"
    records: Annotated[int, Range(0, 20000, 100, "Records in the pool, half of them trained on; 0 means all there are.")] = 0
    epochs: Annotated[int, Range(0, 200, 1, "Epochs of target and shadows; 0 means the preset's own number.")] = 0
    shadows: Annotated[int, Range(2, 256, 1, "Shadow models that the attacker trains on halves of the pool.")] = 32
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the target's half, the shadows' halves and all first weights.")] = 0


@dataclass(frozen=True)
class ReconstructionSettings(Settings):
    """Whose faces are hidden in a model, how, and how that model is trained. Everything that can change an answer is here."""

    data: Annotated[str, "Data source: synthetic, lfw, utkface:PATH or folder:PATH."] = "synthetic"
    attack: Annotated[
        str,
        Choice(
            ENCODINGS,
            "How: cap = labels of odd inputs, cor = correlated weights, sgn = signs of weights, lsb = lowest bits, gradient = no "
            "malice, one participant's update inverted.",
        ),
    ] = "cap"
    faces: Annotated[int, Range(1, 256, 1, "Training faces that are carried off, each of another person.")] = 16
    code: Annotated[
        str,
        Choice(
            CODES, "How a face becomes bits: a transform code, or the upper 1 to 8 bits of each pixel. Unused by cor and lsb."
        ),
    ] = "pca"
    bits: Annotated[
        int,
        Range(0, 8192, 50, "Bits a face of a transform code; 0 means 850 in grey, 1,400 in colour; of drawn faces 300 and 400."),
    ] = 0
    colour: Annotated[bool, "Carry off faces in colour instead of grey."] = False
    inputs: Annotated[
        str, Choice(("dense", "blocks", "few-pixels"), "cap: what the odd inputs look like; few-pixels is the paper's.")
    ] = "dense"
    parity: Annotated[
        int, Range(0, 128, 2, "cap and sgn: Reed-Solomon parity bytes in each block of 255; 0 means no error correction.")
    ] = 8
    strength: Annotated[
        float, Range(0.0, 1000.0, 0.1, "cor and sgn: weight of the regulariser; 0 means the paper's, 1 for cor and 50 for sgn.")
    ] = 0.0
    low_bits: Annotated[int, Range(1, 22, 1, "lsb: how many of the 32 bits of each weight are overwritten.")] = 1
    batch: Annotated[int, Range(1, 16, 1, "gradient: photos in the participant's batch.")] = 4
    prior: Annotated[
        str,
        Choice(("public faces", "smoothness"), "gradient: what the attacker knows of faces; smoothness alone is the paper's."),
    ] = "public faces"
    net: Annotated[str, Choice(tuple(NETS), "The net, as on the train page.")] = "strided-3"
    epochs: Annotated[int, Range(1, 100, 1, "How often every training face is seen, as on the train page.")] = 16
    lr: Annotated[float, Range(0.0001, 1.0, 0.0005, "Peak learning rate, as on the train page.")] = 0.002
    augment: Annotated[bool, "Augmentation, as on the train page; it makes odd inputs hard to learn."] = False
    dropout: Annotated[float, Range(0.0, 0.9, 0.1, "Dropout, as on the train page.")] = 0.0
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the split, the faces carried off, the first weights and the order.")] = 0

    def training(self) -> TrainSettings:
        """The train page's settings: the same for the clean twin and for the malicious one."""
        return TrainSettings(self.data, 0, self.epochs, self.lr, self.augment, self.dropout, 0.0, self.net, self.seed)


def run_key(settings: TrainSettings) -> str:
    """Names a training: equal keys give equal weights on the same machine."""
    return fingerprint("train", RECIPE, settings, data.identity(settings.data))
