"""A finding as one picture to pass on: what was asked, the number, what follows, and its evidence line.

Faces are drawn only where this program invented them. The font is the app's own, which comes with the
program: every machine draws alike.
"""

from __future__ import annotations

import bisect
import contextlib
import functools
import importlib.util
import io
import itertools
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mlleak_core.figures.canvases import colours_for
from mlleak_core.figures.look import BLUE, GREY, ORANGE
from mlleak_core.figures.scenes import Reel, Scene, Tape
from mlleak_core.figures.sheets import encoded
from mlleak_core.report.contents import Report
from mlleak_core.report.evidence import parts_of, written
from mlleak_core.report.evidence import shown as told
from mlleak_core.threat import Figure, Finding

SIZE = (1200, 630)
"""Pixels, as social networks and chats preview a link."""
INK, PAPER, HOT, SOFT, LINE = "#1D2330", "#FCFAF6", "#B34E00", "#4A5060", "#E3DDD0"
CARD, ON_CARD, BESIDE = "#1D2330", "#F6F2EA", "#C3C7D2"
EDGE = 56
FOUR = 4
"""Faces side by side."""
SPELLED = {
    "φ": "phi",
    "δ": "delta",
    "γ": "gamma",
    "ε": "epsilon",
    "ρ": "rho",
    "×": "x",
    "–": "-",
    "—": "-",
    "−": "-",
    "→": "to",
    "≥": ">=",
    "≤": "<=",
    "≈": "about",
    "✓": "found",
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "Ä": "Ae",
    "Ö": "Oe",
    "Ü": "Ue",
    "ß": "ss",
    "„": "“",
}
"""What the font has no sign for."""
MOST = 1500
"""Letters of a text that are looked at: no box has room for more."""
MISSING = "\uffff"


@dataclass(frozen=True)
class Box:
    """Where something is drawn, in pixels: left, top, and how much room there is."""

    left: int
    top: int
    width: int
    height: int


def picture(report: Report) -> bytes:
    """The PNG."""
    canvas = Image.new("RGB", SIZE, PAPER)
    draw, wide = ImageDraw.Draw(canvas), SIZE[0] - 2 * EDGE
    shown = _shown(report)
    side = 0 if shown is None else 360
    room = wide - side - (40 if side else 0)
    _brand(draw)
    asked = told(report.threat.card.question)
    _write(draw, asked, Box(EDGE, 100, room, 110), (44, 38, 32, 26, 20), INK, bold=True)
    _number(draw, _largest(report), Box(EDGE, 222, room, 120))
    if shown is not None:
        _paint(canvas, shown, Box(SIZE[0] - EDGE - side, 48, side, 300))
    _verdict(draw, report, Box(EDGE, 366, wide, 132))
    finding = next((f for h in report.exhibit.headlines() for f in h.findings), report.findings[0])
    _write(draw, " · ".join(parts_of(finding)), Box(EDGE, 514, wide, 84), (19, 17, 15, 13), SOFT)
    return encoded(canvas, "PNG", optimize=True)


def _brand(draw: ImageDraw.ImageDraw) -> None:
    font = _font(34)
    draw.text((EDGE, 44), "ml", font=font, fill=INK, stroke_width=1, stroke_fill=INK)
    beside = EDGE + font.getlength("ml") + 1
    draw.text((beside, 44), "leak", font=font, fill=HOT, stroke_width=1, stroke_fill=HOT)


def _largest(report: Report) -> Figure:
    """The number to look at: the hot one of the first headline, with what stands beside it there, else the
    first finding's.
    """
    shown = next((line.figures for line in report.exhibit.headlines() if line.figures), ())
    if not shown:
        return _of(report.findings[0])
    chosen = next((figure for figure in shown if figure.hot), shown[0])
    others = ", ".join(f"{told(each.text)} {told(each.words)}" for each in shown if each is not chosen)
    words = told(chosen.words)
    return replace(chosen, text=told(chosen.text), words=f"{words} ({others})" if others else words)


def _of(finding: Finding) -> Figure:
    value = written(finding.estimate, finding.form).partition(" ")[0]
    return Figure(value, f"{told(finding.unit)} {told(finding.what)}".strip(), hot=True)


def _number(draw: ImageDraw.ImageDraw, figure: Figure, box: Box) -> None:
    """The number, and the words beside it."""
    text = spelled(figure.text)
    size = next((s for s in (104, 84, 64, 48, 32, 20) if _font(s).getlength(text) < box.width * 0.6), 20)
    font, middle = _font(size), box.top + box.height // 2
    place = (box.left, middle)
    draw.text(place, text, font=font, fill=HOT, stroke_width=2, stroke_fill=HOT, anchor="lm")
    used = int(font.getlength(text)) + 28
    beside = Box(box.left + used, box.top, box.width - used, box.height)
    _write(draw, figure.words, beside, (30, 26, 22, 18, 14), INK, centred=True)


def _verdict(draw: ImageDraw.ImageDraw, report: Report, box: Box) -> None:
    """What follows, in the dark card."""
    edges = (box.left, box.top, box.left + box.width, box.top + box.height)
    draw.rounded_rectangle(edges, radius=16, fill=CARD)
    inner = Box(box.left + 26, box.top + 16, box.width - 52, box.height - 32)
    conclusions = report.conclusions()
    words = conclusions[0].sentence if conclusions else report.findings[0].what
    _write(draw, told(words).replace("*", ""), inner, (32, 28, 24, 21, 18, 16), ON_CARD, centred=True)


def _write(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: Box,
    sizes: Sequence[int],
    colour: str,
    *,
    bold: bool = False,
    centred: bool = False,
) -> None:
    """Words within a box, as large as they fit; what does not fit at the smallest size is cut off."""
    size, lines = fitted(spelled(text[:MOST]), box, sizes)
    spare = box.height - len(lines) * _leading(size)
    top = box.top + (max(0, spare) // 2 if centred else 0)
    for i, line in enumerate(lines):
        place = (box.left, top + i * _leading(size))
        draw.text(place, line, font=_font(size), fill=colour, stroke_width=int(bold), stroke_fill=colour)


def fitted(text: str, box: Box, sizes: Sequence[int]) -> tuple[int, list[str]]:
    """The largest of the sizes in which a text has room in a box, and its lines; cut off at the smallest."""
    for size in sizes:
        room = max(1, box.height // _leading(size))
        lines = list(itertools.islice(_lines(text, size, box.width), room + 1))
        if len(lines) * _leading(size) <= box.height:
            return size, lines
    kept = lines[:room]
    while kept[-1] and _font(size).getlength(kept[-1] + "…") > box.width:
        kept[-1] = kept[-1][:-1]
    return size, [*kept[:-1], kept[-1].rstrip() + "…"]


def _lines(text: str, size: int, width: int) -> Iterator[str]:
    """The words of a text in lines; a word longer than a line is broken."""
    font, line = _font(size), ""
    for word in _pieces(text.split(), font, width):
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            yield line
            longer = word
        line = longer
    if line:
        yield line


def _pieces(words: Sequence[str], font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
    for word in words:
        rest = word
        while (cut := _fitting(rest, font, width)) < len(rest):
            yield rest[:cut]
            rest = rest[cut:]
        yield rest


def _fitting(word: str, font: ImageFont.FreeTypeFont, width: int) -> int:
    """How many letters of a word have room in a line; one at least."""
    lengths = range(1, min(len(word), width // 2) + 1)
    return max(1, bisect.bisect_right(lengths, width, key=lambda n: math.ceil(font.getlength(word[:n]))))


def _leading(size: int) -> int:
    """Pixels from line to line."""
    return round(size * 1.32)


@functools.lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The app's own, which Streamlit brings along; without it Pillow's, which has fewer signs."""
    for file in _of_the_app():
        with contextlib.suppress(OSError):  # a FreeType that cannot read it
            font = ImageFont.truetype(file, size)
            font.set_variation_by_name("Regular")
            return font
    plain = ImageFont.load_default(size)
    assert isinstance(plain, ImageFont.FreeTypeFont), "Pillow is built with FreeType"
    return plain


@functools.cache
def _of_the_app() -> tuple[str, ...]:
    found = importlib.util.find_spec("streamlit")
    if found is None or found.origin is None:
        return ()
    return tuple(map(str, Path(found.origin).parent.glob("static/static/media/SourceSansVF-Upright*")))


def spelled(text: str) -> str:
    """A text in the signs that the font has."""
    return "".join(_sign(sign) for sign in text)


@functools.lru_cache(maxsize=1024)
def _sign(sign: str) -> str:
    if sign.isascii() or _has(sign):
        return sign
    plain = SPELLED.get(sign) or unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return plain or "?"


def _has(sign: str) -> bool:
    font = _font(32)
    return bytes(font.getmask(sign)) != bytes(font.getmask(MISSING))


# What is drawn at the right.


def _shown(report: Report) -> Scene | Reel | Tape | None:
    """The first picture that can be painted; none where somebody real is in it."""
    if not report.data.invented:
        return None
    pictures = [drawing.picture for drawing in report.drawings()]
    return next((p for p in pictures if isinstance(p, Scene | Reel | Tape)), None)


def _paint(canvas: Image.Image, found: Scene | Reel | Tape, box: Box) -> None:
    match found:
        case Scene():
            _map(canvas, found, box)
        case Reel():
            _faces(canvas, found, box)
        case Tape():
            _rounds(canvas, found, box)


def _map(canvas: Image.Image, scene: Scene, box: Box) -> None:
    """The last epoch of the layer, drawn four times as large, so that its dots are round."""
    points = scene.frames[f"map/{scene.epochs[-1]}/{scene.layer}"].astype(float) / 32767
    codes = scene.codes if scene.codes is not None else np.zeros(len(points), np.int8)
    colours = colours_for(scene.classes, codes)
    large = Image.new("RGB", (box.width * 4, box.height * 4), PAPER)
    draw, reach = ImageDraw.Draw(large), min(large.size) * 0.48
    for coloured in (False, True):
        for (x, y), code in zip(points, codes, strict=True):
            colour = colours[code] if code >= 0 else None
            if (colour is not None) is coloured:
                left, top = large.width / 2 + x * reach, large.height / 2 - y * reach
                draw.ellipse((left - 13, top - 13, left + 13, top + 13), fill=colour or "#B9B7B2")
    canvas.paste(large.resize((box.width, box.height), Image.Resampling.LANCZOS), (box.left, box.top))


def _faces(canvas: Image.Image, reel: Reel, box: Box) -> None:
    """Photos above, what was read back below them."""
    with Image.open(io.BytesIO(reel.atlas)) as file:
        atlas = file.convert("RGB")
    count = min(len(reel.names), reel.show or len(reel.names), 2 * FOUR)
    across, pairs = min(FOUR, count), -(-count // FOUR)
    sprite = (atlas.width // len(reel.names), atlas.height // reel.rows)
    side = min(box.width // across, (box.height - 12 * (pairs - 1)) // (2 * pairs)) - 3
    for i in range(count):
        for below, row in enumerate((0, reel.frames[-1].row)):
            corner = (i * sprite[0], row * sprite[1])
            tile = atlas.crop((*corner, corner[0] + sprite[0], corner[1] + sprite[1]))
            left = box.left + box.width - (across - i % FOUR) * (side + 3)
            top = box.top + i // FOUR * (2 * side + 14) + below * (side + 2)
            canvas.paste(tile.resize((side, side), Image.Resampling.BICUBIC), (left, top))


def _rounds(canvas: Image.Image, tape: Tape, box: Box) -> None:
    """Truth above, what the attacker makes of it, the same without it."""
    draw, step = ImageDraw.Draw(canvas), box.width / tape.rounds
    if tape.present is not None:
        for i in np.flatnonzero(tape.present):
            left = box.left + i * step
            draw.rectangle((left, box.top + 20, left + max(step - 1, 1), box.top + 50), fill=ORANGE)
    _bars(draw, tape.at, tape.posterior, Box(box.left, box.top + 64, box.width, 140), (step, BLUE))
    if tape.control_at is not None and tape.control is not None:
        _bars(draw, tape.control_at, tape.control, Box(box.left, box.top + 220, box.width, 60), (step, GREY))


def _bars(draw: ImageDraw.ImageDraw, at: Any, values: Any, box: Box, looks: tuple[float, str]) -> None:
    step, colour = looks
    wide, foot = step * (at[1] - at[0] if len(at) > 1 else 1), box.top + box.height
    draw.line((box.left, foot, box.left + box.width, foot), fill=LINE)
    for round_, value in zip(at, values, strict=True):
        left = box.left + float(round_) * step
        draw.rectangle((left, foot - float(value) * box.height, left + max(wide - 1, 1), foot), fill=colour)
