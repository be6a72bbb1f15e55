"""What an audit found, as the command line writes it and as a page shows it. Light: no torch."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Estimate
from mlleak_core.figures.sheets import atlas
from mlleak_core.language import say
from mlleak_core.measure import positive_predictive_value
from mlleak_core.seeds import stream
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.exhibit import SPRITE, MembershipExhibit
from mlleak_core.threats.membership.facts import GUESSES, About, Risk
from mlleak_core.threats.membership.judge import LINE, Report, strongest
from mlleak_core.threats.membership.pool import Looks

GALLERY = 60
"""Records for the microscope, besides those to bet on."""
AT_RISK = 20
"""One member in so many is among those called most at risk."""
Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Audit:
    """What an audit found. Arrays are over the n candidate records.

    reports, scores [n]: by attack; skipped: why some could not run. shadow_phi, inside [k, n]: of the
    shadows; target_phi [n]. member [n] is the truth: a page tells it only after the bet. rows [n]: where in
    the pool, as `looks` counts. lost: why shadows are missing.
    """

    settings: MembershipSettings
    reveal: str
    reports: dict[str, Report]
    skipped: dict[str, str]
    scores: dict[str, NDArray[np.float64]]
    shadow_phi: NDArray[np.float32]
    inside: NDArray[np.bool_]
    target_phi: NDArray[np.float32]
    member: NDArray[np.bool_]
    y: NDArray[np.int64]
    x: NDArray[Any]
    person: NDArray[np.int64]
    looks: Looks
    rows: NDArray[np.int64]
    train_accuracy: float
    test_accuracy: float
    risk: NDArray[np.float64]
    tail: Estimate | None
    shadow_seconds: float
    seconds: float
    run: str
    lost: tuple[str, ...] = ()

    @property
    def shadows(self) -> int:
        return len(self.shadow_phi)

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        shared = {
            "target_train_accuracy": self.train_accuracy,
            "target_test_accuracy": self.test_accuracy,
            "shadows": self.shadows,
            "shadow_seconds": self.shadow_seconds,
            "run": self.run,
            "tail_test": self.tail and vars(self.tail),
            "skipped": self.skipped,
            "lost": list(self.lost),
        }
        return flat(self.reports, shared, self.settings.base_rate)

    def artefact(self, name: str) -> bytes:
        """The table of every record's scores."""
        names = [self.looks.names[row] for row in self.rows]
        return per_record(name, names, self.member, self.reports, self.scores)

    def exhibit(self) -> MembershipExhibit:
        """As a page shows it; the records to bet on are drawn by the seed, not by their scores."""
        shown, images = _shown(self), self.looks.images
        about = About(
            made=datetime.date.today().isoformat(),
            settings=self.settings,
            reveal=self.reveal,
            title=self.looks.title,
            classes=self.looks.classes,
            reports=tuple(report.numbers() for report in self.reports.values()),
            skipped=self.skipped,
            lost=self.lost,
            train_accuracy=self.train_accuracy,
            test_accuracy=self.test_accuracy,
            shadows=self.shadows,
            shadow_seconds=self.shadow_seconds,
            seconds=self.seconds,
            run=self.run,
            names=tuple(self.looks.names[row] for row in self.rows[shown]),
            words=() if images is not None else tuple(_words(self, int(r)) for r in shown),
            pictures=images is not None,
            risk=_risk(self),
            tail=self.tail,
        )
        arrays: dict[str, NDArray[Any]] = {
            "shown": shown,
            "phi": self.shadow_phi[:, shown].astype(np.float16),
            "inside": self.inside[:, shown],
            "target_phi": self.target_phi,
            "member": self.member,
            "y": self.y.astype(np.int16),
            "person": self.person.astype(np.int32),
            "risk": self.risk.astype(np.float32),
            **drawn(self.reports, self.scores),
        }
        sheet = b"" if images is None else atlas(np.asarray(images[self.rows[shown]]), SPRITE)
        return MembershipExhibit(about=about, arrays=arrays, atlas=sheet)


def flat(reports: Mapping[str, Report], shared: Mapping[str, Any], base_rate: float) -> dict[str, Any]:
    """One attack: its numbers; several: one report each, beside what they share."""
    rows = {name: {**report.row(), **_worth(report, base_rate)} for name, report in reports.items()}
    if len(rows) == 1:
        return {**next(iter(rows.values())), **shared}
    return {**shared, "attacks": rows}


def _worth(report: Report, base_rate: float) -> dict[str, Any]:
    """How many of those above the line are members, when `base_rate` of all are."""
    found = report.tpr_1pct
    value = None if found is None else positive_predictive_value(found.value, LINE, base_rate)
    return {"precision_at_1pct": {"base_rate": base_rate, "value": value}}


def per_record(
    name: str,
    records: Sequence[str],
    member: NDArray[np.bool_],
    reports: Mapping[str, Report],
    scores: Scores,
) -> bytes:
    """A CSV with a row a record: its name, the truth, every score, and whether each attack's false-discovery
    list names it. Raises BadInput for another artefact.
    """
    if name != "per-record":
        raise BadInput("the artefact per-record", repr(name[:80]), "There is no other.")
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["record", "member", *reports, *(f"{slug}_named" for slug in reports)])
    for i, record in enumerate(records):
        named = (int(report.named[i]) for report in reports.values())
        writer.writerow([record, int(member[i]), *(scores[slug][i] for slug in reports), *named])
    return text.getvalue().encode()


def drawn(reports: Mapping[str, Report], scores: Scores) -> dict[str, NDArray[Any]]:
    """Curves and scores, as an exhibit keeps them."""
    parts = ("fpr", "tpr", "low", "high")
    curves = {
        f"roc/{slug}/{part}": getattr(report.roc, part).astype(np.float32)
        for slug, report in reports.items()
        for part in parts
    }
    return {**curves, **{f"score/{slug}": scores[slug] for slug in reports}}


def _shown(audit: Audit) -> NDArray[np.int64]:
    """The records shown [s]: to bet on, half of them members in random order; then from the most to the least
    suspicious.
    """
    rng = stream(audit.settings.seed, "records to bet on")
    sides = [rng.permutation(np.flatnonzero(audit.member == m)) for m in (True, False)]
    half = min(GUESSES // 2, *(len(s) for s in sides))
    bets = rng.permutation(np.concatenate([s[:half] for s in sides]))
    order = np.argsort(-audit.scores[strongest(audit.reports.values()).attack])
    rest = order[~np.isin(order, bets)]
    spread = rest[np.linspace(0, len(rest) - 1, min(GALLERY, len(rest))).astype(int)]
    return np.concatenate([bets, spread])


def _words(audit: Audit, record: int) -> str:
    """What stands out of a record that is no picture."""
    x, columns = audit.x[record], audit.looks.columns
    if np.isin(audit.x, (0, 1)).all():
        rare = np.argsort(np.where(x == 1, audit.x.mean(0), 2.0))[:3]
        rarest = ", ".join(columns[i] for i in rare if x[i] == 1)
        return say("{n} marks, rarest: {columns}", n=int(x.sum()), columns=rarest)
    far = np.argsort(-np.abs(x))[:3]
    return ", ".join(f"{columns[i]} {x[i]:+.1f} σ" for i in far)


def _risk(audit: Audit) -> Risk | None:
    """Of the members that LT-IQR calls most at risk, how many does the strongest attack find, and of all?"""
    first = strongest(audit.reports.values())
    if first.line is None:
        return None
    above = (audit.scores[first.attack] > first.line)[audit.member]
    count = max(1, len(above) // AT_RISK)
    worst = np.argsort(-audit.risk[audit.member])[:count]
    return Risk(top=float(above[worst].mean()), all=float(above.mean()), n=count)
