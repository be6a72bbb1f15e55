"""An audit of a model that was trained elsewhere, from a table of its answers: no model, no pickle. Light: no
torch.
"""

from __future__ import annotations

import datetime
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, now
from mlleak_core.data.scores import Scores, read_scores
from mlleak_core.language import mark, say
from mlleak_core.target.blackbox import softmax
from mlleak_core.threat import Desk
from mlleak_core.threats.membership.attacks import ALL, CATALOGUE, chosen
from mlleak_core.threats.membership.blind import blind_baseline
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.confidence import log_probabilities, log_true
from mlleak_core.threats.membership.exhibit import MembershipExhibit
from mlleak_core.threats.membership.facts import About
from mlleak_core.threats.membership.judge import Report, Truth, accuracies, judge, tail_test
from mlleak_core.threats.membership.result import drawn, flat, per_record
from mlleak_core.threats.membership.view import Answers, Claim

TITLE = mark("A table of answers")
Claimed = tuple[dict[str, NDArray[np.float64]], dict[str, str]]
"""Scores by attack, and why the others cannot run."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TableAudit:
    """What the answers gave away. reports, claims [n]: by attack; skipped: why the others could not run.

    accuracy: on members and on the others; None where only losses are known.
    """

    settings: MembershipSettings
    scores: Scores
    reports: dict[str, Report]
    claims: dict[str, NDArray[np.float64]]
    skipped: dict[str, str]
    accuracy: tuple[float, float] | None
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line; with what was left out, if anything was."""
        shared = {"skipped": self.skipped} if self.skipped else {}
        return flat(self.reports, shared, self.settings.base_rate)

    def artefact(self, name: str) -> bytes:
        """The table of every record's scores, by the names of the table."""
        return per_record(name, self.scores.records, self.scores.member, self.reports, self.claims)

    def exhibit(self) -> MembershipExhibit:
        """As a page shows it: curves and numbers, no record."""
        about = About(
            made=datetime.date.today().isoformat(),
            settings=self.settings,
            reveal="probabilities" if self.accuracy else "losses",
            title=TITLE,
            classes=(),
            reports=tuple(report.numbers() for report in self.reports.values()),
            skipped=self.skipped,
            lost=(),
            train_accuracy=self.accuracy and self.accuracy[0],
            test_accuracy=self.accuracy and self.accuracy[1],
            shadows=0,
            shadow_seconds=0.0,
            seconds=self.seconds,
            run="",
            names=(),
            words=(),
            pictures=False,
            risk=None,
            tail=tail_test(_answers(self.scores).true, _truth(self.scores)),
        )
        arrays = {"member": self.scores.member, **drawn(self.reports, self.claims)}
        return MembershipExhibit(about=about, arrays=arrays)


def run(table: bytes | Path, settings: MembershipSettings, desk: Desk) -> Generator[Step, None, TableAudit]:
    """Read a table of answers and judge it with what attacks need neither shadows nor a service.

    One attack that needs more is refused; of all, those that do are left out, with the reason.
    """
    names, started = chosen(settings.attack), now()
    yield Step(0, 2, say("reading the table"))
    scores = read_scores(table)
    yield Step(1, 2, say("judging"))
    claims, skipped = _claims(scores, names)
    if not claims:
        raise _refusal(scores, settings.attack)
    truth = _truth(scores)
    return TableAudit(
        settings=settings,
        scores=scores,
        reports=_judged(claims, truth, settings.seed),
        claims=claims,
        skipped=skipped if settings.attack == ALL else {},
        accuracy=_accuracy(scores, truth),
        seconds=now() - started,
    )


def audit_scores(scores: Scores, seed: int = 0) -> dict[str, Report]:
    """The reports of all attacks that answers alone allow."""
    return _judged(_claims(scores, CATALOGUE)[0], _truth(scores), seed)


def _answers(scores: Scores) -> Answers:
    if scores.logits is None:
        assert scores.loss is not None
        return Answers(y=scores.y, true=-scores.loss, logp=None)
    logp = log_probabilities(softmax(scores.logits))
    return Answers(y=scores.y, true=log_true(logp, scores.y), logp=logp)


def _claims(scores: Scores, names: Iterable[str]) -> Claimed:
    answers = _answers(scores)
    claims: dict[str, NDArray[np.float64]] = {}
    skipped: dict[str, str] = {}
    for name in names:
        try:
            claims[name] = CATALOGUE[name].alone(answers)
        except BadInput as problem:
            skipped[name] = str(problem)
    return claims, skipped


def _refusal(scores: Scores, attack: str) -> BadInput:
    able = ", ".join(_claims(scores, CATALOGUE)[0])
    needs = say("one of {attacks} for this table of answers", attacks=able)
    got = say("--attack {attack}, which needs more", attack=attack)
    remedy = say("Choose one of these, or --attack {all} for all that the table allows.", all=ALL)
    return BadInput(needs, got, remedy)


def _truth(scores: Scores) -> Truth:
    """Rows that share a name are one draw. Of the records only the labels are there to be blind on."""
    _, whose = np.unique(np.array(scores.records), return_inverse=True)
    label = (scores.y[:, None] == np.unique(scores.y)).astype(float)
    return Truth(scores.member, whose, blind_baseline(label, scores.member, whose, drawn=False))


def _judged(claims: dict[str, NDArray[np.float64]], truth: Truth, seed: int) -> dict[str, Report]:
    n, among = len(truth.member), len(claims)
    return {name: judge(name, Claim(c, None, n), truth, seed=seed, among=among) for name, c in claims.items()}


def _accuracy(scores: Scores, truth: Truth) -> tuple[float, float] | None:
    if scores.logits is None:
        return None
    return accuracies(scores.logits.argmax(1) == scores.y, truth)
