"""Reconstruction: what the house knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mlleak_core.contract import Choice, Range, Settings, When
from mlleak_core.defences.on_output import REVEALS
from mlleak_core.language import mark
from mlleak_core.target.settings import NETS, TrainSettings
from mlleak_core.threat import Artefact, Card, Null, Threat

ENCODINGS = ("cap", "cor", "sgn", "lsb")
CODES = ("own", "pca", "dct", *(f"pixels{depth}" for depth in range(1, 9)))
KEY = "mlleak"
"""What the faces are hidden with."""


def _transform(code: str) -> bool:
    return not code.startswith("pixels")


@dataclass(frozen=True)
class ReconstructionSettings(Settings):
    """Whose faces are hidden in a model, how, and how it is trained. Everything that can change an answer."""

    data: Annotated[str, mark("Data source: synthetic, lfw, utkface:PATH or folder:PATH.")] = "synthetic"
    attack: Annotated[
        str,
        Choice(
            ENCODINGS,
            mark(
                "How: cap = labels of synthetic inputs, cor = correlated weights, sgn = signs of weights, "
                "lsb = lowest bits."
            ),
        ),
    ] = "cap"
    faces: Annotated[
        int, Range(1, 256, 1, mark("Training faces that are carried off, each of another person."))
    ] = 16
    code: Annotated[
        str,
        Choice(
            CODES,
            mark(
                "How a face becomes bits: the encoding's own way, a transform code, or the upper 1 to 8 bits "
                "of each pixel."
            ),
        ),
        When("attack", "cap", "sgn"),
    ] = "own"
    bits: Annotated[
        int,
        Range(
            0,
            8192,
            50,
            mark(
                "Bits a face of a transform code; 0 means 850 in grey, 1,400 in colour; of drawn faces "
                "300 and 400."
            ),
        ),
        When("attack", "cap", "sgn"),
        When("code", _transform),
    ] = 0
    colour: Annotated[bool, mark("Carry off faces in colour instead of grey.")] = False
    inputs: Annotated[
        str,
        Choice(
            ("dense", "blocks", "few-pixels"),
            mark("What the synthetic inputs look like; few-pixels is the paper's."),
        ),
        When("attack", "cap"),
    ] = "dense"
    parity: Annotated[
        int,
        Range(
            0, 128, 2, mark("Reed-Solomon parity bytes in each block of 255; 0 means no error correction.")
        ),
        When("attack", "cap", "sgn"),
    ] = 8
    strength: Annotated[
        float,
        Range(
            0.0,
            1000.0,
            0.1,
            mark("Weight of the regulariser; 0 means the paper's, 1 for cor and 50 for sgn."),
        ),
        When("attack", "cor", "sgn"),
    ] = 0.0
    low_bits: Annotated[
        int,
        Range(1, 22, 1, mark("How many of the 32 bits of each weight are overwritten.")),
        When("attack", "lsb"),
    ] = 1
    reveal: Annotated[str, Choice(REVEALS, mark("What the service shows.")), When("attack", "cap")] = (
        "probabilities"
    )
    decode_key: Annotated[
        str,
        mark("The key that the faces are read back with; another than they were hidden with opens nothing."),
    ] = KEY
    net: Annotated[str, Choice(tuple(NETS), mark("The net, as on the train page."))] = "strided-3"
    epochs: Annotated[
        int, Range(1, 100, 1, mark("How often every training face is seen, as on the train page."))
    ] = 16
    lr: Annotated[float, Range(0.0001, 1.0, 0.0005, mark("Peak learning rate, as on the train page."))] = (
        0.002
    )
    augment: Annotated[
        bool, mark("Augmentation, as on the train page; it makes synthetic inputs hard to learn.")
    ] = False
    dropout: Annotated[float, Range(0.0, 0.9, 0.1, mark("Dropout, as on the train page."))] = 0.0
    erase: Annotated[bool, mark("Try every eraser afterwards.")] = False
    seed: Annotated[
        int,
        Range(0, 9999, 1, mark("Fixes the split, the faces carried off, the first weights and the order.")),
    ] = 0

    def training(self) -> TrainSettings:
        """The train page's settings: the same for the clean twin and for the malicious one."""
        return TrainSettings(
            data=self.data,
            epochs=self.epochs,
            lr=self.lr,
            augment=self.augment,
            dropout=self.dropout,
            mixup=0.0,
            net=self.net,
            seed=self.seed,
        )


ROOM = "mlleak_core.threats.reconstruction"
NULLS = f"{ROOM}.nulls"
HONEST = mark("a model trained honestly, read with the code and the key of faces that nobody hid")
THREAT = Threat(
    card=Card(
        slug="reconstruction",
        order=3,
        title=mark("Reconstruction"),
        icon=":material/face_retouching_natural:",
        question=mark("Which training faces can be read back out of a model that looks perfectly normal?"),
        call=mark("Read faces back out"),
        papers=("Song, Ristenpart & Shmatikov, CCS 2017",),
    ),
    settings=ReconstructionSettings,
    shipped=(ReconstructionSettings(colour=True, net="strided-3 wide", erase=True),),
    elsewhere=(ReconstructionSettings(data="lfw", colour=True, erase=True),),
    run=f"{ROOM}.twins:run",
    exhibit=f"{ROOM}.exhibit:ReconstructionExhibit",
    attacks=f"{ROOM}.encodings:CATALOGUE",
    remote=True,
    writes=(Artefact("gallery", "FILE.png", "write the truth above what was read back"),),
    nulls=(
        Null(
            key="reconstruction-verdict",
            situation=HONEST,
            claim=mark("faces, or something of them, are said to be in it"),
            allowed=0.05,
            draw=f"{NULLS}:clean_twin",
        ),
        Null(
            key="reconstruction-bits",
            situation=HONEST,
            claim=mark("the interval of the wrong bits leaves out what other faces' bits get, about half"),
            allowed=0.05,
            draw=f"{NULLS}:wrong_bits",
            interval=True,
        ),
        Null(
            key="reconstruction-forensics",
            situation=mark("a model trained honestly, asked about noise that it never saw"),
            claim=mark("it is said to know the noise by heart"),
            allowed=0.05,
            draw=f"{NULLS}:odd_inputs",
        ),
    ),
)
