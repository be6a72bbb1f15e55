"""From a training to its ladder: open the net for the attacker, let him read, have it judged."""

from __future__ import annotations

import datetime
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from mlleak_core.contract import BadInput, Step, knobs, now
from mlleak_core.data import Faces, Split
from mlleak_core.language import say
from mlleak_core.measure import proportion
from mlleak_core.target.models import ConvNet
from mlleak_core.target.training import Target, choose_faces, shrink
from mlleak_core.threat import Desk
from mlleak_core.threats.features.card import FeaturesSettings, MapSettings
from mlleak_core.threats.features.exhibit import FeaturesExhibit
from mlleak_core.threats.features.facts import About, Task, owners
from mlleak_core.threats.features.judge import Report, judge
from mlleak_core.threats.features.ladder import SAME, LayerLadder, Rows, Side, View
from mlleak_core.threats.features.maps import Maps, draw
from mlleak_core.threats.features.taps import both_ways, untrained

SHIPPED_POINTS = 1000
"""Faces on the maps that come with the program."""


def run(settings: FeaturesSettings, desk: Desk) -> Generator[Step, None, Ladder]:
    """The ladder of a training with these settings, kept from before or trained now. Raises BadInput."""
    return (yield from _ladder(settings, desk, stopped=False))


def run_stopped(settings: FeaturesSettings, desk: Desk) -> Generator[Step, None, Ladder]:
    """The same of a training that was stopped early, as it stands."""
    return (yield from _ladder(settings, desk, stopped=True))


def _ladder(settings: FeaturesSettings, desk: Desk, stopped: bool) -> Generator[Step, None, Ladder]:
    training = settings.training()
    faces = choose_faces((yield from desk.faces(settings.data)), training)
    names = wanted(faces, settings)
    target = yield from desk.target(training, stopped=stopped)
    attack = LayerLadder(**{knob.name: getattr(settings, knob.name) for knob in knobs(LayerLadder)})
    report = yield from analyse(target, faces, names, attack)
    return Ladder(settings=settings, target=target, faces=faces, report=report)


def wanted(faces: Faces, settings: FeaturesSettings) -> tuple[str, ...]:
    """The attributes asked for, as the data set spells them. Raises BadInput where it has none such."""
    if not faces.targets:
        expected = say("a label of {data} beside the one that is taught", data=faces.name)
        raise BadInput(expected, say("none"), say("Add a label column to look for."))
    for name in settings.names():
        faces.target(name)
    spelled = {name.lower(): name for name in faces.targets}
    return tuple(spelled[name.lower()] for name in settings.names() or faces.headline)


def analyse(
    target: Target, faces: Faces, attributes: Sequence[str], attack: LayerLadder
) -> Generator[Step, None, Report]:
    """Stage, attack and judge in one run."""
    started = now()
    yield Step(0, 6, say("reading activations"))
    view = stage(target, faces, attributes, attack.seed)
    claim = yield from attack.run(view)
    report = judge(claim, faces, view.held_rows, attack)
    return replace(report, seconds=now() - started)


def stage(target: Target, faces: Faces, attributes: Sequence[str], seed: int = 0) -> View:
    """Open the target for the attacker. seed: of the untrained nets beside it."""
    return opened(target.net(), target.split, faces, attributes, seed)


def opened(net: ConvNet, split: Split, faces: Faces, attributes: Sequence[str], seed: int) -> View:
    """A net's layers on members (labelled, auxiliary) and on outsiders, and those of nets never trained."""
    aux, held = (split.public if len(split.public) else split.members), split.outsiders
    aux_pictures, held_pictures = shrink(faces, aux), shrink(faces, held)

    def never_trained(number: int, rows: Rows) -> Side:
        other = untrained(net, aux_pictures, seed, number)
        asked = aux_pictures[torch.from_numpy(rows)]
        return Side(both_ways(other, asked, SAME), both_ways(other, held_pictures, SAME))

    return View(
        trained=Side(both_ways(net, aux_pictures), both_ways(net, held_pictures)),
        untrained=never_trained,
        aux_person=faces.person[aux],
        aux_task=faces.task.codes[aux],
        aux_labels={a: faces.target(a)[aux] for a in attributes},
        held_task=faces.task.codes[held],
        held_rows=held,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Ladder:
    """A finished run: whose net, and what was found in it."""

    settings: FeaturesSettings
    target: Target
    faces: Faces
    report: Report

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        return {
            "task": self.target.report(self.faces),
            "layers": [rung.row() for rung in self.report.rungs],
            "correlation": {name: vars(phi) for name, phi in self.report.correlation.items()},
            "ladder_seconds": self.report.seconds,
        }

    def artefact(self, name: str) -> bytes:
        """It writes no files."""
        raise BadInput(say("a file that a ladder writes"), name, say("Its numbers are all in the report."))

    def exhibit(self) -> FeaturesExhibit:
        """Without maps: a page draws them beside it."""
        return FeaturesExhibit(about=self._about(), arrays=self._history())

    def shipped_exhibit(self, desk: Desk) -> Generator[Step, None, FeaturesExhibit]:
        """With the maps of all epochs, as it comes with the program."""
        settings = MapSettings(training=self.settings.training(), points=SHIPPED_POINTS)
        maps: Maps = yield from draw(self.target, self.faces, settings)
        arrays = self._history() | maps.arrays(self.faces)
        return FeaturesExhibit(about=self._about(), arrays=arrays, atlas=maps.sheet(self.faces))

    def _history(self) -> dict[str, Any]:
        return {f"history_{name}": values for name, values in self.target.history.items()}

    def _about(self) -> About:
        faces, report, target = self.faces, self.report, self.target
        return About(
            made=datetime.date.today().isoformat(),
            settings=self.settings,
            attributes=report.attributes,
            layers=report.layers,
            epochs=tuple(sorted(target.states)),
            task_name=faces.task.name,
            task_classes=faces.task.classes,
            classes={labels.name: labels.classes for labels in faces.attributes},
            owner=owners(faces),
            task=_task(target, faces),
            rungs=report.rungs,
            correlation=report.correlation,
            seconds=report.seconds,
            recipe=target.recipe,
        )


def _task(target: Target, faces: Faces) -> Task:
    numbers = target.report(faces)
    count = int(numbers["n_test"])
    return Task(
        accuracy=proportion(round(numbers["accuracy"] * count), count),
        balanced=float(numbers["balanced_accuracy"]),
        majority=float(numbers["majority"]),
        members=int(numbers["n_train"]),
        seconds=target.seconds,
    )
