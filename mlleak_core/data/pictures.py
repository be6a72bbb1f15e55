"""Reading pictures that somebody else made: bounded, verified, re-encoded to SIDE x SIDE RGB."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mlleak_core.contract import BadInput, Step
from mlleak_core.data.faces import SIDE

MAX_PIXELS = 50_000_000


def read_picture(source: IO[bytes], crop: tuple[float, float, float, float] | None = None) -> NDArray[np.uint8]:
    """One picture as [SIDE, SIDE, 3] uint8. `crop` is left, top, right, bottom as shares of its width and height.

    Raises ValueError in plain words when the file is no picture, cut short or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise ValueError(f"{width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} million")
                left, top, right, bottom = crop or _centre_square(width, height)
                box = (left * width, top * height, right * width, bottom * height)
                small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
                return np.asarray(small)
    except UnidentifiedImageError as error:
        raise ValueError("not a picture") from error
    except Image.DecompressionBombError as error:
        raise ValueError("too many pixels") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(f"unreadable ({str(error)[:60]})") from error


def _centre_square(width: int, height: int) -> tuple[float, float, float, float]:
    side = min(width, height)
    x, y = (width - side) / 2 / width, (height - side) / 2 / height
    return x, y, 1 - x, 1 - y


def read_all(
    files: Sequence[Path | zipfile.Path], rows: Sequence[str], crop: tuple[float, float, float, float] | None = None
) -> Generator[Step, None, NDArray[np.uint8]]:
    """All pictures [n, SIDE, SIDE, 3]; every problem is collected and raised at once, with its row."""
    images = np.empty((len(files), SIDE, SIDE, 3), np.uint8)
    problems: list[str] = []

    def read(index: int) -> None:
        try:
            with files[index].open("rb") as file:
                images[index] = read_picture(file, crop)
        except ValueError as error:
            problems.append(f"{rows[index]}: {files[index].name}: {error}")
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            problems.append(f"{rows[index]}: {files[index].name}: unreadable ({str(error)[:60]})")

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(files), 256):
            list(pool.map(read, range(start, min(start + 256, len(files)))))
            yield Step(min(start + 256, len(files)), len(files), "reading pictures")
    refuse(problems, "readable pictures")
    return images


def refuse(problems: Sequence[str], expected: str) -> None:
    """Raise one BadInput that lists all `problems` (the first thirty in full)."""
    if problems:
        shown = "; ".join(sorted(problems)[:30])
        more = f"; and {len(problems) - 30} more" if len(problems) > 30 else ""
        raise BadInput(expected, f"{len(problems)} problem(s): {shown}{more}", "Mend or remove these and try again.")
