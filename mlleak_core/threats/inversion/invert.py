"""One participant's first update, taken, inverted and judged."""

from __future__ import annotations

import datetime
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, now, relay
from mlleak_core.data import Faces, Split
from mlleak_core.figures.sheets import poster, strips
from mlleak_core.language import mark, say
from mlleak_core.seeds import stream
from mlleak_core.target.models import ConvNet
from mlleak_core.target.training import shrink
from mlleak_core.threat import Desk, configured, plain
from mlleak_core.threats.inversion.attack import CATALOGUE, Update, noisy, share
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.inversion.exhibit import About, InversionExhibit, Moment, reading
from mlleak_core.threats.inversion.judge import Claim, Read, Report, judge, labels_read, share_right
from mlleak_core.threats.likeness import Pictures, Truth, names_of, one_photo_each, prepare, repeated

PUBLIC = 0.2
"""Share of the people whose photos the attacker may know."""
LEAST_PUBLIC = 50
FRAMES = 12
"""Moments of a search that are kept."""
ANOTHERS = mark("claimed, against another participant's photos")


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """What is at stake, and what is sent of it. labels [n]: what the photos show, by label, -1 unknown."""

    update: Update
    truth: Truth
    other: Truth
    average: Pictures
    names: tuple[str, ...]
    labels: Mapping[str, NDArray[np.int8]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Glimpse:
    """A search under way: the photos, and what is found so far [n, 3, 32, 32]."""

    truth: Pictures
    pictures: Pictures


@dataclass(frozen=True, eq=False, kw_only=True)
class Inverted:
    """A batch read back from its gradient. moments: (share of the search done, pictures)."""

    settings: InversionSettings
    case: Case
    claim: Claim
    report: Report
    moments: tuple[tuple[float, Pictures], ...]
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        read = self.read
        return {
            **self.report.row(),
            "recovered": int(self.report.found.found.sum()),
            "error": self.report.max_error,
            "labels_right": share_right(read).value if read else None,
            "labels_right_usual": share_right(read, usual=True).value if read else None,
            "note": self.claim.note,
            "method": self.settings.attack,
            "cosine_distance": self.claim.distance,
            "verdict": self.report.verdict.words,
            "invert_seconds": self.seconds,
        }

    @property
    def pictures(self) -> Pictures:
        """What was found, in the photos' order."""
        return self.claim.pictures[self.report.order]

    @property
    def read(self) -> tuple[Read, ...]:
        """What the photos were said to show."""
        case = self.case
        return labels_read(self.claim, self.report.order, case.labels, case.update.labels)

    def artefact(self, name: str) -> bytes:
        """The truth above what was found, as a PNG."""
        return poster(self.case.truth.pictures, self.pictures)

    def exhibit(self) -> InversionExhibit:
        truth, order = self.case.truth.pictures, self.report.order
        rows: list[Pictures] = [truth]
        moments = []
        for share_done, found in self.moments:
            errors = np.abs(found[order] - truth).reshape(len(truth), -1).mean(1)
            moments.append(Moment(row=len(rows), done=share_done, errors=plain(errors.round(3))))
            rows.append(found[order])
        claimed = reading(mark("claimed"), self.report.found, len(rows))
        mean = reading(mark("the average public face"), self.report.baseline, len(rows) + 1)
        null = reading(ANOTHERS, self.report.null, len(rows) + 2)
        rows += [self.pictures, repeated(self.case.average, len(truth)), self.case.other.pictures]
        about = About(
            made=datetime.date.today().isoformat(),
            settings=self.settings,
            names=self.case.names,
            moments=tuple(moments),
            claimed=claimed,
            mean=mean,
            null=null,
            max_error=self.report.max_error,
            distance=self.claim.distance,
            verdict=self.report.verdict,
            read=self.read,
            note=self.claim.note,
            seconds=self.seconds,
        )
        return InversionExhibit(about=about, arrays={}, atlas=strips(rows))


def run(settings: InversionSettings, desk: Desk) -> Generator[Step, None, Inverted]:
    """Take one participant's first update and turn it back. Raises BadInput where people are too few."""
    faces = yield from desk.faces(settings.data)
    yield Step(0, 1, say("taking the update"))
    case = _case(settings, faces)
    started = now()
    moments: list[tuple[float, Pictures]] = []

    def watch(step: Step) -> Step:
        if not step.peek:
            return step
        moments.append((step.done / step.total, step.peek["pictures"]))
        glimpse = Glimpse(truth=case.truth.pictures, pictures=step.peek["pictures"])
        return replace(step, peek={"glimpse": glimpse})

    claim = yield from relay(configured(CATALOGUE, settings).run(case.update), watch)
    report = judge(claim, case.truth, case.other, case.average)
    return Inverted(
        settings=settings,
        case=case,
        claim=claim,
        report=report,
        moments=tuple(moments[:: max(1, len(moments) // FRAMES)]),
        seconds=now() - started,
    )


def _case(settings: InversionSettings, faces: Faces) -> Case:
    """Draw the batch, another participant's, and public faces; compute what is sent."""
    split = Split.by_person(faces, settings.seed, public=PUBLIC)
    drawn = one_photo_each(faces, split.members, stream(settings.seed, "victims"), 2 * settings.batch)
    if len(drawn) < 2 * settings.batch or len(split.public) < LEAST_PUBLIC:
        needs = say(
            "{people} people who take part and {photos} public photos",
            people=2 * settings.batch,
            photos=LEAST_PUBLIC,
        )
        got = say("{people} and {photos}", people=len(drawn), photos=len(split.public))
        raise BadInput(needs, got, say("Use a larger data set or fewer photos."))
    x = shrink(faces).contiguous().numpy()
    rows, others = drawn[: settings.batch], drawn[settings.batch :]
    public = prepare(x[split.public], colour=True)
    net = ConvNet(settings.net, torch.Generator().manual_seed(settings.seed * 2))
    labels = torch.from_numpy(faces.task.codes[rows].astype(np.int64))
    shown = {name: faces.target(name) for name in faces.headline}
    update = share(net, torch.from_numpy(x[rows]), labels, public)
    update = replace(update, labels={name: codes[split.public] for name, codes in shown.items()})
    if settings.noise:
        update = noisy(update, settings.noise, stream(settings.seed, "noise on a gradient"))
    return Case(
        update=update,
        truth=_truth(faces, x, rows),
        other=_truth(faces, x, others),
        average=public.mean(0),
        names=names_of(faces, faces.person[rows]),
        labels={name: codes[rows] for name, codes in shown.items()},
    )


def _truth(faces: Faces, x: NDArray[np.uint8], rows: NDArray[np.int64]) -> Truth:
    pictures, candidates = prepare(x[rows], colour=True), prepare(x, colour=True)
    return Truth(pictures, faces.person[rows], candidates, faces.person)
