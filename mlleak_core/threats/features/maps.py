"""Maps of every layer at several epochs, aligned so that movement means something, drawn as they come."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.contract import Step, Stop, fingerprint
from mlleak_core.data import UNKNOWN, Faces
from mlleak_core.figures.scenes import LAYER_NAMES, Scene
from mlleak_core.figures.sheets import atlas, quantise
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.training import Target, choose_faces, shrink
from mlleak_core.threat import Desk
from mlleak_core.threats.features import embedding, probes
from mlleak_core.threats.features.card import MapSettings
from mlleak_core.threats.features.drawings import scene_of
from mlleak_core.threats.features.embedding import Points
from mlleak_core.threats.features.taps import activations

Frames = dict[tuple[int, str], Points]
FEW = mark(
    "Only {n} faces were held out, too few for a map of neighbours: they stand where their principal "
    "components put them. Add photos of more people."
)
ONE_POINT = mark("All of these faces are alike to {layers}: they stand in one point.")


@dataclass(frozen=True, eq=False, kw_only=True)
class Maps:
    """rows [n] of the faces shown; frames: (epoch, layer) -> [n, 2]; linear: the same, by probes."""

    rows: NDArray[np.int64]
    layers: tuple[str, ...]
    epochs: tuple[int, ...]
    frames: Frames
    linear: Frames

    def whole(self) -> Maps:
        """Without an epoch that is only half drawn, unless it is the first, so that little is sent twice."""
        complete = [e for e in self.epochs if all((e, layer) in self.frames for layer in self.layers)]
        if not complete:
            return self
        frames = {key: points for key, points in self.frames.items() if key[0] in complete}
        return dataclasses.replace(self, frames=frames, linear={key: self.linear[key] for key in frames})

    def caution(self) -> str:
        """What is to be said beside maps that have little to show; empty for most."""
        if len(self.rows) < embedding.FEWEST:
            return say(FEW, n=len(self.rows))
        last = max(epoch for epoch, _ in self.frames)
        shown = {layer: points for (epoch, layer), points in self.frames.items() if epoch == last}
        alike = [layer for layer, points in shown.items() if not np.ptp(points, 0).any()]
        names = ", ".join(say(LAYER_NAMES.get(layer, layer)) for layer in alike)
        return say(ONE_POINT, layers=names) if alike else ""

    def arrays(self, faces: Faces) -> dict[str, NDArray[Any]]:
        """As an exhibit keeps them: frames as whole numbers, and the labels of the faces shown."""
        found: dict[str, NDArray[Any]] = {}
        for view, frames in (("map", self.frames), ("linear", self.linear)):
            found |= {f"{view}/{epoch}/{layer}": quantise(p) for (epoch, layer), p in frames.items()}
        found |= {f"label/{labels.name}": labels.codes[self.rows] for labels in faces.attributes}
        return found | {"task": faces.task.codes[self.rows], "person": faces.person[self.rows]}

    def sheet(self, faces: Faces) -> bytes:
        """The faces shown, as one picture."""
        return atlas(np.asarray(faces.images[self.rows]))

    def scene(self, faces: Faces, labelling: str, revealed: bool, name: str, sheet: bytes) -> Scene:
        """What a page draws of them. sheet: made once with `sheet`."""
        return scene_of(
            name=f"{name}-{labelling}-{revealed}",
            arrays=self.arrays(faces),
            atlas=sheet,
            layers=self.layers,
            epochs=self.epochs,
            task_classes=faces.task.classes,
            classes={labels.name: labels.classes for labels in faces.attributes},
            labelling=labelling,
            revealed=revealed,
            people=[faces.people[p].replace("_", " ") for p in faces.person[self.rows]],
        )


def run_last(settings: MapSettings, desk: Desk) -> Generator[Step, None, Maps]:
    """The maps of the last epoch alone, kept for `run`. A training that was stopped early will do."""
    target, faces = yield from _opened(settings, desk)
    maps = yield from draw(target, faces, settings, last_only=True)
    desk.remember(_key(settings, target), maps, settings.data)
    return maps


def run(settings: MapSettings, desk: Desk) -> Generator[Step, None, Maps]:
    """The maps of all epochs; what `run_last` has drawn is taken over."""
    target, faces = yield from _opened(settings, desk)
    return (yield from draw(target, faces, settings, known=desk.recall(_key(settings, target))))


def _opened(settings: MapSettings, desk: Desk) -> Generator[Step, None, tuple[Target, Faces]]:
    faces = choose_faces((yield from desk.faces(settings.data)), settings.training)
    target = yield from desk.target(settings.training, stopped=True)
    return target, faces


def _key(settings: MapSettings, target: Target) -> str:
    return f"map-{fingerprint(settings, target.key, target.complete)}"


def draw(
    target: Target,
    faces: Faces,
    settings: MapSettings,
    known: Maps | None = None,
    last_only: bool = False,
) -> Generator[Step, None, Maps]:
    """The last epoch's maps first, then backwards in time, each starting from and turned onto its successor.

    Frames of `known`, an earlier drawing with the same arguments, are kept; `last_only` leaves the earlier
    epochs out. Each step's peek carries the `Maps` so far. Throwing `Stop` in keeps them.
    """
    attribute = settings.attribute or faces.headline[0]
    rows = _shown(target, faces, attribute, settings)
    pictures = shrink(faces, rows)
    epochs = tuple(sorted(target.states))
    layers = target.net().layers
    frames: Frames = dict(known.frames) if known else {}
    linear: Frames = dict(known.linear) if known else {}
    drawn = epochs[-1:] if last_only else epochs
    total = len(drawn) * (len(layers) - 1) + 1
    axes = _Axes(target, faces, attribute)

    def so_far() -> Maps:
        return Maps(rows=rows, layers=layers, epochs=epochs, frames=dict(frames), linear=dict(linear))

    for epoch in reversed(drawn):
        if all((epoch, layer) in frames for layer in layers):
            continue
        taps = activations(target.net(epoch), pictures)
        for layer in layers:
            if layer == "pixels" and epoch != epochs[-1]:
                frames[epoch, layer] = frames[epochs[-1], layer]
                linear[epoch, layer] = linear[epochs[-1], layer]
                continue
            later = next((frames[e, layer] for e in epochs if e > epoch and (e, layer) in frames), None)
            frames[epoch, layer] = _frame(taps[layer], settings.seed, later)
            linear[epoch, layer] = axes.points(epoch, layer, taps[layer])
            maps = so_far()
            try:
                note = say("map of {layer}, epoch {epoch}", layer=say(layer), epoch=epoch)
                yield Step(_count(frames), total, note, {"maps": maps})
            except Stop:
                return maps
    return so_far()


def _count(frames: Frames) -> int:
    return sum(layer != "pixels" for _, layer in frames) + 1


def _shown(target: Target, faces: Faces, attribute: str, settings: MapSettings) -> NDArray[np.int64]:
    """Held-out faces: all holders of the attribute that fit in a half, the rest at random."""
    held = target.split.outsiders
    if len(held) <= settings.points:
        return held
    rng = stream(settings.seed, "faces on a map")
    holders = rng.permutation(held[faces.target(attribute)[held] == 1])[: settings.points // 2]
    others = rng.permutation(np.setdiff1d(held, holders))[: settings.points - len(holders)]
    return np.sort(np.concatenate([holders, others]))


def _frame(taps: torch.Tensor, seed: int, later: Points | None) -> Points:
    points = embedding.principal(taps, seed)
    if later is None:
        return embedding.fit_map(points, seed)
    return embedding.align(embedding.fit_map(points, seed, start=later, epochs=60), later)


class _Axes:
    """A linear view, fitted on members: across, what a task probe reads; upwards, an attribute probe."""

    def __init__(self, target: Target, faces: Faces, attribute: str) -> None:
        self.target = target
        self.cache: dict[int, dict[str, torch.Tensor]] = {}
        rng = stream(target.settings.seed, "axes of a map")
        members = target.split.members
        labels = faces.target(attribute)
        holders = rng.permutation(members[labels[members] == 1])[:600]
        known = members[labels[members] != UNKNOWN]
        others = rng.permutation(np.setdiff1d(known, holders))[: 1200 - len(holders)]
        rows = np.concatenate([holders, others]) if len(known) else rng.permutation(members)[:1200]
        self.pictures = shrink(faces, rows)
        self.targets = torch.from_numpy(
            np.column_stack([probes.signed(faces.task.codes[rows]), probes.signed(labels[rows])])
        )

    def points(self, epoch: int, layer: str, taps: torch.Tensor) -> Points:
        if epoch not in self.cache:
            self.cache = {epoch: activations(self.target.net(epoch), self.pictures)}
        ridge = probes.Ridge(self.cache[epoch][layer])
        shown = ridge.scores(taps, ridge.weights(self.targets, 0.3))
        return np.asarray((shown - shown.mean(0)) / shown.std(0).clamp_min(1e-6), np.float32)
