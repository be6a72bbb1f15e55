"""The run that comes with the program, so that the first page shows a real leak at once. Light to import: no torch.

Made by `python -m mlleak_core ship`; a test makes it again and compares.
"""

from __future__ import annotations

import datetime
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlleak_core.target.settings import TrainSettings

FOLDER = Path(__file__).parent.parent / "assets" / "shipped"
SETTINGS = TrainSettings()
POINTS = 1000
SPRITE = 40
ATLAS_COLUMNS = 40


@dataclass(frozen=True, eq=False)
class Shipped:
    """about: settings, date, task report, correlations; ladder: flat rungs; history; frames and labels of the maps."""

    about: dict[str, Any]
    ladder: list[dict[str, Any]]
    arrays: dict[str, NDArray[Any]]
    atlas: bytes

    def rung(self, layer: str, attribute: str) -> dict[str, Any]:
        return next(r for r in self.ladder if (r["layer"], r["attribute"]) == (layer, attribute))


def load() -> Shipped:
    """Read the shipped run."""
    text = json.loads((FOLDER / "run.json").read_text())
    with np.load(FOLDER / "maps.npz", allow_pickle=False) as arrays:
        return Shipped(text["about"], text["ladder"], dict(arrays), (FOLDER / "faces.jpg").read_bytes())


def atlas(images: NDArray[np.uint8], side: int = SPRITE) -> bytes:
    """Thumbnails of faces [n, s, s, 3] as one JPEG, ATLAS_COLUMNS a row."""
    n = len(images)
    rows = -(-n // ATLAS_COLUMNS)
    sheet = Image.new("RGB", (ATLAS_COLUMNS * side, rows * side))
    for i, image in enumerate(images):
        thumb = Image.fromarray(image).resize((side, side), Image.Resampling.BOX)
        sheet.paste(thumb, (i % ATLAS_COLUMNS * side, i // ATLAS_COLUMNS * side))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def quantise(points: NDArray[np.float32]) -> NDArray[np.int16]:
    """Map coordinates as int16: the farthest point from the centre at 32000, so that frames compare by shape."""
    low, high = np.quantile(points, [0.004, 0.996], axis=0)
    centred = points - (low + high) / 2
    reach = float((high - low).max()) / 2 * 1.05 + 1e-9
    return np.asarray(np.clip(centred / reach, -1.02, 1.02) * 31000, np.int16)


def make() -> Shipped:
    """Compute the shipped run anew: train, probe, map. About a minute."""
    from mlleak_core.threats.features.ladder import LayerLadder, analyse
    from mlleak_core.contract import drain
    from mlleak_core.threats.features.maps import MapSettings, draw
    from mlleak_core.target.training import fit, open_faces

    faces = drain(open_faces(SETTINGS))
    target = drain(fit(faces, SETTINGS))
    report = drain(analyse(target, faces, faces.headline, LayerLadder()))
    maps = drain(draw(target, faces, faces.headline[0], MapSettings(points=POINTS)))
    arrays: dict[str, NDArray[Any]] = {f"history_{k}": v for k, v in target.history.items()}
    for view, frames in (("map", maps.frames), ("linear", maps.linear)):
        arrays |= {f"{view}/{epoch}/{layer}": quantise(points) for (epoch, layer), points in frames.items()}
    arrays |= {f"label/{a.name}": a.codes[maps.rows] for a in faces.attributes}
    arrays |= {"task": faces.task.codes[maps.rows], "person": faces.person[maps.rows]}
    about = {
        "settings": SETTINGS.as_dict(), "made": datetime.date.today().isoformat(), "task": target.report(faces),
        "train_seconds": target.seconds, "ladder_seconds": report.seconds, "recipe": target.recipe,
        "layers": list(maps.layers), "epochs": list(maps.epochs), "task_classes": list(faces.task.classes),
        "task_name": faces.task.name, "classes": {a.name: list(a.classes) for a in faces.attributes},
        "correlation": {k: vars(v) for k, v in report.correlation.items()}, "attributes": list(report.attributes),
    }  # fmt: skip
    return Shipped(about, [r.row() for r in report.rungs], arrays, atlas(np.asarray(faces.images[maps.rows])))


def write(run: Shipped, folder: Path = FOLDER) -> None:
    """Put a run where `load` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"about": run.about, "ladder": run.ladder}, indent=1))
    np.savez_compressed(folder / "maps.npz", **run.arrays)  # type: ignore[arg-type]
    (folder / "faces.jpg").write_bytes(run.atlas)
