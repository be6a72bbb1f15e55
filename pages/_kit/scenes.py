"""From runs to what the face map shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mlleak_core.threats.features.exhibit import ATLAS_COLUMNS, SPRITE, Shipped, atlas, quantise
from pages._kit.face_map import Scene

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.threats.features.maps import Maps


def shipped_scene(run: Shipped, labelling: str, revealed: bool = True) -> Scene:
    """The shipped maps, coloured by one of the data set's labellings."""
    about, arrays = run.about, run.arrays
    classes = about["classes"]
    return Scene(
        name=f"shipped-{labelling}-{revealed}", frames={k: v for k, v in arrays.items() if k.startswith(("map/", "linear/"))},
        layers=about["layers"], epochs=about["epochs"], task=arrays["task"], task_classes=about["task_classes"],
        person=arrays["person"], atlas=run.atlas, sprite=SPRITE, columns=ATLAS_COLUMNS, attribute=labelling,
        classes=classes[labelling], codes=arrays[f"label/{labelling}"] if revealed else None,
        labels=[(n, c, arrays[f"label/{n}"]) for n, c in classes.items()],
    )  # fmt: skip


def live_scene(maps: Maps, faces: Faces, labelling: str, revealed: bool, name: str, sheet: bytes) -> Scene:
    """Maps just drawn; `sheet` is the atlas of their faces."""
    rows = maps.rows
    frames = {f"map/{e}/{layer}": quantise(p) for (e, layer), p in maps.frames.items()}
    frames |= {f"linear/{e}/{layer}": quantise(p) for (e, layer), p in maps.linear.items()}
    labels = faces.labelling(labelling)
    return Scene(
        name=f"{name}-{labelling}-{revealed}", frames=frames, layers=maps.layers, epochs=maps.epochs,
        task=faces.task.codes[rows], task_classes=faces.task.classes, person=faces.person[rows], atlas=sheet, sprite=SPRITE,
        columns=ATLAS_COLUMNS, attribute=labelling, classes=labels.classes, codes=labels.codes[rows] if revealed else None,
        labels=[(a.name, a.classes, a.codes[rows]) for a in faces.attributes],
        people=[faces.people[p].replace("_", " ") for p in faces.person[rows]],
    )  # fmt: skip


def sheet_of(maps: Maps, faces: Faces) -> bytes:
    return atlas(np.asarray(faces.images[maps.rows]))
