"""What the browser draws by itself: a file each of JavaScript and CSS, and the plain data that they take.

The same canvases stand on pages and in reports; whoever shows one adds to its data what is his alone.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.figures.look import BLUE, GREEN, GREY, ORANGE, PINK, YELLOW
from mlleak_core.figures.scenes import LAYER_NAMES, Reel, Scene, Tape

HERE = Path(__file__).parent
FACE_MAP, FACE_REEL, ROUND_TAPE = "face_map", "face_reel", "round_tape"
FEW = (BLUE, ORANGE, GREEN, PINK, YELLOW)
TEN = (
    "#0072B2",
    "#1E76A8",
    "#3C7B9E",
    "#597F95",
    "#77848B",
    "#8F8277",
    "#A07959",
    "#B2703C",
    "#C3671E",
    "#D55E00",
)


def css(name: str) -> str:
    """The style sheet of a canvas."""
    return (HERE / f"{name}.css").read_text(encoding="utf-8")


def js(name: str) -> str:
    """The module of a canvas: its default export takes {data, parentElement, setStateValue}."""
    return (HERE / f"{name}.js").read_text(encoding="utf-8")


def markup(name: str) -> str:
    """The element that a canvas looks for."""
    return f'<div class="{name.replace("_", "-")}"></div>'


def of(picture: Scene | Reel | Tape) -> tuple[str, dict[str, Any]]:
    """Which canvas draws a picture, and its data."""
    match picture:
        case Scene():
            return FACE_MAP, scene(picture)
        case Reel():
            return FACE_REEL, reel(picture)
        case Tape():
            return ROUND_TAPE, tape(picture)


def scene(shown: Scene) -> dict[str, Any]:
    """A map as the canvas takes it; before the reveal without the attribute."""
    codes = shown.codes
    return {
        "id": shown.name,
        "n": len(shown.task),
        "layers": list(shown.layers),
        "epochs": list(shown.epochs),
        "frames": {k: _text(v, np.int16) for k, v in shown.frames.items()},
        "layer": shown.layer,
        "layerNames": LAYER_NAMES,
        "task": _text(shown.task, np.int8),
        "taskClasses": list(shown.task_classes),
        "person": _text(shown.person, np.int32),
        "codes": None if codes is None else _text(codes, np.int8),
        "classes": list(shown.classes),
        "colours": [] if codes is None else colours_for(shown.classes, codes),
        "atlas": base64.b64encode(shown.atlas).decode(),
        "sprite": shown.sprite,
        "columns": shown.columns,
        "compact": False,
        "pinned": -1,
        "keeps": False,
        "hidden": f"{shown.attribute}: guess first",
        "labels": [] if codes is None else [_label(*label) for label in shown.labels],
        "people": list(shown.people) if shown.people is not None else None,
        "alt": f"Map of {len(shown.task)} held-out faces; near means alike to the layer. "
        f"Colour: {shown.attribute}.",
    }


def colours_for(classes: Sequence[str], codes: NDArray[np.int8]) -> list[str | None]:
    """One meaning a colour: of two classes only the second is coloured; an ordered ten run from blue to
    orange; else the commonest class is left grey, so that the others can be seen.
    """
    if len(classes) == 2:
        return [None, ORANGE]
    if len(classes) > len(FEW):
        return [TEN[round(i * 9 / (len(classes) - 1))] for i in range(len(classes))]
    if len(classes) == 3:
        return [BLUE, GREY, ORANGE]
    commonest = int(np.bincount(codes[codes >= 0], minlength=1).argmax())
    others = iter((ORANGE, BLUE, *FEW[2:]))
    return [None if k == commonest else next(others) for k in range(len(classes))]


def reel(shown: Reel) -> dict[str, Any]:
    """Faces that emerge as the canvas takes them: of all, or of the first `show`."""
    return {
        "name": shown.name,
        "atlas": base64.b64encode(shown.atlas).decode(),
        "columns": len(shown.names),
        "rows": shown.rows,
        "count": shown.show or len(shown.names),
        "names": list(shown.names),
        "frames": [dataclasses.asdict(frame) for frame in shown.frames],
        "others": [dataclasses.asdict(frame) for frame in shown.others],
        "first": shown.first,
        "clock": shown.clock,
        "autoplay": shown.autoplay,
    }


def tape(shown: Tape) -> dict[str, Any]:
    """The rounds of a joint training as the canvas takes them."""
    return {
        "name": shown.name,
        "rounds": shown.rounds,
        "at": shown.at.tolist(),
        "posterior": _rounded(shown.posterior),
        "present": None if shown.present is None else [int(p) for p in shown.present],
        "controlAt": None if shown.control_at is None else shown.control_at.tolist(),
        "control": None if shown.control is None else _rounded(shown.control),
        "alarm": shown.alarm,
        "bet": shown.bet,
        "participants": shown.participants,
        "title": shown.title,
        "betting": False,
        "playing": False,
    }


def _rounded(values: NDArray[Any]) -> list[float]:
    return [round(float(value), 3) for value in values]


def _label(name: str, classes: Sequence[str], codes: NDArray[np.int8]) -> dict[str, Any]:
    return {"name": name, "classes": list(classes), "codes": _text(codes, np.int8)}


def _text(values: NDArray[Any], kind: type) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
