"""A whole membership audit: pool, target, fleet, attacks, judgement, while the shadows stream in. Light: no
torch.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, Stop, drain, now, relay
from mlleak_core.data import source
from mlleak_core.language import say
from mlleak_core.target import fleet as fleets
from mlleak_core.target.blackbox import BlackBox, Local, Refused
from mlleak_core.target.fleet import Fleet, Pool
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Desk
from mlleak_core.threats.membership.attacks import CATALOGUE, chosen
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.confidence import log_probabilities, log_true, phi
from mlleak_core.threats.membership.judge import Report, Truth, accuracies, judge, tail_test, truth_of
from mlleak_core.threats.membership.pool import Looks, open_pool, recipe_for, views_of
from mlleak_core.threats.membership.result import Audit
from mlleak_core.threats.membership.score_attack import ScoreAttack
from mlleak_core.threats.membership.target import TARGET, Subject, of_run, train_target
from mlleak_core.threats.membership.training_log import LtIqr
from mlleak_core.threats.membership.view import Claim, View, stage

PEEKS = 16
"""How often at most the attacks so far are judged while shadows come in."""
REMEMBERED = 6
"""Answers of one model that are kept: attacks share their questions."""
Answer = Callable[[NDArray[Any]], NDArray[Any]]


def run(settings: MembershipSettings, desk: Desk, *, fresh: bool = False) -> Generator[Step, None, Audit]:
    """Open, train, attack, judge. `Stop` keeps what the shadows so far allow; peeks carry that as a result.

    A service at the desk is attacked in place of the target trained here, which then only tells the judge who
    was in. fresh: train every shadow anew. Raises BadInput, and Refused where no attack chosen could run.
    """
    names, started = chosen(settings.attack), now()
    if source.is_private(settings.data):
        raise BadInput(
            say("records that other processes may read from disk, where the shadows are trained"),
            say("an upload, which is never written there"),
            say("Attack another data set here, or put the pictures into a folder and use the command line."),
        )
    pool, looks = yield from open_pool(settings, desk)
    kept = (yield from _of_the_train_page(settings, desk)) if settings.preset == "full" else None
    with _cores_for_shadows(), contextlib.closing(_fleet(settings, desk, pool, fresh)) as shadows:
        if kept is None:
            subject, truth = yield from _trained(settings, desk, pool, shadows)
        else:
            next(shadows)
            subject = of_run(kept, pool)
            truth = _truth(pool, subject.inside)
        case = _Case(settings, pool, looks, subject, truth, desk.service, started)
        watch = _Watch(case, names)
        fleet = yield from relay(shadows, watch)
        if len(fleet) < 2:
            needs, remedy = say("at least two finished shadows"), say("Let it run a little longer.")
            raise BadInput(needs, f"{len(fleet)}", remedy)
        with contextlib.suppress(Stop):  # nothing is left to stop
            yield Step(len(fleet), settings.shadows, say("judging"), watch.peek)
        found = case.found(fleet, names)
    if not found.reports:
        raise Refused(next(iter(found.skipped.values())))
    return found


def _of_the_train_page(settings: MembershipSettings, desk: Desk) -> Generator[Step, None, Any]:
    """The run that is attacked instead of a target trained here."""
    recipe = recipe_for(settings)
    assert isinstance(recipe, TrainSettings)
    target = yield from desk.target(recipe)
    if not target.complete:
        raise Stop
    return target


@contextlib.contextmanager
def _cores_for_shadows() -> Iterator[None]:
    """The cores belong to the shadows: two threads of this process that wait for each other would crawl."""
    import torch

    from mlleak_core.target import training  # noqa: F401  it notes the number of threads, so before the change

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fleet(settings: MembershipSettings, desk: Desk, pool: Pool, fresh: bool) -> Generator[Step, None, Fleet]:
    recipe, executor = recipe_for(settings), desk.executor()
    return fleets.train(pool, recipe, settings.seed, settings.shadows, executor, fresh)


def _trained(
    settings: MembershipSettings, desk: Desk, pool: Pool, shadows: Generator[Step, None, Fleet]
) -> Generator[Step, None, tuple[Subject, Truth]]:
    """A target of one's own. It is given out first, the shadows right behind it."""
    target = train_target(pool, settings, desk.executor())
    yield next(target)
    next(shadows)
    truth = _truth(pool, pool.members(settings.seed, TARGET))  # while the workers train
    subject = yield from target
    problem = desk.keep(
        settings.data, lambda store: store.save_model(subject.key, subject.weights, subject.about)
    )
    if problem:
        yield Step(1, 1, say("the target could not be kept on disk: {problem}", problem=problem))
    return subject, truth


def _truth(pool: Pool, inside: NDArray[np.bool_]) -> Truth:
    rows = pool.candidates
    return truth_of(pool.x[rows], pool.y[rows], inside[rows], pool.group[rows])


class _Watch:
    """Adds a result so far to a fleet's steps, some shadows after the last one.

    What needs no shadows asks the target alone, so its curve is there with the first one, the others' with
    the second.
    """

    def __init__(self, case: _Case, names: Sequence[str]) -> None:
        self.case = case
        self.quick = [name for name in names if CATALOGUE[name].quick]
        self.every = max(1, case.settings.shadows // PEEKS)
        self.last = 0
        self.peek: Mapping[str, Any] | None = None

    def __call__(self, step: Step) -> Step:
        fleet: Fleet | None = step.peek["fleet"] if step.peek else None
        if fleet is not None and len(fleet) >= self.last + (self.every if self.last > 1 else 1):
            self.last = len(fleet)
            first = self.last == 1
            found = self.case.found(
                fleet, [n for n in self.quick if not (first and CATALOGUE[n].needs_shadows)]
            )
            self.peek = {"result": found} if found.reports else None
        return replace(step, peek=self.peek)


class _Case:
    """A target under audit: attacks it with whatever shadows there are."""

    def __init__(
        self,
        settings: MembershipSettings,
        pool: Pool,
        looks: Looks,
        subject: Subject,
        truth: Truth,
        service: BlackBox | None,
        started: float,
    ) -> None:
        self.settings, self.pool, self.looks = settings, pool, looks
        self.subject, self.truth = subject, truth
        self.service, self.started = service, started
        self.tried = len(chosen(settings.attack))
        self.reveal = settings.reveal if service is None else service.reveal
        self.trained, self.untrained = _remembering(subject.answer), _remembering(subject.untrained)

    @functools.cached_property
    def accuracy(self) -> tuple[float, float]:
        """Of the target, on members and on the others."""
        rows = self.pool.candidates
        right = self.trained(self.pool.x[rows]).argmax(1) == self.pool.y[rows]
        return accuracies(right, self.truth)

    def local(self, answer: Answer) -> Local:
        return Local(answer, self.pool.classes, self.reveal)

    def view(self, fleet: Fleet, box: BlackBox) -> View:
        views = views_of(recipe_for(self.settings))
        return stage(self.pool, fleet, box, self.reveal, self.subject.trace, views)

    def found(self, fleet: Fleet, names: Sequence[str]) -> Audit:
        view = self.view(fleet, self.service or self.local(self.trained))
        control = replace(self.view(fleet, self.local(self.untrained)), named=False)
        reports: dict[str, Report] = {}
        scores: dict[str, NDArray[np.float64]] = {}
        skipped: dict[str, str] = {}
        for name in names:
            try:
                claim, untrained = _claim(CATALOGUE[name], view), _claim(CATALOGUE[name], control)
            except BadInput as problem:
                skipped[name] = str(problem)
                continue
            reports[name] = judge(
                name, claim, self.truth, untrained, seed=self.settings.seed, among=self.tried
            )
            scores[name] = claim.scores
        train_accuracy, test_accuracy = self.accuracy
        rows = self.pool.candidates
        return Audit(
            settings=self.settings,
            reveal=self.reveal,
            reports=reports,
            skipped=skipped,
            scores=scores,
            shadow_phi=phi(view.refs.logp[:, 0], view.y).astype(np.float32),
            inside=view.refs.inside,
            target_phi=self._target_phi(view),
            member=self.truth.member,
            y=view.y,
            x=view.x,
            person=self.pool.group[rows],
            looks=self.looks,
            rows=rows,
            train_accuracy=train_accuracy,
            test_accuracy=test_accuracy,
            risk=_claim(LtIqr(), view).scores,
            tail=tail_test(log_true(log_probabilities(self._answers(view)), view.y), self.truth),
            shadow_seconds=fleet.seconds,
            seconds=now() - self.started,
            run=self.subject.key,
            lost=fleet.lost,
        )

    def _target_phi(self, view: View) -> NDArray[np.float32]:
        return phi(log_probabilities(self._answers(view)), view.y).astype(np.float32)

    def _answers(self, view: View) -> NDArray[Any]:
        return self.local(self.trained).ask(view.x)


def _remembering(answer: Answer) -> Answer:
    """The same model, not asked twice for the same inputs: attacks share the records, and shadows keep the
    cores busy.
    """
    known: dict[bytes, NDArray[Any]] = {}

    def ask(inputs: NDArray[Any]) -> NDArray[Any]:
        key = hashlib.blake2b(np.ascontiguousarray(inputs).tobytes(), digest_size=16).digest()
        if key in known:
            return known[key]
        found = answer(inputs)
        if len(known) < REMEMBERED:
            known[key] = found
        return found

    return ask


def _claim(attack: ScoreAttack, view: View) -> Claim:
    return drain(attack.run(view))
