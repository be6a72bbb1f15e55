"""Twins as a page shows them: numbers and small pictures, small enough to ship with the program. Light to import: no torch."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mlleak_core.threats.reconstruction.codes import SIDE, Pictures
from mlleak_core.measure import Estimate
from mlleak_core.target.settings import ReconstructionSettings
from mlleak_core.threats.features.exhibit import FOLDER

if TYPE_CHECKING:
    from mlleak_core.threats.reconstruction.encodings import Report
    from mlleak_core.threats.inversion.invert import Inverted
    from mlleak_core.threats.reconstruction.twins import Twins

SETTINGS = ReconstructionSettings(colour=True, net="strided-3 wide")
INVERSIONS = (
    ReconstructionSettings(attack="gradient", net="mlp", batch=1, colour=True),
    ReconstructionSettings(attack="gradient", batch=4, colour=True),
)
TITLES = {
    "cap": "Capacity abuse (CAP)",
    "cor": "Correlated values (COR)",
    "sgn": "Sign encoding (SGN)",
    "lsb": "Least significant bits (LSB)",
}


@dataclass(frozen=True, eq=False)
class Gallery:
    """about: settings, owners' names, rows of numbers; arrays: learning curves, histograms; atlas: all pictures, a row a view.

    about["views"]: {"row", "kind" (epoch, clean, mean or erased), "title", and the report's numbers}; row 0 is the truth.
    """

    about: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    atlas: bytes

    def views(self, kind: str) -> list[dict[str, Any]]:
        return [v for v in self.about["views"] if v["kind"] == kind]

    @property
    def last(self) -> dict[str, Any]:
        """The finished model's reading."""
        return self.views("epoch")[-1]

    def labelled(self, job: str, source: str) -> Gallery:
        """The same gallery, saying which job it is of and whether it is live or shipped."""
        return replace(self, about={**self.about, "job": job, "source": source})


def gallery(found: Twins) -> Gallery:
    """Choose what to show of a pair of twins."""
    plan, rows = found.plan, [found.plan.secret.pictures]
    views = []

    def add(kind: str, title: str, pictures: Pictures, report: Report, **more: Any) -> None:
        views.append({"row": len(rows), "kind": kind, "title": title, **_numbers(report), **more})
        rows.append(pictures)

    for frame in found.frames:
        add("epoch", f"epoch {frame.epoch}", frame.pictures, frame.report, epoch=frame.epoch)
    add("clean", "the clean twin, read the same way", found.clean_pictures, found.clean_report)
    add("mean", "the average public face", np.repeat(plan.public.mean(0, keepdims=True), len(plan.victims), 0), found.baseline)
    for erased in found.erased:
        add("erased", erased.name, erased.pictures, erased.report, accuracy=_estimate(erased.accuracy))
    numbers, arrays = found.forensics
    arrays = dict(arrays)
    for name, target in (("malicious", found.malicious), ("clean", found.clean)):
        arrays |= {f"{name}/{k}": v.astype(np.float32) for k, v in target.history.items()}
    from mlleak_core.threats.reconstruction.encodings import verdict

    about = {
        "settings": found.settings.as_dict(), "title": found.faces.provenance.title, "classes": list(found.faces.task.classes),
        "names": [found.faces.people[p].replace("_", " ") for p in plan.secret.owner], "views": views, "room": dataclasses.asdict(plan.room),
        "task": {k: _estimate(v) for k, v in found.task.items()}, "n_train": len(plan.split.members), "n_odd": _odd(found), "n_public": len(plan.public),
        "forensics": numbers, "verdict": verdict(found.report, found.clean_report, found.baseline), "complete": found.complete,
        "malicious_is": "AB"[int(np.random.default_rng([found.settings.seed, 77]).integers(2))], "run": found.malicious.key,
        "seconds": {"malicious": found.malicious.seconds, "clean": found.clean.seconds, "read": found.read_seconds, "all": found.seconds},
        "bits_per_second": found.report.bits_read / max(found.malicious.seconds, 1e-9), "made": datetime.date.today().isoformat(),
    }  # fmt: skip
    return Gallery(about, arrays, sheet(rows))


def _odd(found: Twins) -> int:
    asked = getattr(found.plan.encoding, "asked", None)
    return asked(len(found.plan.bits)) if asked else 0


def inversion_gallery(found: Inverted) -> Gallery:
    """The same for a participant's inverted update."""
    rows: list[Pictures] = [found.truth]
    views: list[dict[str, Any]] = []
    for share, pictures in found.frames:
        errors = np.abs(pictures - found.truth).reshape(len(pictures), -1).mean(1)
        views.append(
            {
                "row": len(rows),
                "kind": "step",
                "title": f"{share:.0%} of the search",
                "mae": float(errors.mean()),
                "errors": errors.tolist(),
            }
        )
        rows.append(pictures)
    views.append({"row": len(rows), "kind": "epoch", "title": "claimed", **_numbers(found.report)})
    rows.append(found.pictures)
    views.append({"row": len(rows), "kind": "mean", "title": "the average public face", **_numbers(found.baseline)})
    rows.append(np.repeat(found.mean[None], len(found.truth), 0))
    about = {
        "settings": found.settings.as_dict(), "names": list(found.names), "views": views, "distance": found.distance, "analytic": found.analytic,
        "seconds": found.seconds, "made": datetime.date.today().isoformat(),
    }  # fmt: skip
    return Gallery(about, {}, sheet(rows))


def _numbers(report: Report) -> dict[str, Any]:
    return report.row() | {"errors": report.errors.round(3).tolist(), "found": report.found.tolist()}


def _estimate(e: Estimate) -> dict[str, float]:
    return {"value": e.value, "low": e.low, "high": e.high, "n": e.n}


def sheet(rows: Sequence[Pictures]) -> bytes:
    """Rows of pictures [n, c, 32, 32] one below the other, as WebP."""
    canvas = np.zeros((len(rows) * SIDE, max(len(r) for r in rows) * SIDE, 3), np.uint8)
    for y, row in enumerate(rows):
        strip = np.clip(np.round(row), 0, 255).astype(np.uint8).transpose(2, 0, 3, 1).reshape(SIDE, -1, row.shape[1])
        canvas[y * SIDE : (y + 1) * SIDE, : strip.shape[1]] = strip
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "WEBP", quality=92)
    return buffer.getvalue()


def poster(truth: Pictures, found: Pictures, scale: int = 3, across: int = 16, quick: bool = False) -> bytes:
    """Truth above reconstruction as a PNG, `across` faces a row. quick: as a JPEG, a hundred times faster, to be seen a second."""
    tiles = []
    for start in range(0, len(truth), across):
        for part in (truth, found):
            row = np.full((SIDE, across * SIDE, 3), 255, np.uint8)
            some = np.clip(np.round(part[start : start + across]), 0, 255).astype(np.uint8)
            row[:, : len(some) * SIDE] = some.transpose(2, 0, 3, 1).reshape(SIDE, -1, some.shape[1])
            tiles.append(row)
    canvas = Image.fromarray(np.concatenate(tiles))
    buffer = io.BytesIO()
    large = canvas.resize((canvas.width * scale, canvas.height * scale), Image.Resampling.BICUBIC)
    if quick:
        large.save(buffer, "JPEG", quality=92)
    else:
        large.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


NAMES = ("reconstruction", "inversion-0", "inversion-1")


def write(cases: Sequence[Gallery], folder: Path = FOLDER) -> None:
    """Put galleries where `load` finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, case in zip(NAMES, cases, strict=True):
        (folder / f"{name}.json").write_text(json.dumps(case.about, indent=1))
        (folder / f"{name}.webp").write_bytes(case.atlas)
        if case.arrays:
            np.savez_compressed(folder / f"{name}.npz", **case.arrays)  # type: ignore[arg-type]


def load(folder: Path = FOLDER) -> tuple[Gallery, ...]:
    """The shipped twins, and the shipped inversions: the exact one, then the batch of four."""
    cases = []
    for name in NAMES:
        arrays: dict[str, NDArray[Any]] = {}
        if (folder / f"{name}.npz").is_file():
            with np.load(folder / f"{name}.npz", allow_pickle=False) as kept:
                arrays = dict(kept)
        cases.append(Gallery(json.loads((folder / f"{name}.json").read_text()), arrays, (folder / f"{name}.webp").read_bytes()))
    return tuple(cases)


def make(erase: bool = True, inversions: Sequence[ReconstructionSettings] = INVERSIONS) -> tuple[Gallery, ...]:
    """Compute the shipped cases anew. About a minute."""
    from mlleak_core.data import source
    from mlleak_core.contract import drain
    from mlleak_core.threats.inversion.invert import invert
    from mlleak_core.threats.reconstruction.twins import twins

    faces = drain(source.load(SETTINGS.data))
    return gallery(drain(twins(SETTINGS, faces, erase=erase))), *(inversion_gallery(drain(invert(s, faces))) for s in inversions)
