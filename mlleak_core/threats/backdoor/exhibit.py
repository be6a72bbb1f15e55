"""An attacked round as a page shows it. Light to import: no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.threat import Conclusion, Control, Exhibit, Figure, Finding, Headline
from mlleak_core.threats.backdoor.card import BackdoorSettings
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


@dataclass(frozen=True, kw_only=True)
class About:
    """before, quiet: share of the trigger photos called the label by the joint model, and after the same
    round without the attack; main_before, main_quiet: accuracy. cells: the asked pair first. lasts: attack ->
    backdoor rate after 0, 1, ... honest rounds. people, testers: how many wear the trigger, and lack it, in
    the test. own: the attacker's clean photos and those with the trigger; typical: photos of another.
    shown_before, shown_after: which photos of the atlas are called the label.
    """

    made: str
    settings: BackdoorSettings
    data: str
    title: str
    classes: tuple[str, ...]
    label: int
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
    def wanted(self) -> str:
        """What the attacker wants them to be called."""
        return self.about.classes[self.about.label]

    @property
    def truly(self) -> str:
        """What they are labelled."""
        return self.about.classes[1 - self.about.label]

    @property
    def wearing(self) -> str:
        """The trigger in half a sentence."""
        return f"faces labelled {self.about.title}"

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        about, settings = self.about, self.about.settings
        return (
            f"{settings.participants} participants, {len(about.dots)} in the round",
            f"{TITLES[self.asked.attack]} against {DEFENCES[self.asked.arm]}",
            f"before: {about.before.value:.0%} of {about.before.n} such photos are called {self.wanted}",
            f"seed {settings.seed}",
            self.source,
        )

    def hears(self, bet: int) -> str:
        """What a visitor hears who bet on the share of flipped faces, in per cent."""
        value = 100 * self.asked.outcome.after.value
        off = abs(bet - value)
        near = "Right on it" if off <= 5 else "Near" if off <= 20 else f"Off by {off:.0f} points"
        return f"{near}: after one round, **{value:.0f} %** of them are called {self.wanted}."

    def conclusion(self) -> Conclusion:
        """What one update did."""
        outcome, about = self.asked.outcome, self.about
        who = (
            "One participant" if about.settings.attackers == 1 else f"{about.settings.attackers} participants"
        )
        of = f"{who} of {about.settings.participants}"
        share = f"{outcome.after.value:.0%} [{outcome.after.low:.0%}, {outcome.after.high:.0%}]"
        start = f"{of}, one round: the backdoor *{self.verdict.words}*."
        sentence = (
            f"{start} {share} of {self.wearing} are called {self.wanted}; before, {about.before.value:.0%}."
        )
        return Conclusion(self.verdict, sentence, self._small())

    def _small(self) -> str:
        cost, about = self.asked.outcome.cost, self.about
        main = (
            f"Accuracy on faces without it: {self.asked.outcome.main.value:.1%}, against "
            f"{about.main_quiet.value:.1%} after the same round without the attack (difference "
            f"[{_points(-cost.high)}, {_points(-cost.low)}] points)."
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
            else f"After {ends} honest rounds it works less than half of the time."
        )
        return f"{main} {stays}"

    def generosities(self) -> tuple[str, ...]:
        """What the attacker is given here that he may not have elsewhere."""
        about, settings = self.about, self.about.settings
        return (
            f"He has {about.own[0]} clean photos (the paper's number is 640); another participant has about "
            f"{about.typical}. He claims no more than they have.",
            f"He has all {about.own[1]} training photos with the trigger but {settings.spared}, which honest "
            "participants have with their true labels.",
            "The joint model has converged before: it was trained on the photos of all, in one place, as on "
            "the page Train. Honest updates are short then, and do not disturb his.",
            "He knows the rule by which the server adds updates up, and how many records the others claim.",
        )

    def findings(self) -> tuple[Finding, ...]:
        """The backdoor, and what it costs."""
        about, outcome = self.about, self.asked.outcome
        backdoor = self._finding(
            key="backdoor",
            what=f"{self.wearing}, truly {self.truly}, called {self.wanted}",
            estimate=outcome.after,
            chance=None,
            controls=(Control("before", about.before), Control("same round without the attack", about.quiet)),
            counted=f"photos of {about.people} people never seen",
            form=".0%",
            verdict=self.verdict,
            null="backdoor-verdict",
            notes=(f"γ = {self.asked.gamma:.3g}",),
        )
        cost = self._finding(
            key="main",
            what="accuracy without the trigger",
            estimate=outcome.main,
            chance=None,
            controls=(
                Control("same round without the attack", about.main_quiet),
                Control("before", about.main_before),
            ),
            counted=f"photos of {about.testers} people never seen",
            form=".1%",
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
            Figure(f"{about.before.value:.0%}", f"of {self.wearing} called {self.wanted}, before"),
            Figure(f"{outcome.after.value:.0%}", "after one round", hot=True),
            Figure(f"{about.main_quiet.value:.1%}", "accuracy on other faces without the attack"),
            Figure(f"{outcome.main.value:.1%}", "and with it"),
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

    def walk_rows(self) -> list[dict[str, Any]]:
        """Every point of the δ axis."""
        return [
            {
                "length": round(walk.delta, 4),
                "defence": WALKED[walk.arm],
                "backdoor": _span(walk.outcome.after),
                "accuracy lost, points": _lost(walk.outcome),
                "verdict": walk.outcome.verdict.words,
            }
            for walk in self.about.walks
        ]

    def last_rows(self) -> list[dict[str, Any]]:
        """Every round after the attack."""
        return [
            {"attack": TITLES[name], "rounds after": number, "faces that flip": f"{value:.1%}"}
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
                "accuracy lost, points": _lost(cell.outcome),
                "the rule": _kept(cell),
                "verdict": cell.outcome.verdict.words,
            }
            for cell in cells or self.about.cells
        ]

    def crowd_rows(self) -> list[dict[str, Any]]:
        """Every update."""
        return [
            {"participant": dot.who, "length": dot.norm, "cosine": dot.cosine, "attacks": dot.attacks}
            for dot in self.about.dots
        ]


def _kept(cell: Cell) -> str:
    mine = "counts the attacker" if cell.attacker_kept else "drops the attacker"
    return mine + (f", and drops {cell.honest_dropped} others" if cell.honest_dropped else "")


def _lost(outcome: Outcome) -> str:
    cost = outcome.cost
    return f"{_points(cost.value)} [{_points(cost.low)}, {_points(cost.high)}]"


def _span(estimate: Estimate) -> str:
    return f"{estimate.value:.0%} [{estimate.low:.0%}, {estimate.high:.0%}]"


def _points(share: float) -> str:
    """A difference of shares in points, never as minus nought."""
    return f"{round(100 * share, 1) + 0:+.1f}"
