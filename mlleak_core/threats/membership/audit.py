"""A whole membership audit: pool, target, fleet, attacks, judgement, while the shadows stream in. No torch at import."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.threats.membership.attacks import (
    ATTACKS,
    Claim,
    LtIqr,
    Report,
    ScoreAttack,
    Truth,
    View,
    judge,
    log_probabilities,
    log_true,
    modified_entropy,
    phi,
    stage,
    truth_of,
)
from mlleak_core.target.blackbox import BlackBox, Local, Reveal, softmax
from mlleak_core.contract import BadInput, Step, Stop, drain, now
from mlleak_core.data.scores import Scores
from mlleak_core.measure import Estimate
from mlleak_core.target.settings import MembershipSettings, TrainSettings

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.target.fleet import Fleet, Pool
    from mlleak_core.threats.membership.pool import Exhibit, Subject

QUICK = ("lira", "base", "loss")
"""Attacks that are judged again whenever shadows come in."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found. Arrays are over the n candidate records.

    reports: by attack; scores: attack -> [n]; shadow_phi [k, n] and inside [k, n] of the shadows, target_phi [n]; member [n]
    is the truth: a page sends it to the browser only after the reveal. images [n, s, s, 3] or None.
    """

    settings: MembershipSettings
    reveal: Reveal
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
    exhibit: Exhibit
    rows: NDArray[np.int64]
    train_accuracy: float
    test_accuracy: float
    risk: NDArray[np.float64]
    shadow_seconds: float
    seconds: float
    run: str
    lost: tuple[str, ...] = ()

    @property
    def shadows(self) -> int:
        return len(self.shadow_phi)


def audit(
    settings: MembershipSettings,
    *,
    run: TrainSettings | None = None,
    names: Sequence[str] = tuple(ATTACKS),
    reveal: Reveal = "probabilities",
    executor: Executor | None = None,
    faces: Faces | None = None,
    box: BlackBox | None = None,
    target_run: Callable[[TrainSettings], Any] | None = None,
    fdr: float = 0.1,
    fresh: bool = False,
    live: bool = False,
) -> Generator[Step, None, Audit]:
    """Open, train, attack, judge. `Stop` keeps what the shadows so far allow; with `live`, peeks carry it as an `Audit`.

    box: the target as a remote service, in place of the one trained here (which then only tells the judge who was in).
    target_run: fetches a finished run of the train page, for the full preset. fresh: train every shadow anew.
    """
    from mlleak_core.target import fleet as fleets
    from mlleak_core.threats.membership import pool as subjects

    started = now()
    recipe = subjects.recipe_for(settings, run)
    pool, exhibit = yield from subjects.open_pool(settings, recipe, faces)
    shadows = fleets.train(pool, recipe, settings.seed, settings.shadows, executor, fresh)
    with contextlib.closing(shadows):
        if settings.preset == "full" and isinstance(recipe, TrainSettings):
            subject = subjects.of_run(target_run(recipe) if target_run else (yield from _fit(recipe, faces)), pool)
            step = next(shadows)
            truth = _truth(pool, subject.inside)
        else:
            target = subjects.train_target(pool, recipe, settings, executor)
            yield next(target)  # the target is given out first, the shadows right behind it
            step = next(shadows)
            truth = _truth(pool, pool.members(settings.seed, -1))  # while the workers train
            subject = yield from target
            _try_to_keep(subject)
        case = _Case(settings, pool, exhibit, subject, truth, reveal, box, fdr, started)
        every = max(1, settings.shadows // 16) if live else 0
        fleet, peek = yield from _follow(shadows, step, case, [n for n in names if n in QUICK], every)
    if len(fleet) < 2:
        raise BadInput("at least two finished shadows", f"{len(fleet)}", "Let it run a little longer.")
    with contextlib.suppress(Stop):  # nothing is left to stop
        yield Step(len(fleet), settings.shadows, "judging", peek)
    return case.found(fleet, names)


def _follow(
    shadows: Generator[Step, None, Fleet], step: Step, case: _Case, names: Sequence[str], every: int
) -> Generator[Step, None, tuple[Fleet, dict[str, Audit] | None]]:
    """Pass the fleet's steps on; after `every` further shadows (0: never) with an `Audit` of those so far.

    The loss threshold asks the target alone, so its curve is there with the first shadow, the others' with the second.
    """
    last, peek = 0, None
    try:
        while True:
            fleet: Fleet | None = step.peek["fleet"] if step.peek else None
            if every and fleet is not None and len(fleet) >= last + (every if last > 1 else 1):
                last = len(fleet)
                peek = {"audit": case.found(fleet, names if last > 1 else [n for n in names if n == "loss"])}
            try:
                yield replace(step, peek=peek)
                step = next(shadows)
            except Stop:
                step = shadows.throw(Stop())
    except StopIteration as end:
        return end.value, peek


def _truth(pool: Pool, inside: NDArray[np.bool_]) -> Truth:
    rows = np.flatnonzero(~pool.public)
    return truth_of(pool.x[rows], pool.y[rows], inside[rows], pool.group[rows])


def _fit(recipe: TrainSettings, faces: Faces | None) -> Generator[Step, None, Any]:
    from mlleak_core.target.training import choose_faces, fit, open_faces

    found = choose_faces(faces, recipe) if faces is not None else (yield from open_faces(recipe))
    return (yield from fit(found, recipe))


def _try_to_keep(subject: Subject) -> None:
    from mlleak_core.threats.membership import pool as subjects

    with contextlib.suppress(OSError):  # a full disk costs `serve`, not the audit
        subjects.keep(subject)


class _Case:
    """A target under audit: attacks it with whatever shadows there are."""

    def __init__(
        self, settings: MembershipSettings, pool: Pool, exhibit: Exhibit, subject: Subject, truth: Truth, reveal: Reveal, box: BlackBox | None,
        fdr: float, started: float,
    ) -> None:  # fmt: skip
        self.settings, self.pool, self.exhibit, self.subject, self.truth = settings, pool, exhibit, subject, truth
        self.reveal, self.box, self.fdr, self.started = reveal, box, fdr, started
        self.answers = {True: _remembering(subject.answer), False: _remembering(subject.untrained)}
        self.rows = np.flatnonzero(~pool.public)
        member = truth.member
        right = self.answers[True](pool.x[self.rows]).argmax(1) == pool.y[self.rows]
        self.accuracy = float(right[member].mean()), float(right[~member].mean())

    def view(self, fleet: Fleet, trained: bool = True) -> View:
        box = self.box if trained and self.box else Local(self.answers[trained], self.pool.classes, self.reveal)
        return stage(self.pool, fleet, box, self.reveal, self.subject.trace)

    def found(self, fleet: Fleet, names: Sequence[str]) -> Audit:
        view, control = self.view(fleet), self.view(fleet, trained=False)
        reports, scores, skipped = dict[str, Report](), dict[str, Any](), dict[str, str]()
        for name in names:
            try:
                claim, untrained = _claim(ATTACKS[name], view), _claim(ATTACKS[name], control)
            except BadInput as problem:
                skipped[name] = str(problem)
                continue
            reports[name] = judge(name, claim, self.truth, untrained, self.fdr, self.settings.seed)
            scores[name] = claim.scores
        own = phi(view.refs.logp[:, 0], view.y)
        return Audit(
            self.settings, self.reveal, reports, skipped, scores, own.astype(np.float32), view.refs.inside, self._target_phi(view),
            self.truth.member, view.y, view.x, self.pool.group[self.rows], self.exhibit, self.rows, *self.accuracy,
            drain(LtIqr().run(view)).scores, fleet.seconds, now() - self.started, self.subject.key, fleet.lost,
        )  # fmt: skip

    def _target_phi(self, view: View) -> NDArray[np.float32]:
        answers = Local(self.answers[True], self.pool.classes, self.reveal).ask(view.x)
        return phi(log_probabilities(answers), view.y).astype(np.float32)


def _remembering(answer: Callable[[NDArray[Any]], NDArray[Any]], most: int = 6) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The same model, not asked twice for the same inputs: attacks share the records, and shadows keep the cores busy."""
    known: dict[bytes, NDArray[Any]] = {}

    def ask(inputs: NDArray[Any]) -> NDArray[Any]:
        key = hashlib.blake2b(np.ascontiguousarray(inputs).tobytes(), digest_size=16).digest()
        if key not in known:
            found = answer(inputs)
            if len(known) >= most:
                return found
            known[key] = found
        return known[key]

    return ask


def _claim(attack: ScoreAttack, view: View) -> Claim:
    return drain(attack.run(view))


def audit_scores(scores: Scores, seed: int = 0) -> dict[str, Report]:
    """Judge a model that was trained elsewhere from its answers alone: the attacks that need no shadows."""
    n = len(scores.y)
    if scores.logits is not None:
        logp = log_probabilities(softmax(scores.logits))
        claims = {"loss": log_true(logp, scores.y), "entropy": -modified_entropy(logp, scores.y)}
    else:
        assert scores.loss is not None
        claims = {"loss": -scores.loss}
    nothing = Estimate(0.5, 0.0, 1.0, n)  # without the records themselves there is nothing to be blind on
    truth = Truth(scores.member, np.arange(n), nothing)
    return {name: judge(name, Claim(c, None, n), truth, seed=seed) for name, c in claims.items()}
