"""Reading pictures that somebody else made: bounded, verified, re-encoded to SIDE x SIDE RGB."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mlleak_core.contract import BadInput, Step
from mlleak_core.data.faces import SIDE
from mlleak_core.data.shelf import DAMAGED, Entry
from mlleak_core.language import mark, say

MAX_PIXELS = 50_000_000
TOO_MANY = mark("{width} x {height} pixels, more than {most} million")
AT_ONCE = 64
"""Pictures between two steps, at each of which the reading can be stopped."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""The formats that are opened at all: Pillow knows many more, some of which start other programs."""
ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""
Crop = tuple[float, float, float, float]


def read_picture(source: IO[bytes], crop: Crop | None = None) -> NDArray[np.uint8]:
    """One picture as [SIDE, SIDE, 3] uint8, upright. `crop` is left, top, right, bottom as shares of its
    width and height.

    Raises ValueError in plain words when the file is no picture, cut short or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # of odd metadata
            with Image.open(source, formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise ValueError(say(TOO_MANY, width=width, height=height, most=MAX_PIXELS // 1_000_000))
                return _small(_in_colour(_upright(picture)), crop)
    except UnidentifiedImageError as error:
        raise ValueError(say("not a picture")) from error
    except Image.DecompressionBombError as error:
        raise ValueError(say("too many pixels")) from error
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001  decoders raise what they like on damaged files
        why = str(error)[:60] or type(error).__name__
        raise ValueError(say("unreadable ({why})", why=why)) from error


def _upright(picture: Image.Image) -> Image.Image:
    """As every viewer shows it: phones keep the sensor's pixels and note how they were held."""
    if picture.getexif().get(ORIENTATION, 1) in {1, None}:
        return picture
    return ImageOps.exif_transpose(picture)


def _in_colour(picture: Image.Image) -> Image.Image:
    """As RGB: deep greys scaled to eight bits, what is transparent on white."""
    if picture.mode.startswith(("I", "F")):
        sixteen = picture.mode.startswith("I;16")
        return Image.fromarray(_eight_bits(np.asarray(picture), sixteen)).convert("RGB")
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return picture.convert("RGB")


def _eight_bits(values: NDArray[Any], sixteen: bool) -> NDArray[np.uint8]:
    """Grey values of `sixteen` bits, or else on the scale that their range shows: fractions, 8, 16 bits or
    more.
    """
    x = values.astype(np.float64)
    if not np.isfinite(x).all() or x.min() < 0:
        raise ValueError(say("grey values that are negative or no numbers"))
    top = float(x.max())
    fractions = values.dtype.kind == "f" and top <= 1
    if fractions:
        x = x * 255
    elif sixteen or 255 < top <= 65535:
        x = x / 257
    elif top > 65535:
        x = x / top * 255
    return np.round(x).clip(0, 255).astype(np.uint8)


def _small(picture: Image.Image, crop: Crop | None) -> NDArray[np.uint8]:
    width, height = picture.size
    left, top, right, bottom = crop or _centre_square(width, height)
    box = (left * width, top * height, right * width, bottom * height)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))


def _centre_square(width: int, height: int) -> Crop:
    side = min(width, height)
    x, y = (width - side) / 2 / width, (height - side) / 2 / height
    return x, y, 1 - x, 1 - y


def read_all(
    files: Sequence[Path | Entry], rows: Sequence[str], crop: Crop | None = None
) -> Generator[Step, None, NDArray[np.uint8]]:
    """All pictures [n, SIDE, SIDE, 3]; every problem is collected and raised at once, with its row."""
    images = np.empty((len(files), SIDE, SIDE, 3), np.uint8)
    problems: list[str] = []

    def read(index: int) -> None:
        try:
            with files[index].open("rb") as file:
                images[index] = read_picture(file, crop)
        except ValueError as error:
            problems.append(_problem(rows[index], files[index].name, str(error)))
        except DAMAGED as error:
            why = say("unreadable ({why})", why=str(error)[:60])
            problems.append(_problem(rows[index], files[index].name, why))

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(files), AT_ONCE):
            end = min(start + AT_ONCE, len(files))
            list(pool.map(read, range(start, end)))
            yield Step(end, len(files), say("reading pictures"))
    refuse(problems, say("readable pictures ({formats})", formats=", ".join(FORMATS)))
    return images


def _problem(row: str, file: str, why: str) -> str:
    return say("{row}: {file}: {why}", row=row, file=file, why=why)


def refuse(problems: Sequence[str], expected: str) -> None:
    """Raise one BadInput that lists all `problems` (the first thirty in full)."""
    if not problems:
        return
    named = functools.reduce(lambda a, b: say("{a}; {b}", a=a, b=b), sorted(problems)[:30])
    if len(problems) > 30:
        named = say("{problems}; and {n} more", problems=named, n=len(problems) - 30)
    got = say("{n} problem(s): {problems}", n=len(problems), problems=named)
    raise BadInput(expected, got, say("Mend or remove these and try again."))
