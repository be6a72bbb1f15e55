"""The same on real photos: numbers and points of a map, without a picture and without a name.

Whoever has not the data can see what they show; nothing of a person can be read out of the file but that a
point is one of so many. Made by `mlleak ship --on lfw`, read by Home. What was said stands there with its
message, so that Home can say it in another language. Light to import.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import cattrs
import numpy as np

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.figures.scenes import Scene
from mlleak_core.language import Said, say
from mlleak_core.report.evidence import how_often_wrong, parts_of
from mlleak_core.threat import SHIPPED, Exhibit, Figure, Headline

POINTS = 700
"""Points that are shipped of a map."""
LAYER = "conv2"
"""Whose map is shipped."""
GRID = 1000
"""Places of a point are whole numbers up to this."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A line under a number: its parts, and how often its verdict is wrong where nothing is there."""

    parts: tuple[str, ...]
    wrong: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """A threat's finding: its page, the title, numbers to set large, lines of evidence, a caption."""

    slug: str
    title: str
    figures: tuple[Figure, ...]
    lines: tuple[Evidence, ...]
    small: str = ""


@dataclass(frozen=True, kw_only=True)
class Dots:
    """A map without faces: places [n] of (across, down), the class that was taught, and another label's; -1
    where the data set says nothing.
    """

    layer: str
    task_classes: tuple[str, ...]
    label: str
    classes: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    taught: tuple[int, ...]
    other: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """What the threats found on other data."""

    data: str
    made: str
    told: tuple[Told, ...]
    dots: Dots | None = None

    def save(self, folder: Path = SHIPPED) -> None:
        """Raises OSError."""
        disk.write_json(folder / f"on-{self.data}.json", _file().unstructure(self))


def shipped(data: str, folder: Path = SHIPPED) -> Elsewhere | None:
    """What came with the program of these data, if anything."""
    try:
        found: Elsewhere = _file().structure(disk.read_json(folder / f"on-{data}.json"), Elsewhere)
    except (*disk.DAMAGE, cattrs.BaseValidationError):
        return None
    return found


def tell(data: str, exhibits: Sequence[tuple[str, Exhibit]]) -> Elsewhere:
    """The numbers of these exhibits, (slug, exhibit). Raises BadInput where they found nothing to tell."""
    made = date.today().isoformat()
    shipped = [(slug, exhibit.labelled(exhibit.job, f"shipped {made}")) for slug, exhibit in exhibits]
    told = tuple(_told(slug, headline) for slug, exhibit in shipped for headline in exhibit.headlines())
    if not told:
        expected = say("exhibits on {data} that found something", data=data)
        raise BadInput(expected, say("none"), say("Rehearse these data first."))
    scenes = [h.picture for _, e in exhibits for h in e.headlines() if isinstance(h.picture, Scene)]
    dots = _dots(scenes[0]) if scenes else None
    return Elsewhere(data=data, made=made, told=told, dots=dots)


@functools.cache
def _file() -> cattrs.Converter:
    """To the file and back: words with their message and its values."""
    found = cattrs.Converter()
    found.register_unstructure_hook(str, _kept)
    found.register_structure_hook(str, lambda kept, _: _said(kept))
    return found


def _kept(value: Any) -> Any:
    if isinstance(value, Said):
        return {"says": value.message, **{name: _kept(each) for name, each in value.values.items()}}
    return value.item() if isinstance(value, np.generic) else value


def _said(kept: Any) -> Any:
    if not isinstance(kept, dict):
        return kept
    return say(kept["says"], **{name: _said(each) for name, each in kept.items() if name != "says"})


def _told(slug: str, headline: Headline) -> Told:
    lines = tuple(Evidence(parts=parts_of(f), wrong=how_often_wrong(f)) for f in headline.findings)
    return Told(slug=slug, title=headline.title, figures=headline.figures, lines=lines, small=headline.small)


def _dots(scene: Scene) -> Dots:
    """The last map of a scene, coloured by a labelling of more than two classes, if there is one."""
    label, classes, codes = next((each for each in scene.labels if len(each[1]) > 2), scene.labels[0])
    frame = next(reversed([f for key, f in scene.frames.items() if _of(key, LAYER)]))[:POINTS]
    frame = frame.astype(float)
    low, high = frame.min(axis=0), frame.max(axis=0)
    places = np.rint(GRID * (frame - low) / np.maximum(high - low, 1)).astype(int)
    return Dots(
        layer=LAYER,
        task_classes=tuple(scene.task_classes),
        label=label,
        classes=tuple(classes),
        places=tuple((int(x), int(y)) for x, y in places),
        taught=_plain(scene.task),
        other=_plain(codes),
    )


def _of(key: str, layer: str) -> bool:
    return key.startswith("map/") and key.endswith(f"/{layer}")


def _plain(codes: Any) -> tuple[int, ...]:
    return tuple(int(code) for code in codes[:POINTS])
