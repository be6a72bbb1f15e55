"""What the canvases of the pages draw, as plain data: a map of faces, and a reel of faces that emerge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlleak_core.language import mark

LAYER_NAMES = {
    "pixels": mark("pixels"),
    "conv1": mark("conv 1"),
    "conv2": mark("conv 2"),
    "conv3": mark("conv 3"),
    "hidden": mark("hidden"),
    "logits": mark("answer"),
}
"""What a person calls a layer, to be said."""
IN_A_SENTENCE = (
    *(mark("skin tone"), mark("darker tone"), mark("age group"), mark("older"), mark("age 30 and over")),
    *(mark("glasses"), mark("smile"), mark("hat"), mark("race label"), mark("youth"), mark("senior")),
    *(mark("smiling"), mark("eyeglasses"), mark("sunglasses")),
)
"""What data sets call what is to be seen of a face, as it stands in the middle of a sentence."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """A map of faces. codes None hides the attribute. frames: "view/epoch/layer" -> int16 [n, 2]."""

    name: str
    frames: Mapping[str, NDArray[np.int16]]
    layers: Sequence[str]
    epochs: Sequence[int]
    task: NDArray[np.int8]
    task_classes: Sequence[str]
    person: NDArray[np.int64]
    atlas: bytes
    sprite: int
    columns: int
    attribute: str
    classes: Sequence[str]
    codes: NDArray[np.int8] | None
    labels: Sequence[tuple[str, Sequence[str], NDArray[np.int8]]]
    people: Sequence[str] | None = None
    layer: str = "conv2"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One reading of all faces. row: in the atlas. errors, found: for each face, its pixel error, its owner
    found.
    """

    row: int
    title: str
    note: str
    errors: tuple[float, ...]
    found: tuple[bool, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Reel:
    """Faces that emerge: row 0 of the atlas is the truth, `rows` in all. first, clock: words for what is read
    from and for what the frames are. show: only the first so many faces; 0 for all.
    """

    name: str
    atlas: bytes
    rows: int
    names: tuple[str, ...]
    frames: tuple[Frame, ...]
    others: tuple[Frame, ...] = ()
    first: str = mark("the malicious twin")
    clock: str = mark("epoch")
    autoplay: bool = False
    show: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Tape:
    """A joint training, round by round. at [n], posterior [n]: rounds that were looked at, and how probable
    the attacker held it; control_at, control: the same of a training in which nothing is there. present
    [rounds]: the truth, None before it may be seen. alarm, bet: rounds, -1 for none.
    """

    name: str
    rounds: int
    at: NDArray[np.int32]
    posterior: NDArray[np.float32]
    control_at: NDArray[np.int32] | None = None
    control: NDArray[np.float32] | None = None
    present: NDArray[np.bool_] | None = None
    alarm: int = -1
    bet: int = -1
    participants: int = 2
    title: str = ""
