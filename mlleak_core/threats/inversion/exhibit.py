"""An inverted update as a page shows it. Light to import: no torch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mlleak_core.contract import Estimate
from mlleak_core.figures.scenes import Frame, Reel
from mlleak_core.language import again, mark, plural, say
from mlleak_core.seeds import stream
from mlleak_core.threat import Conclusion, Control, Drawing, Exhibit, Figure, Finding, Headline, plain
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.inversion.judge import InversionVerdict, Read, share_right
from mlleak_core.threats.likeness import Likeness

NOTE = mark("pixel error {error:.1f} of 255 · SSIM {ssim:.2f} · owners found {found} of {count}")
COUNTED_ONE = mark("photo of one update")
COUNTED = mark("photos of one update")
AMONG_ONE = mark("photo of one update, among {candidates:,} candidates")
AMONG = mark("photos of one update, among {candidates:,} candidates")
STAKE_ONE = mark("n = {n} photo of one update, as many of another's beside")
STAKE = mark("n = {n} photos of one update, as many of another's beside")
BET = mark("You named {named}; {right} of the {count} who sent the update are among them.")
EXACTLY_ONE = mark(
    "One photo, first layer fully connected: *division is enough*, the photo comes out exactly."
)
EXACTLY = mark("{n} photos, one averaged gradient: *all of them come out exactly*, without a search.")
THEIRS = mark("From one gradient: {found} of {count} photos are recognisably *theirs*.")
NOT_APART = mark("The gradient *cannot be taken apart*: not one of the photos comes out.")
NOT_THEIRS = mark("The gradient matches, the photos do not: *matching is not reconstruction*.")
HOW = {
    "analytic": mark("Phong et al. 2018: the gradient of a weight over that of its bias is the input."),
    "disaggregation": mark(
        "Each photo wakes a pattern of units of its own, and the patterns tell the parts of the sum apart. "
        "Noise ends it, and so do many more photos."
    ),
    "matching": mark(
        "The cosine distance between the gradients fell to {distance:.3f}; that is what the attacker sees. "
        "The pixel error is what the judge sees."
    ),
}
CONVOLVED = mark(
    "What enters the net’s hidden layer comes apart exactly, photo by photo, by the pattern of units that "
    "each wakes; what the same convolutions make of the attacker’s own photos turns it back into pictures. "
    "Noise ends it, and so do a few more photos."
)
YES, NO = mark("yes"), mark("no")
ALT = mark(
    "Above: the photos. Below: what was found, with its pixel error; a tick means that its owner was found."
)
ONLY_PIXELS = mark("A gradient that matches is not a photo that is found: only the pixel error counts.")
BACK_ONE = mark("One photo, one update of a shared model: the photo comes back")
BACK = mark("{n} photos, one averaged update of a shared model: all come back")
BACK_SOME = mark("{found} of {count} photos come back recognisably from one averaged update")
NONE_BACK = mark("From this update nothing comes back that is theirs")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The search at one moment. row: in the atlas; done: its share; errors: each photo's pixel error."""

    row: int
    done: float
    errors: tuple[float, ...]

    def frame(self) -> Frame:
        mean = sum(self.errors) / len(self.errors)
        return Frame(
            row=self.row,
            title=say("{share:.0%} of the search", share=self.done),
            note=say("pixel error {error:.1f} of 255", error=mean),
            errors=self.errors,
        )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A claim against photos. errors, found: for each photo, its pixel error and whether its owner was
    found.
    """

    row: int
    title: str
    mae: Estimate
    ssim: Estimate
    identified: Estimate
    candidates: int
    errors: tuple[float, ...]
    found: tuple[bool, ...]

    def frame(self) -> Frame:
        """As a reel draws it."""
        note = say(
            NOTE,
            error=self.mae.value,
            ssim=self.ssim.value,
            found=sum(self.found),
            count=len(self.found),
        )
        return Frame(row=self.row, title=say(self.title), note=note, errors=self.errors, found=self.found)

    def line(self) -> dict[str, Any]:
        """A row of the table."""
        single = self.mae.n == 1
        return {
            mark("reading"): say(self.title),
            mark("pixel error"): round(self.mae.value, 2),
            "95%": "" if single else f"[{self.mae.low:.2f}, {self.mae.high:.2f}]",
            "SSIM": round(self.ssim.value, 3),
            mark("owners found"): say("{n} of {all}", n=sum(self.found), all=len(self.found)),
            "95% ": f"[{self.identified.low:.1%}, {self.identified.high:.1%}]",
        }


def reading(title: str, likeness: Likeness, row: int) -> Reading:
    """A judge's comparison, as plain numbers. title: a message."""
    return Reading(
        row=row,
        title=title,
        mae=likeness.mae,
        ssim=likeness.ssim,
        identified=likeness.identified,
        candidates=likeness.candidates,
        errors=plain(likeness.errors.round(3)),
        found=plain(likeness.found),
    )


@dataclass(frozen=True, kw_only=True)
class About:
    """mean: the average public face, claimed for all. null: the claim held against another participant's
    photos. max_error: of the worst pixel. distance: between the gradients, which is what the attacker sees.
    read: what each photo was said to show.
    """

    made: str
    settings: InversionSettings
    names: tuple[str, ...]
    moments: tuple[Moment, ...]
    claimed: Reading
    mean: Reading
    null: Reading
    max_error: float
    distance: float
    verdict: InversionVerdict
    note: str
    seconds: float
    read: tuple[Read, ...] = ()


@dataclass(frozen=True)
class Suspect:
    """A photo of the line-up: its place in the atlas, and whether it was in the batch."""

    at: int
    sent: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class InversionExhibit(Exhibit):
    """atlas: all pictures, a row a reading; row 0 is the truth."""

    about: About
    About: ClassVar[type] = About

    def reel(self, show: int = 0) -> Reel:
        """The search from its beginning to the claim, and the average face in the same place."""
        about = self.about
        steps = [moment.frame() for moment in about.moments]
        return Reel(
            name=f"inverted-{self.job}",
            atlas=self.atlas,
            rows=len(steps) + 4,
            names=about.names,
            frames=(about.claimed.frame(),) if show else (*steps, about.claimed.frame()),
            others=() if show else (about.mean.frame(),),
            first=say("what was found"),
            clock=say("share of the search"),
            show=show,
        )

    def line_up(self) -> tuple[Suspect, ...]:
        """The batch's photos among as many of another participant, in random order."""
        count, about = len(self.about.names), self.about
        batch = [Suspect(i, True) for i in range(count)]
        others = [Suspect(about.null.row * count + i, False) for i in range(count)]
        everybody = [*batch, *others]
        return tuple(everybody[i] for i in stream(about.settings.seed, "line-up").permutation(2 * count))

    def found_at(self) -> tuple[int, ...]:
        """Where in the atlas the pictures lie that were found."""
        count = len(self.about.names)
        return tuple(self.about.claimed.row * count + i for i in range(count))

    def bet(self, chosen: Sequence[int]) -> str:
        """What a visitor hears who said that these of the line-up sent the update."""
        line_up = self.line_up()
        right = sum(line_up[i].sent for i in chosen)
        return say(BET, named=len(chosen), right=right, count=len(self.about.names))

    def stake(self) -> tuple[str, ...]:
        """What may be known before the bet."""
        photos = plural(STAKE_ONE, STAKE, len(self.about.names))
        return photos, say("seed {seed}", seed=self.about.settings.seed), self.source

    def findings(self) -> tuple[Finding, ...]:
        """The pixel error, then the owners found, then what the photos show."""
        about, count = self.about, len(self.about.names)
        error = self._finding(
            key="mae",
            what=say("pixel error"),
            estimate=_bounded(about.claimed.mae),
            chance=about.mean.mae.value,
            controls=(
                Control(say("average face"), _bounded(about.mean.mae)),
                Control(say("against another's photos"), _bounded(about.null.mae)),
            ),
            counted=plural(COUNTED_ONE, COUNTED, count),
            form=".1f",
            unit=say(" of 255"),
        )
        owners = self._finding(
            key="identified",
            what=say("owners found"),
            estimate=about.claimed.identified,
            chance=1 / about.claimed.candidates,
            controls=(
                Control(say("average face"), about.mean.identified),
                Control(say("another's photos"), about.null.identified),
            ),
            counted=plural(AMONG_ONE, AMONG, count, candidates=about.claimed.candidates),
            form=".0%",
        )
        return (error, owners, *self._labels_right())

    def _labels_right(self) -> tuple[Finding, ...]:
        read, count = self.about.read, len(self.about.names)
        if not read:
            return ()
        usual = Control(say("the commonest, said of all"), _bounded(share_right(read, usual=True)))
        right = self._finding(
            key="labels_right",
            what=say("labels read right, photo by photo"),
            estimate=_bounded(share_right(read)),
            chance=usual.estimate.value,
            controls=(usual,),
            counted=plural(COUNTED_ONE, COUNTED, count),
            form=".0%",
        )
        return (dataclasses.replace(right, verdict=None, null="", notes=()),)

    def _finding(self, **parts: Any) -> Finding:
        about = self.about
        return Finding(
            **parts,
            seed=about.settings.seed,
            seconds=about.seconds,
            source=self.source,
            verdict=about.verdict,
            null="inversion-verdict",
            notes=(f"SSIM {about.claimed.ssim.value:.2f}",),
        )

    def conclusion(self) -> Conclusion:
        """What the receiver of the update has in hand."""
        about = self.about
        count, apart = len(about.names), about.settings.attack == "disaggregation"
        sentences = {
            InversionVerdict.EXACT: plural(EXACTLY_ONE, EXACTLY, count),
            InversionVerdict.THEIRS: say(THEIRS, found=sum(about.claimed.found), count=count),
            InversionVerdict.MATCHED: say(NOT_APART if apart else NOT_THEIRS),
        }
        how = CONVOLVED if apart and about.settings.net != "mlp" else HOW[about.settings.attack]
        small = say(how, distance=about.distance)
        return Conclusion(about.verdict, sentences[about.verdict], f"{small} {again(about.note)}".strip())

    def conclusions(self) -> tuple[Conclusion, ...]:
        return (self.conclusion(),)

    def drawings(self) -> tuple[Drawing, ...]:
        """The search from its beginning to the claim."""
        picture = Drawing(
            title=say("What one update gave away"),
            picture=self.reel(),
            alt=say(ALT),
            rows=self.table(),
            findings=self.findings()[:1],
            note=say(ONLY_PIXELS),
        )
        if not self.about.read:
            return (picture,)
        labels = Drawing(
            title=say("What each photo shows"), picture=None, rows=self.shown(), findings=self._labels_right()
        )
        return picture, labels

    def table(self) -> list[dict[str, Any]]:
        """Every reading with its numbers."""
        return [reading.line() for reading in (self.about.claimed, self.about.mean, self.about.null)]

    def shown(self) -> list[dict[str, Any]]:
        """What each photo was said to show, and where that is wrong."""
        return [
            {mark("photo"): name, **{say(label.name): _said(label, i) for label in self.about.read}}
            for i, name in enumerate(self.about.names)
        ]

    def headlines(self) -> tuple[Headline, ...]:
        error, words = self.about.claimed.mae.value, say("of 255: how far what came back is off")
        count = len(self.about.names)
        title = {
            InversionVerdict.EXACT: plural(BACK_ONE, BACK, count),
            InversionVerdict.THEIRS: say(BACK_SOME, found=sum(self.about.claimed.found), count=count),
            InversionVerdict.MATCHED: say(NONE_BACK),
        }[self.about.verdict]
        return (
            Headline(
                title=say("**{title}**", title=title),
                findings=self.findings()[:1],
                figures=(Figure(f"{error:.1f}", words, hot=True),),
                picture=self.reel(show=len(self.about.names)),
            ),
        )


def _said(label: Read, photo: int) -> str:
    read, true = label.read[photo], label.true[photo]
    words = say(YES if read else NO)
    if true is None:
        return say("{said} (unknown)", said=words)
    return words if read == true else say("{said} ✗ wrong", said=words)


def _bounded(estimate: Estimate) -> Estimate:
    """A single value has no interval."""
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        return estimate
    return Estimate(estimate.value, math.nan, math.nan, estimate.n)
