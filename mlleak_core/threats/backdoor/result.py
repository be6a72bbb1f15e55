"""A finished run: what the command line reports of it, and its exhibit."""

from __future__ import annotations

import csv
import datetime
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput
from mlleak_core.data import Faces
from mlleak_core.data.lines import Lines
from mlleak_core.figures.crowd import Point
from mlleak_core.figures.sheets import strips
from mlleak_core.seeds import stream
from mlleak_core.target.training import shrink
from mlleak_core.threats.backdoor import server
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.crowd import Crowd
from mlleak_core.threats.backdoor.exhibit import BackdoorExhibit
from mlleak_core.threats.backdoor.facts import SHOWN, About, Cell, Shown, Walk
from mlleak_core.threats.backdoor.judge import Answers, Judge, persistence, rate, row
from mlleak_core.threats.backdoor.round import Round
from mlleak_core.threats.likeness import prepare

NOISY = "clip-noise"


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """A finished run. cells: every attack under every defence that was tried, the asked one first."""

    settings: BackdoorSettings
    sample: Faces | Lines
    played: Round
    judge: Judge
    weights: Tensor
    before: Answers
    after: Answers
    cells: tuple[Cell, ...]
    dots: tuple[Point, ...]
    walks: tuple[Walk, ...]
    lasts: dict[str, tuple[float, ...]]
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        first, crowd = self.cells[0], self.played.crowd
        lasts = self.lasts.get(first.attack, ())
        mine = max(dot.norm for dot in self.dots if dot.attacks)
        return {
            "backdoor_before": rate(self.before.flipped).value,
            "main_before": self.judge.main(self.before).value,
            **row(first.outcome, "_after"),
            "verdict": first.outcome.verdict.words,
            "persistence_rounds": persistence(list(lasts)),
            "attacker_norm_rank": 1 + sum(not dot.attacks and dot.norm > mine for dot in self.dots),
            "gamma": first.gamma,
            "rounds": 1 + max(0, len(lasts) - 1),
            "people": len(np.unique(crowd.wearers)),
            "matrix": [_flat(cell) for cell in self.cells],
        }

    def artefact(self, name: str) -> bytes:
        """Every attack under every defence, as a CSV."""
        if name != "matrix":
            raise BadInput("a file that can be written: matrix", repr(name[:80]), "Choose this one.")
        text = io.StringIO()
        writer = csv.DictWriter(text, list(_flat(self.cells[0])))
        writer.writeheader()
        writer.writerows(_flat(cell) for cell in self.cells)
        return text.getvalue().encode()

    def exhibit(self) -> BackdoorExhibit:
        """The round, small."""
        crowd, settings = self.played.crowd, self.settings
        shown = _shown(settings, crowd)
        about = About(
            made=datetime.date.today().isoformat(),
            settings=settings,
            data=self.sample.provenance.title,
            title=crowd.title,
            wanted=crowd.wanted,
            truly=crowd.truly,
            before=rate(self.before.flipped),
            quiet=rate(self.judge.quiet.flipped),
            main_before=self.judge.main(self.before),
            main_quiet=self.judge.main(self.judge.quiet),
            cells=self.cells,
            dots=self.dots,
            walks=self.walks,
            lasts={name: tuple(rates) for name, rates in self.lasts.items()},
            people=len(np.unique(crowd.wearers)),
            testers=len(np.unique(crowd.people)),
            own=(settings.own, len(crowd.triggers)),
            typical=int(np.median([len(y) for _, y in crowd.shares[settings.attackers :]])),
            epsilon=_epsilon(settings),
            shown_before=tuple(bool(v) for v in self.before.flipped[shown]),
            shown_after=tuple(bool(v) for v in self.after.flipped[shown]),
            vocabulary=() if crowd.lines is None else crowd.lines.vocabulary,
            contexts=_contexts(self.sample, crowd, shown),
            seconds=self.seconds,
        )
        return BackdoorExhibit(about=about, arrays=self._arrays(), atlas=_atlas(self.sample, crowd, shown))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Of words, both models, so that whoever looks can type a beginning of his own."""
        if not isinstance(self.sample, Lines):
            return {}
        models = {"before": self.played.crowd.joint, "after": self.weights}
        return {name: weights.numpy().astype(np.float16) for name, weights in models.items()}


def opened(settings: BackdoorSettings, sample: Faces | Lines, crowd: Crowd) -> Shown:
    """What the joint model makes of the judge's records before anybody attacks."""
    rows = _shown(settings, crowd)
    with torch.no_grad():
        said = crowd.net(crowd.flips[torch.from_numpy(rows)]).argmax(1)
    return Shown(
        atlas=_atlas(sample, crowd, rows),
        flipped=tuple((said == crowd.label).tolist()),
        wanted=crowd.wanted,
        truly=crowd.truly,
        contexts=_contexts(sample, crowd, rows),
    )


def _epsilon(settings: BackdoorSettings) -> float | None:
    return server.privacy(settings) if settings.aggregator == NOISY else None


def _atlas(sample: Faces | Lines, crowd: Crowd, rows: NDArray[np.int64]) -> bytes:
    if isinstance(sample, Lines):
        return b""
    photos = shrink(sample, crowd.photos[rows]).contiguous().numpy()
    return strips([prepare(photos, colour=True)])


def _contexts(sample: Faces | Lines, crowd: Crowd, rows: NDArray[np.int64]) -> tuple[str, ...]:
    """What stands before the trigger, and the trigger."""
    if not isinstance(sample, Lines):
        return ()
    return tuple(sample.said(crowd.flips[row].numpy()) for row in rows)


def _shown(settings: BackdoorSettings, crowd: Crowd) -> NDArray[np.int64]:
    """One photo each of some people with the trigger: rows of the judge's."""
    order = stream(settings.seed, "faces with a trigger").permutation(len(crowd.photos))
    _, first = np.unique(crowd.wearers[order], return_index=True)
    return order[np.sort(first)][:SHOWN]


def _flat(cell: Cell) -> dict[str, Any]:
    return {
        "attack": cell.attack,
        "aggregator": cell.arm,
        **row(cell.outcome),
        "gamma": cell.gamma,
        "update_norm": cell.length,
        "attacker_kept": cell.attacker_kept,
        "honest_dropped": cell.honest_dropped,
        "verdict": cell.outcome.verdict.words,
    }
