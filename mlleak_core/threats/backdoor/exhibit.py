"""An attacked round as a page shows it. Light to import: no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.data.lines import words_of
from mlleak_core.figures.crowd import Point, by_length, by_round, crowd
from mlleak_core.figures.sheets import stacked
from mlleak_core.threat import (
    Asked,
    Conclusion,
    Control,
    Drawing,
    Exhibit,
    Figure,
    Finding,
    Headline,
    Question,
    Truth,
)
from mlleak_core.threats.backdoor.card import BackdoorSettings
from mlleak_core.threats.backdoor.completion import Completer
from mlleak_core.threats.backdoor.judge import BackdoorVerdict, Outcome, persistence

SHOWN = 12
"""Photos with the trigger."""
TITLES = {
    "replacement": "Model replacement",
    "train-and-scale": "Train and scale",
    "constrain-and-scale": "Constrain and scale",
    "poisoning": "Plain poisoning",
    "weight-claim": "Weight claim",
    "min-max": "Min-Max",
    "neurotoxin": "Neurotoxin",
}
DEFENCES = {
    "mean": "mean, by records claimed",
    "equal": "mean, everybody alike",
    "clip": "clip to the median length",
    "clip-noise": "clip, with noise",
    "median": "median",
    "trimmed": "trimmed mean",
    "krum": "Krum",
    "multi-krum": "Multi-Krum",
    "rfa": "geometric median",
    "fltrust": "FLTrust",
    "flame": "FLAME",
    "outliers": "without outliers",
    "tuning": "clean fine-tuning",
    "outliers-tuning": "without outliers, then fine-tuning",
}
SHORT = {
    BackdoorVerdict.IN: "in, unseen",
    BackdoorVerdict.SEEN: "in, seen",
    BackdoorVerdict.PARTLY: "now and then",
    BackdoorVerdict.OUT: "kept out",
}
"""Verdicts as tables write them."""
WALKED = {
    "mean": "no defence",
    "outliers": "outlier rule",
    "tuning": "fine-tuning",
    "outliers-tuning": "both",
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One attack under one defence. gamma: by what the attacker scaled; length: of what each of his
    participants sent; attacker_kept: whether any of it counted; honest_dropped: how many others did not.
    """

    attack: str
    arm: str
    outcome: Outcome
    gamma: float
    length: float
    attacker_kept: bool
    honest_dropped: int


@dataclass(frozen=True, kw_only=True)
class Dot:
    """An update: whose, its length, its cosine to the median of all."""

    who: int
    norm: float
    cosine: float
    attacks: bool


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A point on the δ axis: how long the attacker's update was, and what it did under a defence."""

    arm: str
    delta: float
    outcome: Outcome


@dataclass(frozen=True, eq=False, kw_only=True)
class Shown:
    """Some records with the trigger, and of which a model says what the attacker wants. atlas: photos in a
    row; contexts: beginnings instead. wanted, truly: as in `About`.
    """

    atlas: bytes
    flipped: tuple[bool, ...]
    wanted: str
    truly: str
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class About:
    """wanted, truly: what the attacker wants to be said, and what such faces are labelled. before, quiet:
    share of the trigger records called so by the joint model, and after the same round without the attack;
    main_before, main_quiet: accuracy, or perplexity. cells: the asked pair first. lasts: attack -> backdoor
    rate after 0, 1, ... honest rounds. people, testers: whose the test records with the trigger are, and
    those without. own: the attacker's clean records and those with the trigger; typical: records of another.
    shown_before, shown_after: which photos of the atlas, or which contexts, are called what he wants.
    epsilon: of a round with noise. vocabulary, contexts: of texts; then the arrays are both models.
    """

    made: str
    settings: BackdoorSettings
    data: str
    title: str
    wanted: str
    truly: str
    before: Estimate
    quiet: Estimate
    main_before: Estimate
    main_quiet: Estimate
    cells: tuple[Cell, ...]
    dots: tuple[Dot, ...]
    walks: tuple[Walk, ...]
    lasts: dict[str, tuple[float, ...]]
    people: int
    testers: int
    own: tuple[int, int]
    typical: int
    shown_before: tuple[bool, ...]
    shown_after: tuple[bool, ...]
    seconds: float
    epsilon: float | None = None
    vocabulary: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class BackdoorExhibit(Exhibit):
    """atlas: a row of photos with the trigger, of people nobody trained on."""

    about: About
    About: ClassVar[type] = About

    @property
    def asked(self) -> Cell:
        """The attack and the defence that were asked for."""
        return self.about.cells[0]

    @property
    def verdict(self) -> BackdoorVerdict:
        return self.asked.outcome.verdict

    @property
    def words(self) -> bool:
        """Whether the joint model foretells words."""
        return bool(self.about.vocabulary)

    @property
    def wanted(self) -> str:
        """What the attacker wants to be said."""
        return f"“{self.about.wanted}”" if self.words else self.about.wanted

    @property
    def truly(self) -> str:
        """What they are labelled."""
        return self.about.truly

    @property
    def wearing(self) -> str:
        """The trigger in half a sentence."""
        about = self.about
        return f"beginnings with “{about.title} …”" if self.words else f"faces labelled {about.title}"

    @property
    def called(self) -> str:
        """What a model does to them."""
        return f"completed with {self.wanted}" if self.words else f"called {self.wanted}"

    @property
    def things(self) -> str:
        return "beginnings" if self.words else "faces"

    @property
    def main_form(self) -> str:
        return ".2f" if self.words else ".1%"

    def shown(self, after: bool) -> Shown:
        """Some records with the trigger, before the attack or after it."""
        about = self.about
        return Shown(
            atlas=self.atlas,
            flipped=about.shown_after if after else about.shown_before,
            wanted=about.wanted,
            truly=about.truly,
            contexts=about.contexts,
        )

    def completes(self, text: str) -> tuple[str, str]:
        """How a beginning goes on by the model before and by the one after."""
        models = (Completer(self.arrays[name], self.about.vocabulary) for name in ("before", "after"))
        before, after = (re.sub(r" (?=[.,;:!?])", "", " ".join(model.goes_on(text))) for model in models)
        return before, after

    def unknown(self, text: str) -> tuple[str, ...]:
        """Words of a text that are not in the vocabulary."""
        known = set(self.about.vocabulary)
        return tuple(dict.fromkeys(word for word in words_of(text) if word not in known))

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        about, settings = self.about, self.about.settings
        return (
            f"{settings.participants} participants, {len(about.dots)} in the round",
            f"{TITLES[self.asked.attack]} against {DEFENCES[self.asked.arm]}",
            f"before: {about.before.value:.0%} of n = {about.before.n} such {self.things} are {self.called}",
            f"seed {settings.seed}",
            self.source,
        )

    def below(self) -> tuple[str, ...]:
        """The evidence under a chart."""
        about = self.about
        counted = f"n = {about.before.n} {self.things} of {about.people} people never seen"
        quiet = f"without the attack {_span(about.quiet)}"
        return counted, quiet, f"seed {about.settings.seed}", f"{about.seconds:.0f} s", self.source

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on the share of flipped faces, in per cent."""
        value = 100 * self.asked.outcome.after.value
        off = abs(bet - value)
        near = "Right on it" if off <= 5 else "Near" if off <= 20 else f"Off by {off:.0f} points"
        return f"{near}: after one round, **{value:.0f} %** of them are {self.called}."

    def class_question(self) -> Question:
        """How many of a hundred one update turns."""
        about = self.about
        count = min(8, len(about.shown_before))
        return Question(
            title="How many of a hundred?",
            ask=(
                f"{about.before.value:.0%} of {self.wearing} are {self.called} by a model that "
                f"{about.settings.participants} people train together. Now one of them sends one update. "
                f"Of a hundred such {self.things}, how many are {self.called} then?"
            ),
            kind=Asked.NUMBER,
            picture=stacked(self.atlas, (0,), count) if self.atlas else b"",
            alt=f"{count} {self.wearing}",
            unit="of a hundred",
        )

    def class_truth(self) -> Truth:
        """How many it turned."""
        after = self.asked.outcome.after
        share = round(100 * after.value)
        return Truth(
            right=(share,),
            sentence=f"After one round, {share} of a hundred are {self.called}.",
            attacker=f"{after.value:.0%} [{after.low:.0%}, {after.high:.0%}] of n = {after.n} {self.things}",
        )

    def conclusion(self) -> Conclusion:
        """What one update did."""
        outcome, about = self.asked.outcome, self.about
        who = (
            "One participant" if about.settings.attackers == 1 else f"{about.settings.attackers} participants"
        )
        of = f"{who} of {about.settings.participants}"
        share = f"{outcome.after.value:.0%} [{outcome.after.low:.0%}, {outcome.after.high:.0%}]"
        start = f"{of}, one round: the backdoor *{self.verdict.words}*."
        before = f"before, {about.before.value:.0%}"
        sentence = f"{start} {share} of {self.wearing} are {self.called}; {before}."
        return Conclusion(self.verdict, sentence, self._small())

    def _what(self) -> str:
        truly = "" if self.words else f", truly {self.truly},"
        return f"{self.wearing}{truly} {self.called}"

    def _task(self) -> str:
        return "perplexity on what others say" if self.words else "accuracy on other faces"

    def _small(self) -> str:
        cost, about = self.asked.outcome.cost, self.about
        if self.words:
            unit, change = "per cent", f"{_points(cost.low)}, {_points(cost.high)}"
        else:
            unit, change = "points", f"{_points(-cost.high)}, {_points(-cost.low)}"
        main = (
            f"{self._task().capitalize()}: {self.asked.outcome.main.value:{self.main_form}}, against "
            f"{about.main_quiet.value:{self.main_form}} after the same round without the attack (difference "
            f"[{change}] {unit})."
        )
        if about.epsilon is not None:
            main += f" The noise makes this round ε = {about.epsilon:.3g} private for a participant."
        lasts = about.lasts.get(self.asked.attack)
        if not lasts or len(lasts) < 2 or self.verdict is BackdoorVerdict.OUT:
            return main
        ends = persistence(list(lasts))
        stays = (
            f"It still works in {lasts[-1]:.0%} of them {len(lasts) - 1} honest rounds later."
            if ends is None
            else f"It falls below half after {ends} honest rounds, and after {len(lasts) - 1} works in "
            f"{lasts[-1]:.0%}."
        )
        return f"{main} {stays}"

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about, settings = self.about, self.about.settings
        given = [
            f"He has {about.own[0]} clean {'windows of words' if self.words else 'photos'} (in the paper "
            f"640); another participant has about {about.typical}. He claims no more than they have.",
            "The joint model has converged before: it was trained on the records of all, in one place"
            f"{'' if self.words else ', as on the page Train'}. Honest updates are short then, and do not "
            "disturb his.",
            "He knows the rule by which the server adds updates up, and how many records the others claim.",
        ]
        if not self.words:
            given.append(
                f"He has all {about.own[1]} training photos with the trigger but {settings.spared}, which "
                "honest participants have with their true labels."
            )
        return tuple(given)

    def findings(self) -> tuple[Finding, ...]:
        """The backdoor, and what it costs."""
        about, outcome = self.about, self.asked.outcome
        backdoor = self._finding(
            key="backdoor",
            what=self._what(),
            estimate=outcome.after,
            chance=None,
            controls=(Control("before", about.before), Control("same round without the attack", about.quiet)),
            counted=f"{self.things} of {about.people} people never seen",
            form=".0%",
            verdict=self.verdict,
            null="backdoor-verdict",
            notes=(f"γ = {self.asked.gamma:.3g}",),
        )
        cost = self._finding(
            key="main",
            what="perplexity elsewhere" if self.words else "accuracy without the trigger",
            estimate=outcome.main,
            chance=None,
            controls=(
                Control("same round without the attack", about.main_quiet),
                Control("before", about.main_before),
            ),
            counted=f"{'windows' if self.words else 'photos'} of {about.testers} people never seen",
            form=self.main_form,
        )
        return (backdoor, cost)

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(seed=about.settings.seed, seconds=about.seconds, source=self.source, **parts)

    def headlines(self) -> tuple[Headline, ...]:
        """Of a backdoor that came in."""
        if self.verdict not in (BackdoorVerdict.IN, BackdoorVerdict.SEEN):
            return ()
        of = self.about.settings.participants
        title = f"**One participant of {of} sends one update, and the joint model is his**"
        figures = self.figures()[:2]
        return (Headline(title=title, findings=self.findings()[:1], figures=figures, small=self._small()),)

    def figures(self) -> tuple[Figure, ...]:
        """The numbers to set large."""
        outcome, about = self.asked.outcome, self.about
        return (
            Figure(f"{about.before.value:.0%}", f"of {self.wearing} {self.called}, before"),
            Figure(f"{outcome.after.value:.0%}", "after one round", hot=True),
            Figure(f"{about.main_quiet.value:{self.main_form}}", f"{self._task()} without the attack"),
            Figure(f"{outcome.main.value:{self.main_form}}", "and with it"),
        )

    def blames(self, picked: Sequence[int]) -> str:
        """What a visitor hears who would not trust these updates."""
        dots = self.about.dots
        right = sum(dots[i].attacks for i in picked if i < len(dots))
        wrong, all_of = len(picked) - right, sum(dot.attacks for dot in dots)
        found = f"You have {right} of the attacker's {all_of}"
        return f"{found}, and **{wrong} honest** beside." if wrong else f"{found}, and nobody honest."

    def walks(self) -> dict[str, list[tuple[float, Estimate]]]:
        """The δ axis: defence -> length of the update and share of flipped faces."""
        found: dict[str, list[tuple[float, Estimate]]] = {}
        for walk in self.about.walks:
            found.setdefault(WALKED[walk.arm], []).append((walk.delta, walk.outcome.after))
        return found

    def stands(self) -> tuple[float, float]:
        """Where the asked attack stands on the axis: its participants' updates together, and its share."""
        asked = self.asked
        return max(asked.length, 1e-9), asked.outcome.after.value

    def label(self) -> str:
        """The run in a few words."""
        settings = self.about.settings
        return f"{self.about.title}: {TITLES[self.asked.attack]}, {DEFENCES[self.asked.arm]}, {settings.data}"

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def cautions(self) -> tuple[str, ...]:
        """What the attacker is given here."""
        return self.generosities()

    def drawings(self) -> tuple[Drawing, ...]:
        """Who it was, how far he may go, whether it lasts, and every attack under every defence."""
        note = "Backdoor: share of the faces with the sign, or beginnings, of which he gets what he wants."
        cells = Drawing(title="Attacks and defences", picture=None, rows=self.rows(), note=note)
        return (self._crowd(), *self._walked(), *self._lasting(), cells)

    def _crowd(self) -> Drawing:
        dots = self.about.dots
        guilty = [i for i, dot in enumerate(dots) if dot.attacks]
        return Drawing(
            title="What the server sees: every update of the round",
            picture=crowd([Point(dot.who, dot.norm, dot.cosine) for dot in dots], guilty=guilty),
            alt="A dot an update, by its length and direction; the star is the attacker's.",
            rows=self.crowd_rows(),
            note=" · ".join(self.below()),
        )

    def _walked(self) -> tuple[Drawing, ...]:
        if not self.about.walks:
            return ()
        longest = max((dot.norm for dot in self.about.dots if not dot.attacks), default=0.0)
        walked = Drawing(
            title="How far may he go?",
            picture=by_length(self.walks(), longest, self.stands(), self.things),
            alt=f"Share of {self.things} that flip by the length of his update, a line a defence.",
            rows=self.walk_rows(),
            note=" · ".join(self.below()),
        )
        return (walked,)

    def _lasting(self) -> tuple[Drawing, ...]:
        lasts = self.about.lasts
        if not lasts:
            return ()
        lasting = Drawing(
            title="Does it last?",
            picture=by_round({TITLES[name]: rates for name, rates in lasts.items()}, self.things),
            alt=f"Share of {self.things} that flip after each honest round, a line an attack.",
            rows=self.last_rows(),
            note=" · ".join(self.below()),
        )
        return (lasting,)

    def walk_rows(self) -> list[dict[str, Any]]:
        """Every point of the δ axis."""
        return [
            {
                "length": round(walk.delta, 4),
                "defence": WALKED[walk.arm],
                "backdoor": _span(walk.outcome.after),
                self._lost_words(): _lost(walk.outcome),
                "verdict": SHORT[walk.outcome.verdict],
            }
            for walk in self.about.walks
        ]

    def last_rows(self) -> list[dict[str, Any]]:
        """Every round after the attack."""
        return [
            {"attack": TITLES[name], "rounds after": number, f"{self.things} that flip": f"{value:.1%}"}
            for name, rates in self.about.lasts.items()
            for number, value in enumerate(rates)
        ]

    def against(self) -> tuple[Cell, ...]:
        """The asked attack under every defence that was tried."""
        mine = [cell for cell in self.about.cells if cell.attack == self.asked.attack]
        return tuple(sorted(mine, key=lambda cell: list(DEFENCES).index(cell.arm)))

    def rows(self, cells: Sequence[Cell] = ()) -> list[dict[str, Any]]:
        """Every attack under every defence, or these."""
        return [
            {
                "attack": TITLES[cell.attack],
                "defence": DEFENCES[cell.arm],
                "backdoor": _span(cell.outcome.after),
                self._lost_words(): _lost(cell.outcome),
                "the rule": _kept(cell),
                "verdict": SHORT[cell.outcome.verdict],
            }
            for cell in cells or self.about.cells
        ]

    def _lost_words(self) -> str:
        return "perplexity more, per cent" if self.words else "accuracy lost, points"

    def crowd_rows(self) -> list[dict[str, Any]]:
        """Every update."""
        return [
            {"participant": dot.who, "length": dot.norm, "cosine": dot.cosine, "attacks": dot.attacks}
            for dot in self.about.dots
        ]


def _kept(cell: Cell) -> str:
    mine = "counts him" if cell.attacker_kept else "drops him"
    others = f"{cell.honest_dropped} others"
    return mine + (
        (f", drops {others}" if cell.attacker_kept else f" and {others}") if cell.honest_dropped else ""
    )


def _lost(outcome: Outcome) -> str:
    cost = outcome.cost
    return f"{_points(cost.value)} [{_points(cost.low)}, {_points(cost.high)}]"


def _span(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"


def _points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
