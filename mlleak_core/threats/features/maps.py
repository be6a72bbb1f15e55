"""Maps of every layer at several epochs, aligned so that movement means something, drawn as they become ready."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.threats.features import embedding, probes
from mlleak_core.threats.features.ladder import activations
from mlleak_core.contract import Range, Settings, Step, Stop
from mlleak_core.data import UNKNOWN, Faces
from mlleak_core.threats.features.embedding import Points
from mlleak_core.target.training import Target, shrink


@dataclass(frozen=True)
class MapSettings(Settings):
    """What a visitor can choose about the maps."""

    points: Annotated[int, Range(100, 5000, 100, "Held-out faces on the map.")] = 2000
    seed: Annotated[int, Range(0, 9999, 1, "Fixes the layout; another seed shows what of it is chance.")] = 0


Frames = dict[tuple[int, str], Points]


@dataclass(frozen=True, eq=False)
class Maps:
    """rows [n] of the faces shown; frames: (epoch, layer) -> [n, 2]; linear: the same keys -> [n, 2] probe axes."""

    rows: NDArray[np.int64]
    layers: tuple[str, ...]
    epochs: tuple[int, ...]
    frames: Frames
    linear: Frames
    attribute: str


def draw(
    target: Target, faces: Faces, attribute: str, settings: MapSettings, known: Maps | None = None, last_only: bool = False
) -> Generator[Step, None, Maps]:
    """The last epoch's maps first, then backwards in time, each starting from and turned onto its successor.

    Frames of `known`, an earlier drawing with the same arguments, are kept; `last_only` leaves the earlier epochs out.
    Each step's peek carries the `Maps` so far. Throwing `Stop` in keeps them.
    """
    rows = _shown(target, faces, attribute, settings)
    pictures = shrink(faces, rows)
    epochs = tuple(sorted(target.states))
    layers = target.net().layers
    frames: Frames = dict(known.frames) if known else {}
    linear: Frames = dict(known.linear) if known else {}
    drawn = epochs[-1:] if last_only else epochs
    total = len(drawn) * (len(layers) - 1) + 1
    axes = _Axes(target, faces, attribute)
    for epoch in reversed(drawn):
        if all((epoch, layer) in frames for layer in layers):
            continue
        taps = activations(target.net(epoch), pictures)
        for layer in layers:
            if layer == "pixels" and epoch != epochs[-1]:
                frames[epoch, layer], linear[epoch, layer] = frames[epochs[-1], layer], linear[epochs[-1], layer]
                continue
            later = next((frames[e, layer] for e in epochs if e > epoch and (e, layer) in frames), None)
            frames[epoch, layer] = _frame(taps[layer], settings.seed, later)
            linear[epoch, layer] = axes.points(epoch, layer, taps[layer])
            so_far = Maps(rows, layers, epochs, dict(frames), dict(linear), attribute)
            try:
                yield Step(_count(frames), total, f"map of {layer}, epoch {epoch}", {"maps": so_far})
            except Stop:
                return so_far
    return Maps(rows, layers, epochs, frames, linear, attribute)


def _count(frames: Frames) -> int:
    return sum(layer != "pixels" for _, layer in frames) + 1


def _shown(target: Target, faces: Faces, attribute: str, settings: MapSettings) -> NDArray[np.int64]:
    """Held-out faces: all bearers of the attribute that fit in a half, the rest at random."""
    held = target.split.outsiders
    if len(held) <= settings.points:
        return held
    rng = np.random.default_rng([settings.seed, 21])
    bearers = rng.permutation(held[faces.target(attribute)[held] == 1])[: settings.points // 2]
    others = rng.permutation(np.setdiff1d(held, bearers))[: settings.points - len(bearers)]
    return np.sort(np.concatenate([bearers, others]))


def _frame(taps: torch.Tensor, seed: int, later: Points | None) -> Points:
    points = embedding.principal(taps, seed)
    if later is None:
        return embedding.fit_map(points, seed)
    return embedding.align(embedding.fit_map(points, seed, start=later, epochs=60), later)


class _Axes:
    """A linear view: across, what a task probe reads; upwards, what an attribute probe reads. Fitted on members."""

    def __init__(self, target: Target, faces: Faces, attribute: str) -> None:
        self.target, self.cache = target, dict[int, dict[str, torch.Tensor]]()
        rng = np.random.default_rng([target.settings.seed, 22])
        members = target.split.members
        labels = faces.target(attribute)
        bearers = rng.permutation(members[labels[members] == 1])[:600]
        others = rng.permutation(np.setdiff1d(members[labels[members] != UNKNOWN], bearers))[: 1200 - len(bearers)]
        self.rows = np.concatenate([bearers, others])
        self.pictures = shrink(faces, self.rows)
        self.targets = torch.from_numpy(
            np.column_stack([probes.signed(faces.task.codes[self.rows]), probes.signed(labels[self.rows])])
        )

    def points(self, epoch: int, layer: str, taps: torch.Tensor) -> Points:
        if epoch not in self.cache:
            self.cache = {epoch: activations(self.target.net(epoch), self.pictures)}
        ridge = probes.Ridge(self.cache[epoch][layer])
        shown = ridge.scores(taps, ridge.weights(self.targets, 0.3))
        return np.asarray((shown - shown.mean(0)) / shown.std(0).clamp_min(1e-6), np.float32)
