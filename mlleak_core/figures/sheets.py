"""Many small pictures as one: atlases for the browser, posters, and map coordinates small enough to send."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SPRITE = 40
ATLAS_COLUMNS = 40
SIDE = 32
"""Of the pictures that a net takes, and that are read back out of one."""


def atlas(images: NDArray[np.uint8], side: int = SPRITE) -> bytes:
    """Thumbnails of faces [n, s, s, 3] as one JPEG, ATLAS_COLUMNS a row."""
    n = len(images)
    rows = -(-n // ATLAS_COLUMNS)
    sheet = Image.new("RGB", (ATLAS_COLUMNS * side, rows * side))
    for i, image in enumerate(images):
        thumb = Image.fromarray(image).resize((side, side), Image.Resampling.BOX)
        sheet.paste(thumb, (i % ATLAS_COLUMNS * side, i // ATLAS_COLUMNS * side))
    return encoded(sheet, "JPEG", quality=82)


def strips(rows: Sequence[NDArray[np.float32]]) -> bytes:
    """Rows of pictures [n, c, 32, 32] in 0 to 255, one below the other, as WebP."""
    canvas = np.zeros((len(rows) * SIDE, max(len(r) for r in rows) * SIDE, 3), np.uint8)
    for y, row in enumerate(rows):
        strip = _strip(row)
        canvas[y * SIDE : (y + 1) * SIDE, : strip.shape[1]] = strip
    return encoded(Image.fromarray(canvas), "WEBP", quality=92)


def poster(
    truth: NDArray[np.float32],
    found: NDArray[np.float32],
    scale: int = 3,
    across: int = 16,
    quick: bool = False,
) -> bytes:
    """Truth above reconstruction as a PNG, `across` faces a row. quick: as a JPEG, a hundred times faster."""
    tiles = []
    for start in range(0, len(truth), across):
        for part in (truth, found):
            row = np.full((SIDE, across * SIDE, 3), 255, np.uint8)
            strip = _strip(part[start : start + across])
            row[:, : strip.shape[1]] = strip
            tiles.append(row)
    canvas = Image.fromarray(np.concatenate(tiles))
    large = canvas.resize((canvas.width * scale, canvas.height * scale), Image.Resampling.BICUBIC)
    return encoded(large, "JPEG", quality=92) if quick else encoded(large, "PNG", optimize=True)


def _strip(pictures: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures [n, c, 32, 32] side by side: [32, n * 32, c]."""
    values = np.clip(np.round(pictures), 0, 255).astype(np.uint8)
    return values.transpose(2, 0, 3, 1).reshape(SIDE, -1, pictures.shape[1])


def cut(sheet: bytes, at: tuple[int, int], size: tuple[int, int], scale: int = 2) -> bytes:
    """A part of a sheet, left upper corner and size in its pixels, enlarged, as WebP."""
    (x, y), (width, height) = at, size
    part = Image.open(io.BytesIO(sheet)).convert("RGB").crop((x, y, x + width, y + height))
    large = part.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return encoded(large, "WEBP", quality=85)


def stacked(sheet: bytes, rows: Sequence[int], count: int, scale: int = 3) -> bytes:
    """The first `count` pictures of some rows of a sheet, one row below the other, as WebP."""
    whole = Image.open(io.BytesIO(sheet)).convert("RGB")
    canvas = Image.new("RGB", (count * SIDE, len(rows) * SIDE))
    for place, row in enumerate(rows):
        canvas.paste(whole.crop((0, row * SIDE, count * SIDE, (row + 1) * SIDE)), (0, place * SIDE))
    large = canvas.resize((canvas.width * scale, canvas.height * scale), Image.Resampling.BICUBIC)
    return encoded(large, "WEBP", quality=88)


def bars(values: NDArray[Any], size: tuple[int, int] = (800, 200)) -> bytes:
    """Values between 0 and 1 as dark bars on white, side by side, as WebP."""
    width, height = size
    across = np.minimum(np.arange(width) * len(values) // width, len(values) - 1)
    upwards = 1 - (np.arange(height)[:, None] + 0.5) / height
    lit = np.asarray(values)[across][None] >= upwards
    grey = np.where(lit, 40, 245).astype(np.uint8)
    return encoded(Image.fromarray(grey), "WEBP", lossless=True)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def quantise(points: NDArray[np.float32]) -> NDArray[np.int16]:
    """Map coordinates as int16: the farthest point from the centre at 32000, so that
    frames compare by shape.
    """
    low, high = np.quantile(points, [0.004, 0.996], axis=0)
    centred = points - (low + high) / 2
    reach = float((high - low).max()) / 2 * 1.05 + 1e-9
    return np.asarray(np.clip(centred / reach, -1.02, 1.02) * 31000, np.int16)
