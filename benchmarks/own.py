"""Little pictures of one's own, drawn here: each visitor's, or each folder's, differ from all others."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 64


def drawn(
    people: int, photos: int, seed: int, mark: str = ""
) -> Iterator[tuple[str, Image.Image, list[str]]]:
    """Name, picture and row of the table, photo by photo. Every label and every person begins with `mark`."""
    dice = np.random.default_rng(seed)
    for person in range(people):
        round_, hat = person % 2, int(dice.integers(2))
        skin, back = dice.integers(60, 220, 3), dice.integers(20, 250, 3)
        for photo in range(photos):
            image = Image.new("RGB", (SIDE, SIDE), tuple(int(v) for v in back))
            pen, (x, y) = ImageDraw.Draw(image), dice.integers(8, 18, 2).tolist()
            box = (x, y, x + 36, y + 36)
            (pen.ellipse if round_ else pen.rectangle)(box, fill=tuple(int(v) for v in skin))
            if hat:
                pen.rectangle((x, y - 6, x + 36, y + 2), fill=(20, 20, 20))
            noise = dice.normal(0, 8, (SIDE, SIDE, 3))
            image = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))
            name = f"{person:03d}-{photo}.jpg"
            row = [name, f"{mark}person {person}", f"{mark}{('square', 'round')[round_]}"]
            yield name, image, [*row, f"{mark}{('bare', 'hatted')[hat]}"]


def _table(rows: list[list[str]], mark: str) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([["file", "person", f"{mark}shape", f"{mark}head"], *rows])
    return text.getvalue()


def as_zip(people: int, photos: int, seed: int, mark: str) -> bytes:
    """As a visitor sends them."""
    packed, rows = io.BytesIO(), []
    with zipfile.ZipFile(packed, "w") as archive:
        for name, image, row in drawn(people, photos, seed, mark):
            picture = io.BytesIO()
            image.save(picture, "JPEG", quality=90)
            archive.writestr(name, picture.getvalue())
            rows.append(row)
        archive.writestr("faces.csv", _table(rows, mark))
    return packed.getvalue()


def as_folder(home: Path, people: int, photos: int, seed: int) -> str:
    """The same as a folder with its table; returns what settings call it."""
    home.mkdir(parents=True)
    rows = []
    for name, image, row in drawn(people, photos, seed):
        image.save(home / name, "JPEG", quality=90)
        rows.append(row)
    (home / "faces.csv").write_text(_table(rows, ""))
    return f"folder:{home}"
