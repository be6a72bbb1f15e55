"""A joint training, watched by one of its participants; and the same without the property, as control."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlleak_core.contract import BadInput, Estimate, Step, Stop, now, relay
from mlleak_core.data.source import is_texts
from mlleak_core.data.texts import Texts
from mlleak_core.figures.sheets import strips
from mlleak_core.language import say
from mlleak_core.measure import DIFFERENCE, SHARE, cluster_mean, cramers_v
from mlleak_core.seeds import stream
from mlleak_core.target.federated import Conduct, Federation, FederationSettings, Glimpse, seen_by
from mlleak_core.target.models import ConvNet, WordNet
from mlleak_core.target.training import shrink
from mlleak_core.threat import Desk, configured
from mlleak_core.threats.likeness import prepare
from mlleak_core.threats.property.attacks import CATALOGUE, PropertyAttack, View
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.exhibit import PropertyExhibit
from mlleak_core.threats.property.facts import SHOWN, About, Arm, Words
from mlleak_core.threats.property.judge import Claim, Report, Truth, judge
from mlleak_core.threats.property.parties import ATTACKER, VICTIM, Parties, Sample, parties
from mlleak_core.threats.property.words import Heard, occurring, telling

LONGEST = 400
"""Letters of a text that a page shows."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Watched:
    """One training: what was claimed of it, on which test records [n] the net is right in the end,
    and of texts which words were read.
    """

    claim: Claim
    report: Report
    right: NDArray[np.bool_]
    rounds: int
    records: NDArray[np.int64]
    heard: Heard | None

    def arm(self, people: NDArray[np.int64]) -> Arm:
        report = self.report
        return Arm(
            auc=report.auc,
            shuffled=report.shuffled,
            caught=report.caught,
            delay=report.delay,
            early=report.early,
            alarm=self.claim.alarm,
            accuracy=cluster_mean(self.right, people, SHARE),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """A finished run. control: the same training without the property; None where it was stopped before."""

    settings: PropertySettings
    parties: Parties
    sample: Sample
    watched: Watched
    control: Watched | None
    seconds: float

    def row(self) -> dict[str, Any]:
        """The report of the command line."""
        about, control = self.exhibit().about, self.control
        return {
            **self.watched.report.row(),
            "verdict": self.watched.report.verdict.words,
            "null_auc": control and control.report.auc.value,
            "null_auc_low": control and control.report.auc.low,
            "null_auc_high": control and control.report.auc.high,
            "null_alarm": control and control.claim.alarm >= 0,
            "task_accuracy": about.having.accuracy.value,
            "task_accuracy_without": about.lacking and about.lacking.accuracy.value,
            "task_accuracy_difference": about.cost and about.cost.value,
            "property_task_phi": about.association.value,
            "rounds": self.watched.rounds,
            "looks": len(self.watched.claim.rounds),
        }

    def artefact(self, name: str) -> bytes:
        """Every round that was looked at, as a CSV."""
        if name != "tape":
            raise BadInput("a file that can be written: tape", repr(name[:80]), "Choose this one.")
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["round", "posterior", "present"])
        claim = self.watched.claim
        for number, probable in zip(claim.rounds, claim.posterior, strict=True):
            writer.writerow([number, f"{probable:.6f}", int(self.parties.present[number])])
        return text.getvalue().encode()

    def exhibit(self) -> PropertyExhibit:
        """The tape, small."""
        deal, claim, control = self.parties, self.watched.claim, self.control
        having = np.isin(np.arange(len(deal.photos)), deal.having)
        about = About(
            made=datetime.date.today().isoformat(),
            settings=self.settings,
            data=self.sample.provenance.title,
            title=deal.title,
            first=int(np.argmax(deal.present)),
            having=self.watched.arm(deal.people),
            lacking=None if control is None else control.arm(deal.people),
            cost=None if control is None else self._cost(control),
            association=cramers_v(having, deal.task, deal.owner, self.settings.seed),
            photos=(len(deal.having), len(deal.lacking)),
            own=tuple(len(s[1]) for part in (deal.learn, deal.check) for s in (part.having, part.lacking)),
            rounds=self.watched.rounds,
            seconds=self.seconds,
            texts=self._texts(),
            words=self._words(),
        )
        arrays: dict[str, Any] = {
            "rounds": claim.rounds.astype(np.int32),
            "posterior": claim.posterior.astype(np.float32),
            "present": deal.present[: self.watched.rounds],
        }
        if control is not None:
            arrays |= {
                "control_rounds": control.claim.rounds.astype(np.int32),
                "control": control.claim.posterior.astype(np.float32),
            }
        return PropertyExhibit(about=about, arrays=arrays, atlas=self._atlas())

    def _cost(self, control: Watched) -> Estimate:
        """Accuracy without the property minus accuracy with it, paired, by person."""
        return cluster_mean(control.right * 1.0 - self.watched.right, self.parties.people, DIFFERENCE)

    def _drawn(self) -> list[NDArray[np.int64]]:
        """A few of the victim's records with the property, and without: rows of the sample."""
        rng, deal = stream(self.settings.seed, "victims"), self.parties
        return [deal.photos[rng.permutation(rows)[:SHOWN]] for rows in (deal.having, deal.lacking)]

    def _atlas(self) -> bytes:
        sample = self.sample
        if isinstance(sample, Texts):
            return b""
        shown = (shrink(sample, rows).contiguous().numpy() for rows in self._drawn())
        return strips([prepare(pictures, colour=True) for pictures in shown])

    def _texts(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        sample = self.sample
        if not isinstance(sample, Texts):
            return (), ()
        having, lacking = (tuple(_short(sample.documents[i]) for i in rows) for rows in self._drawn())
        return having, lacking

    def _words(self) -> Words | None:
        heard, sample, claim = self.watched.heard, self.sample, self.watched.claim
        if heard is None or not isinstance(sample, Texts):
            return None
        told = telling(heard, claim.posterior > 0.5, self.parties.learn)
        batches = sample.words[self.parties.photos], self.watched.records
        precision, recall = heard.judged(*batches)
        return Words(
            precision=precision,
            recall=recall,
            elsewhere=heard.judged(*batches, shift=1),
            occurring=float(heard.occurring(*batches).mean()),
            read=float(heard.words.mean()),
            told=tuple((sample.vocabulary[word], times) for word, times in told),
        )


def run(settings: PropertySettings, desk: Desk) -> Generator[Step, None, Found]:
    """Train together twice, with the property and without, and watch. Raises BadInput."""
    sample: Sample = yield from (desk.texts if is_texts(settings.data) else desk.faces)(settings.data)
    started = now()
    yield Step(0, settings.rounds, say("dealing the records out"))
    deal = parties(settings, sample)
    watched = yield from watch(settings, deal)
    control = None
    if watched.rounds == settings.rounds:
        with suppress(Stop):
            control = yield from relay(watch(settings, deal, absent=True), _as_control)
    if control is not None and control.rounds < settings.rounds:
        control = None  # half of a control is none
    return Found(
        settings=settings,
        parties=deal,
        sample=sample,
        watched=watched,
        control=control,
        seconds=now() - started,
    )


def _as_control(step: Step) -> Step:
    return replace(step, note=say("control, {note}", note=step.note), peek=None)


def watch(settings: PropertySettings, deal: Parties, absent: bool = False) -> Generator[Step, None, Watched]:
    """One joint training under the eyes of the attacker. absent: the property is in no batch of it."""
    training = Training(settings=settings, deal=deal, absent=absent)
    claim = yield from training.attack.run(training.view)
    if not len(claim.rounds):
        raise Stop  # stopped before there was anything to judge
    done = training.done
    seen = truth(settings, deal, done, absent)
    said = training.federation.answer(deal.test[0]).argmax(1)
    return Watched(
        claim=claim,
        report=judge(claim, seen, settings.seed),
        right=np.asarray((said == deal.test[1]).numpy()),
        rounds=done,
        records=seen.records,
        heard=training.heard,
    )


def truth(settings: PropertySettings, deal: Parties, rounds: int, absent: bool = False) -> Truth:
    """For the judge, of so many rounds."""
    picks, rounds = deal.picks(settings, absent), max(rounds, 1)
    return Truth(present=deal.present[:rounds], records=np.stack([picks(n) for n in range(rounds)]))


@dataclass(eq=False, kw_only=True)
class Training:
    """A federation and the attacker in it. done: rounds so far."""

    settings: PropertySettings
    deal: Parties
    absent: bool = False
    done: int = 0
    heard: Heard | None = None
    attack: PropertyAttack = field(init=False)
    federation: Federation = field(init=False)
    view: View = field(init=False)

    def __post_init__(self) -> None:
        settings, deal = self.settings, self.deal
        self.attack = configured(CATALOGUE, settings)
        rules = FederationSettings(
            rounds=settings.rounds, batch=settings.batch, lr=settings.lr, seed=settings.seed
        )
        sends: dict[int, Callable[[int, Tensor], Tensor]] = {}
        conduct = Conduct(
            picks={VICTIM: deal.picks(settings, self.absent)}, sends=sends, guards=_guards(settings)
        )
        self.federation = Federation(_net(settings, deal), deal.shares, rules, conduct=conduct)
        self.view = self._view()
        own = self.attack.sends(self.view)
        if own is not None:
            sends[ATTACKER] = own

    def _view(self) -> View:
        settings, federation = self.settings, self.federation
        return View(
            glimpses=self._glimpses(),
            looks=-(-settings.rounds // settings.every),
            gradient=federation.gradient,
            shapes=federation.shapes,
            net=_net(settings, self.deal),
            learn=self.deal.learn,
            check=self.deal.check,
            participants=settings.participants,
            batch=settings.batch,
            lr=settings.lr,
            seed=settings.seed,
        )

    def _glimpses(self) -> Iterator[Glimpse]:
        """The attacker's view of the rounds that he looks at; asking for the next one trains on."""
        for step in self.federation.run():
            round_ = (step.peek or {})["round"]
            self.done = round_.number + 1
            glimpse = seen_by(ATTACKER, round_)
            if glimpse is not None and round_.number % self.settings.every == 0:
                if isinstance(self.view.net, WordNet):
                    self.heard = Heard.more(
                        self.heard, glimpse.number, occurring(glimpse, self.view.shapes[0])
                    )
                yield glimpse


def joint_net(settings: PropertySettings, words: int = 0) -> ConvNet | WordNet:
    """As it is before the first round. words: of the vocabulary, where texts are learned from."""
    dice = torch.Generator().manual_seed(settings.seed)
    return WordNet(words, dice) if words else ConvNet(settings.net, dice)


def _net(settings: PropertySettings, deal: Parties) -> ConvNet | WordNet:
    x, _ = deal.shares[ATTACKER]
    return joint_net(settings, x.shape[1] if x.ndim == 2 else 0)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _guards(settings: PropertySettings) -> Callable[[int, int, Tensor], Tensor] | None:
    """What honest participants do to their updates: the smallest values are left out, noise is added."""
    if settings.noise == 0 and settings.kept == 1:
        return None

    def guard(who: int, number: int, update: Tensor) -> Tensor:
        if settings.kept < 1:
            line = update.abs().kthvalue(max(1, round((1 - settings.kept) * len(update)))).values
            update = torch.where(update.abs() > line, update, 0)
        rng = stream(settings.seed, "noise on updates", who, number)
        noise = torch.from_numpy(rng.standard_normal(len(update), np.float32))
        return update + settings.noise * update.norm() / len(update) ** 0.5 * noise

    return guard
