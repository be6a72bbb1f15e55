"""An audit as a page shows it: numbers and thumbnails, small enough to ship with the program. Light: no
torch.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import Estimate
from mlleak_core.figures.roc import Curve
from mlleak_core.figures.strip import Strip
from mlleak_core.figures.trail import Dot
from mlleak_core.measure import positive_predictive_value, proportion
from mlleak_core.threat import Conclusion, Control, Exhibit, Figure, Finding, Headline, Verdict
from mlleak_core.threats.membership.attacks import CATALOGUE
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.membership.judge import LINE, MembershipVerdict, Numbers, strongest

GUESSES = 12
"""Records to bet on."""
SPRITE = 64
"""Side of a thumbnail."""
SAYS = {
    MembershipVerdict.GUESSING: "is no better than guessing",
    MembershipVerdict.ON_AVERAGE: "tells members from outsiders on average, but finds nobody with confidence",
}
VOID = "This result is *void*: members can be told apart without asking the model at all."
EASY = (
    "An easy record: models are as sure of it without having seen it, so nobody can tell. Loss alone would "
    "still suspect it."
)
TELLING = "A telling record: models are sure of it only when they have seen it."
SEALED = "Who was in stays sealed until your bet."


class RecordVerdict(Verdict):
    """Whether a record can give itself away at all."""

    EASY = "an easy record"
    TELLING = "a telling record"


@dataclass(frozen=True, kw_only=True)
class Risk:
    """LT-IQR as a warning: of the n members it calls most at risk, the share above the line of the strongest
    attack; of all members, too.
    """

    top: float
    all: float
    n: int


@dataclass(frozen=True, kw_only=True)
class About:
    """reveal: what the service showed. names, words: of the records shown, words only where there are no
    pictures. shadows: 0 of a table of answers, whose accuracies may be unknown. tail: see `judge.tail_test`.
    """

    made: str
    settings: MembershipSettings
    reveal: str
    title: str
    classes: tuple[str, ...]
    reports: tuple[Numbers, ...]
    skipped: dict[str, str]
    lost: tuple[str, ...]
    train_accuracy: float | None
    test_accuracy: float | None
    shadows: int
    shadow_seconds: float
    seconds: float
    run: str
    names: tuple[str, ...]
    words: tuple[str, ...]
    pictures: bool
    risk: Risk | None
    tail: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A record in a grid. at: its place in the atlas; mark: a word in its corner; tone: good, bad, pin or
    empty.
    """

    at: int
    label: str
    mark: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A visitor's own attack: what came of it."""

    hits: int
    members: int
    alarms: int
    outsiders: int

    @property
    def rates(self) -> tuple[float, float]:
        """Of false alarms and of members found."""
        return self.alarms / max(1, self.outsiders), self.hits / max(1, self.members)

    @property
    def sentence(self) -> str:
        found, raised = f"**{self.hits} of {self.members}**", f"**{self.alarms} of {self.outsiders}**"
        return f"You found {found} members and raised {raised} false alarms."


@dataclass(frozen=True, eq=False, kw_only=True)
class Closeup:
    """One record under the microscope. name, label: who it is, as the data set writes it. rows: what each
    attack says. Once it may be told: words, the truth; kind and story, why attacks see it as they do.
    """

    person: int
    name: str
    label: str
    words: str
    strip: Strip
    kind: RecordVerdict | None
    story: str
    rows: tuple[dict[str, str], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class MembershipExhibit(Exhibit):
    """arrays: `shown` [s], the records shown, to bet on first; `phi`, `inside` [k, s] of the shadows;
    `target_phi`, `member`, `y`, `person`, `risk` [n]; `score/attack` [n]; `roc/attack/part`, the curves.
    """

    about: About
    About: ClassVar[type] = About
    picture: ClassVar[str] = "jpg"

    @property
    def shown(self) -> NDArray[np.int64]:
        return self.arrays["shown"]

    @property
    def slugs(self) -> tuple[str, ...]:
        """The attacks that could run, as the catalogue lists them."""
        return tuple(numbers.attack for numbers in self.about.reports)

    @property
    def quick(self) -> tuple[str, ...]:
        """Those shown first, and while shadows come in."""
        return tuple(s for s in self.slugs if CATALOGUE[s].quick) or self.slugs[:1]

    @property
    def titles(self) -> dict[str, str]:
        return {slug: CATALOGUE[slug].title for slug in self.slugs}

    def numbers(self, attack: str) -> Numbers:
        return next(n for n in self.about.reports if n.attack == attack)

    @property
    def leading(self) -> Numbers:
        """The strongest speaks for all; its intervals are corrected for having been chosen."""
        return strongest(self.about.reports)

    @property
    def gap(self) -> float:
        """How much better the target does on what it was trained on."""
        return (self.about.train_accuracy or 0.0) - (self.about.test_accuracy or 0.0)

    # What is drawn.

    def curve(self, attack: str) -> Curve:
        """An attack's ROC, in its colour."""
        parts = {part: self.arrays[f"roc/{attack}/{part}"] for part in ("fpr", "tpr", "low", "high")}
        return Curve(title=CATALOGUE[attack].title, colour=CATALOGUE[attack].colour, **parts)

    def curves(self, attacks: Sequence[str]) -> tuple[Curve, ...]:
        """Of these attacks, of the strongest if there are none."""
        return tuple(self.curve(attack) for attack in attacks or self.slugs[:1])

    def dot(self) -> Dot | None:
        """Where the run stands on the trail: the accuracy gap, and what the strongest attack finds.

        None where that cannot be claimed.
        """
        found = self.leading.tpr_1pct_among
        if not self.about.shadows or found is None:
            return None
        return Dot(self.label(), self.gap, found)

    def label(self) -> str:
        """The run in one line, for the trail."""
        about = self.about
        return f"{about.title}, {about.settings.preset}, {about.shadows} shadows, {about.reveal}"

    # The bet.

    @property
    def bets(self) -> NDArray[np.bool_]:
        """Of the records to bet on, which were in."""
        return self.arrays["member"][self.shown[:GUESSES]]  # type: ignore[no-any-return]

    def question(self) -> str:
        """What a visitor is asked."""
        asked = f"{int(self.bets.sum())} of these {len(self.bets)} were in the training set."
        return f"**Guess first.** {asked} Which? Click them, then lock."

    def to_bet_on(self, said: Sequence[int] | None = None, sealed: bool = True) -> tuple[Tile, ...]:
        """The records to bet on; once the seal is broken with the truth, and whether what was said is
        right.
        """
        if sealed:
            return tuple(Tile(at=i, label=self._words(i)) for i in range(len(self.bets)))
        tiles = []
        for i, was in enumerate(self.bets):
            tone = "" if said is None else "good" if (i in said) == bool(was) else "bad"
            tiles.append(Tile(at=i, label=self._words(i), mark="was in" if was else "was not", tone=tone))
        return tuple(tiles)

    def guess(self, said: Sequence[int]) -> Guess:
        """What came of a visitor's bet."""
        was = self.bets
        hit = was[list(said)]
        counts = {"members": int(was.sum()), "outsiders": int((~was).sum())}
        return Guess(hits=int(hit.sum()), alarms=int((~hit).sum()), **counts)

    def _words(self, at: int) -> str:
        return self.about.words[at] if self.about.words else ""

    # One record.

    def above(self, attack: str, record: int) -> bool | None:
        """Whether the record lies above the line that 1% of the outsiders cross; None without such a line."""
        line, scores = self.numbers(attack).line, self.arrays[f"score/{attack}"]
        if line is None:
            return None
        return bool(scores[record] > scores.dtype.type(line))  # an exhibit may keep its scores in float32

    def rank(self, attack: str, record: int) -> float:
        """The share of all records that score lower."""
        scores = self.arrays[f"score/{attack}"]
        return float((scores < scores[record]).mean())

    def gallery(self, pinned: int = -1) -> tuple[Tile, ...]:
        """The records for the microscope, from the most to the least suspicious; a pinned person is
        marked.
        """
        first, person = self.leading.attack, self.arrays["person"]
        tiles = []
        for at, record in enumerate(self.shown[GUESSES:], GUESSES):
            mine = person[record] == pinned
            mark = f"{self.rank(first, record):.0%}" + (" pinned" if mine else "")
            tiles.append(Tile(at=at, label=self._words(at), mark=mark, tone="pin" if mine else ""))
        return tuple(tiles)

    def gallery_words(self) -> str:
        """What the gallery is."""
        count, all_ = len(self.shown) - GUESSES, len(self.arrays["member"])
        return (
            f"{count} of {all_} records, from the most to the least suspicious to "
            f"{CATALOGUE[self.leading.attack].title}. The number is the share of all records that are less "
            "so."
        )

    def start(self, pinned: int) -> int:
        """Which of the gallery is looked at first: the pinned person, if shown."""
        mine = np.flatnonzero(self.arrays["person"][self.shown[GUESSES:]] == pinned)
        return int(mine[0]) if len(mine) else 0

    def elsewhere(self, pinned: int, sealed: bool) -> str:
        """What is known of a pinned person whose records are not in the gallery; empty where they are."""
        records = np.flatnonzero(self.arrays["person"] == pinned)
        if pinned < 0 or np.isin(records, self.shown[GUESSES:]).any():
            return ""
        if not len(records):
            return "The person you pinned has no record in this pool."
        first = self.leading.attack
        record = max(map(int, records), key=lambda r: self.rank(first, r))
        side = {True: "above the 1% line", False: "below the 1% line", None: "on neither side of a line"}
        return (
            f"The person you pinned is not among those below: {CATALOGUE[first].title} puts the record "
            f"{side[self.above(first, record)]}, and it is more suspicious than "
            f"{self.rank(first, record):.0%} of all. {'' if sealed else self._truth(record)}"
        ).strip()

    def closeup(self, place: int, sealed: bool) -> Closeup:
        """The record at a place of the gallery, closely."""
        at = GUESSES + place
        record = int(self.shown[at])
        kind = None if sealed else self._kind(at)
        return Closeup(
            person=int(self.arrays["person"][record]),
            name=self.about.names[at],
            label=self.about.classes[int(self.arrays["y"][record])],
            words=SEALED if sealed else self._truth(record),
            strip=self._strip(at),
            kind=kind,
            story="" if kind is None else self._story(at, kind),
            rows=tuple(self._says(slug, record, sealed) for slug in self.slugs),
        )

    def _strip(self, at: int) -> Strip:
        phi, inside = self.arrays["phi"][:, at], self.arrays["inside"][:, at]
        return Strip(phi=phi, inside=inside, target=float(self.arrays["target_phi"][self.shown[at]]))

    def _truth(self, record: int) -> str:
        was = "was" if self.arrays["member"][record] else "was not"
        return f"It **{was}** in the training set."

    def _kind(self, at: int) -> RecordVerdict | None:
        """None where all shadows had it, or none."""
        seen = self._strip(at)
        if not seen.inside.any() or seen.inside.all():
            return None
        had, had_not = seen.phi[seen.inside].astype(float), seen.phi[~seen.inside].astype(float)
        apart = had.mean() - had_not.mean()
        doubt = 3 * np.sqrt(had.var() / len(had) + had_not.var() / len(had_not))
        least = max(seen.phi.astype(float).std() / 2, doubt)
        return RecordVerdict.EASY if apart < least else RecordVerdict.TELLING

    def _story(self, at: int, kind: RecordVerdict) -> str:
        """Why the attacks see this record as they do, from its shadows."""
        if kind is RecordVerdict.EASY:
            return EASY
        seen, member = self._strip(at), bool(self.arrays["member"][self.shown[at]])
        phi = seen.phi.astype(float)
        near, far = (abs(seen.target - phi[w].mean()) for w in (seen.inside, ~seen.inside))
        side = "those that had it" if near < far else "those that had not"
        luck = "as it should" if (near < far) == member else "by chance the wrong side"
        return f"{TELLING} The target's mark lies among {side}, {luck}."

    def _says(self, attack: str, record: int, sealed: bool) -> dict[str, str]:
        """One attack's word on one record; whether it is right only when that may be told."""
        above = self.above(attack, record)
        words = {True: "above the line", False: "below it", None: "no line with so few outsiders"}
        right = above == bool(self.arrays["member"][record])
        told = {} if sealed or above is None else {"right": "yes" if right else "no"}
        return {
            "attack": CATALOGUE[attack].title,
            "says": words[above],
            **told,
            "more suspicious than": f"{self.rank(attack, record):.0%}",
            "because it": CATALOGUE[attack].why,
        }

    # What is said.

    def warnings(self) -> str:
        """What is missing from the numbers."""
        done, wanted = self.about.shadows, self.about.settings.shadows
        return f"These are the numbers of {done} of {wanted} shadows." if 0 < done < wanted else ""

    def conclusion(self) -> Conclusion:
        """What follows for the leading attack, from its intervals."""
        numbers = self.leading
        if numbers.void:
            return Conclusion(numbers.verdict_among, VOID, "Members and outsiders differ in distribution.")
        sentence = f"{CATALOGUE[numbers.attack].title} *{_says_of(numbers)}*. {_names(numbers)}"
        return Conclusion(numbers.verdict_among, sentence, f"{_chosen(numbers)}{self._right()}")

    def _right(self) -> str:
        about = self.about
        if about.train_accuracy is None or about.test_accuracy is None:
            return "The gap in accuracy, which attacks live on, is not known from losses alone."
        return (
            f"The target is right on {about.train_accuracy:.1%} of what it was trained on and on "
            f"{about.test_accuracy:.1%} of the rest. The gap is what the attacks live on; averages hide it, "
            "so look at few false alarms first."
        )

    def warning(self) -> str:
        """What the trainer could have known."""
        risk = self.about.risk
        if risk is None:
            return ""
        sure = proportion(round(risk.top * risk.n), risk.n)
        return (
            "A warning the trainer could have had for free (LT-IQR, from the training log): of the "
            f"{risk.n} members it calls most at risk, {CATALOGUE[self.leading.attack].title} finds "
            f"{risk.top:.0%} {_span(sure)}; of all members, {risk.all:.0%}."
        )

    def foretold(self) -> str:
        """What was to be expected before the first shadow was trained; empty where it is not known."""
        tail = self.about.tail
        if tail is None:
            return ""
        return (
            f"Without a single shadow (tail test): {tail.value:.1%} {_span(tail)} of the outsiders have a "
            "loss that only 1% of the members reach. Where there is nothing to find, it would be 1%."
        )

    def equivalent(self) -> str:
        """Which attacks are one and the same; empty where only one of them stands."""
        if not {"rmia", "base"} <= set(self.slugs):
            return ""
        return (
            "RMIA and BASE are provably equivalent (arXiv 2603.11799, 2026): what parts them here is tuning. "
            "Temperatures and priors are chosen on own shadows in the target's place, never on the target."
        )

    def left_out(self) -> tuple[str, ...]:
        """Which attacks could not run, and why."""
        return tuple(
            f"{CATALOGUE[slug].title} was left out: {why}" for slug, why in self.about.skipped.items()
        )

    def rows(self) -> list[dict[str, Any]]:
        """All attacks, for the table."""
        return [_line(numbers) for numbers in self.about.reports]

    def scores_csv(self) -> str:
        """Every record's scores, a column an attack."""
        return self._scores_csv

    @functools.cached_property
    def _scores_csv(self) -> str:
        """Written once: every rerun of the page offers it."""
        scores = [self.arrays[f"score/{slug}"] for slug in self.slugs]
        lines = [",".join(["record", *(f'"{t}"' if "," in t else t for t in self.titles.values())])]
        for i, values in enumerate(zip(*scores, strict=True)):
            lines.append(",".join([str(i), *(f"{v:.6g}" for v in values)]))
        return "\n".join(lines)

    # Its numbers, each complete.

    def findings(self) -> tuple[Finding, ...]:
        """Of the leading attack first: what it finds at the line, its average, its list of names."""
        first = self.leading
        ordered = (first, *(n for n in self.about.reports if n is not first))
        found = [part for n in ordered for part in (self.found(n), self.average(n.attack), self.named(n))]
        return tuple(finding for finding in found if finding is not None)

    def average(self, attack: str) -> Finding:
        """An attack's AUC, with its controls."""
        numbers = self.numbers(attack)
        auc, found = self._intervals(numbers)
        at_line = "cannot be claimed" if found is None else _percent(found)
        return Finding(
            key=f"{attack}/auc",
            what=f"{CATALOGUE[attack].title}: AUC",
            estimate=auc,
            chance=0.5,
            controls=self._controls(numbers),
            counted=f"records: {numbers.n_members} members, {numbers.n_nonmembers} not",
            notes=(f"at 1% false alarms {at_line}", *self._shadows(), *self._corrected(numbers)),
            **self._stamp(numbers),
        )

    def found(self, numbers: Numbers) -> Finding | None:
        """The members above the line that 1% of the outsiders cross; None where that cannot be claimed."""
        auc, found = self._intervals(numbers)
        if found is None:
            return None
        controls = (f"{c.what} {c.estimate.value:.2f}" for c in self._controls(numbers))
        return Finding(
            key=f"{numbers.attack}/found",
            what=f"{CATALOGUE[numbers.attack].title}: members found at 1% false alarms",
            estimate=found,
            form=".1%",
            chance=LINE,
            controls=(),
            counted=f"members, {numbers.n_nonmembers} outsiders",
            notes=(
                f"AUC {auc.value:.2f} {_span(auc, '.2f')}",
                *controls,
                *self._shadows(),
                *self._corrected(numbers),
            ),
            **self._stamp(numbers),
        )

    def named(self, numbers: Numbers) -> Finding | None:
        """The members among those the attacker names; None where he names nobody."""
        if numbers.named_members is None:
            return None
        return Finding(
            key=f"{numbers.attack}/named",
            what=f"{CATALOGUE[numbers.attack].title}: members among those named",
            estimate=numbers.named_members,
            form=".0%",
            chance=numbers.n_members / (numbers.n_members + numbers.n_nonmembers),
            controls=(),
            counted="records named, with at most one false name in ten as the aim",
            notes=self._shadows(),
            **self._stamp(numbers),
        )

    def worth(self, base_rate: float) -> Finding | None:
        """What lying above the line is worth when `base_rate` of all records asked for are members."""
        numbers = self.leading
        found = numbers.tpr_1pct_among
        if found is None:
            return None
        rates = (found.value, found.low, found.high)
        value, low, high = (positive_predictive_value(rate, LINE, base_rate) for rate in rates)
        return Finding(
            key=f"{numbers.attack}/worth",
            what="precision (PPV) at 1% false alarms",
            estimate=Estimate(value, low, high, found.n),
            form=".1%",
            chance=base_rate,
            controls=(),
            counted="members",
            notes=(
                f"base rate {100 * base_rate:g}%",
                "the rate changes what lying above the line is worth, not the ROC",
            ),
            **self._stamp(numbers),
        )

    def _controls(self, numbers: Numbers) -> tuple[Control, ...]:
        """Where there is nothing to find; of a table of answers only what can be had."""
        shuffled = Control("shuffled membership", numbers.shuffled)
        if not self.about.shadows:
            return (shuffled,)
        blind = Control("without asking the model", numbers.blind)
        untrained = numbers.untrained
        first = () if untrained is None else (Control("untrained target", untrained),)
        return (*first, shuffled, blind)

    def _intervals(self, numbers: Numbers) -> tuple[Estimate, Estimate | None]:
        """AUC and members found; of the strongest attack with the intervals that allow for choosing it."""
        if numbers is self.leading:
            return numbers.auc_among, numbers.tpr_1pct_among
        return numbers.auc, numbers.tpr_1pct

    def _corrected(self, numbers: Numbers) -> tuple[str, ...]:
        if numbers is not self.leading or numbers.among == 1:
            return ()
        return (f"strongest of {numbers.among} attacks, intervals corrected for that",)

    def _shadows(self) -> tuple[str, ...]:
        count = self.about.shadows
        return (f"{count} shadow{'s' * (count > 1)}",) if count else ()

    def _stamp(self, numbers: Numbers) -> dict[str, Any]:
        about = self.about
        return {
            "seed": about.settings.seed,
            "seconds": about.seconds,
            "source": self.source,
            "verdict": numbers.verdict_among if numbers is self.leading else numbers.verdict,
            "null": _null(numbers, numbers is self.leading),
        }

    def headlines(self) -> tuple[Headline, ...]:
        """What Home says: how many members the leading attack finds."""
        numbers = self.leading
        found = self.found(numbers)
        words = "of its members found, at 1% false alarms"
        figures = () if found is None else (Figure(f"{found.estimate.value:.1%}", words, hot=True),)
        return (
            Headline(
                title="A net that knows its class by heart gives away who was in it",
                figures=figures,
                findings=(found or self.average(numbers.attack),),
            ),
        )


def _says_of(numbers: Numbers) -> str:
    if numbers.verdict_among is MembershipVerdict.FINDS and numbers.tpr_1pct is not None:
        return f"finds {numbers.tpr_1pct.value:.1%} of the members at 1% false alarms"
    return SAYS[numbers.verdict_among]


def _chosen(numbers: Numbers) -> str:
    """That it was chosen as the strongest; empty where it was the only one."""
    if numbers.among == 1:
        return ""
    return f"The strongest of {numbers.among} attacks, its intervals corrected for that (Bonferroni). "


def _null(numbers: Numbers, leading: bool) -> str:
    """Which rate says how often a verdict like this one is wrong."""
    if numbers.void:
        return "membership-void"
    return "membership-headline" if leading else "membership-attack"


def _names(numbers: Numbers) -> str:
    """Whom the attacker could name by himself."""
    count = numbers.named_count
    records = "record" if count == 1 else "records"
    if count:
        return f"With at most one false name in ten, it can name *{count}* {records}."
    return "It can name *nobody* with at most one false name in ten."


def _line(numbers: Numbers) -> dict[str, Any]:
    """One attack in the table."""
    far = numbers.tpr_01pct
    return {
        "attack": CATALOGUE[numbers.attack].title,
        "AUC": round(numbers.auc.value, 3),
        "95%": _span(numbers.auc, ".2f"),
        "found at 1%": _claimed(numbers.tpr_1pct, numbers.n_nonmembers),
        "found at 0.1%": _claimed(far, numbers.n_nonmembers),
        "advantage": round(numbers.advantage, 3),
        "queries": numbers.queries,
        "named, FDR 10%": numbers.named_count,
        "verdict": numbers.verdict.words,
    }


def _claimed(estimate: Estimate | None, outsiders: int) -> str:
    return f"cannot be claimed with n = {outsiders}" if estimate is None else f"{estimate.value:.1%}"


def _percent(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} {_span(estimate)}"


def _span(estimate: Estimate, form: str = ".1%") -> str:
    return f"[{estimate.low:{form}}, {estimate.high:{form}}]"
