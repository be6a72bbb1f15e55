"""The face map: a canvas component drawn in the browser from arrays."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from mlleak_core.figures.look import BLUE, GREEN, GREY, ORANGE, PINK, YELLOW
from mlleak_core.figures.scenes import LAYER_NAMES, Scene
from numpy.typing import NDArray

HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "mlleak_face_map",
    html='<div class="face-map"></div>',
    css=(HERE / "face_map.css").read_text(),
    js=(HERE / "face_map.js").read_text(),
)

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


def face_map(
    scene: Scene,
    key: str,
    compact: bool = False,
    pinned: int = -1,
    on_pin: Callable[[int], None] | None = None,
) -> None:
    """Draw the map; everything happens in the browser. pinned: a person marked from the start, -1 for none;
    `on_pin` is told whom the visitor marks instead.
    """
    shown = scene.codes is not None
    data: dict[str, Any] = {
        "id": scene.name,
        "n": len(scene.task),
        "layers": list(scene.layers),
        "epochs": list(scene.epochs),
        "frames": {k: _text(v, np.int16) for k, v in scene.frames.items()},
        "layer": scene.layer,
        "layerNames": LAYER_NAMES,
        "task": _text(scene.task, np.int8),
        "taskClasses": list(scene.task_classes),
        "person": _text(scene.person, np.int32),
        "codes": _text(scene.codes, np.int8) if scene.codes is not None else None,
        "classes": list(scene.classes),
        "colours": colours_for(scene.classes, scene.codes) if scene.codes is not None else [],
        "atlas": base64.b64encode(scene.atlas).decode(),
        "sprite": scene.sprite,
        "columns": scene.columns,
        "compact": compact,
        "pinned": pinned,
        "keeps": on_pin is not None,
        "hidden": f"{scene.attribute}: guess first",
        "labels": [_label(*label) for label in scene.labels] if shown else [],
        "people": list(scene.people) if scene.people is not None else None,
        "alt": f"Map of {len(scene.task)} held-out faces; near means alike to the layer. "
        f"Colour: {scene.attribute}.",
    }

    def told() -> None:
        if on_pin is not None:
            on_pin(int(st.session_state[key]["pinned"]))

    _COMPONENT(key=key, data=data, default={"pinned": pinned}, on_pinned_change=told)


def _label(name: str, classes: Sequence[str], codes: NDArray[np.int8]) -> dict[str, Any]:
    return {"name": name, "classes": list(classes), "codes": _text(codes, np.int8)}


def _text(values: NDArray[Any], kind: type) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
