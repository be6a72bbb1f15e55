"""Inversion: one participant's update in collaborative training, turned back into photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from mlleak_core.figures.sheets import SIDE, poster
from mlleak_core.language import mark, plural, say
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threats.inversion.card import PRIORS, THREAT, InversionSettings
from mlleak_core.threats.inversion.exhibit import ONLY_PIXELS
from pages._kit import bet, frame, play, table, take_away
from pages._kit.canvas.face_reel import face_reel
from pages._kit.canvas.record_grid import Item, record_grid
from pages._kit.dials import Dials
from pages._kit.evidence import conclude, error_rates, evidence, line, sealed
from pages._kit.glossary import explained

if TYPE_CHECKING:
    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.inversion.exhibit import InversionExhibit

LEAD = mark(
    '<h1>Turn one update <span class="hot">back into photos</span></h1><p class="lead">In collaborative '
    "training a participant keeps the photos and sends only the gradient. Whoever receives it can search for "
    "photos that would give the same one. No malice in the training is needed.</p>"
)
SOURCES = ("synthetic", "lfw", "upload", "folder", "utkface")
NETS = ("mlp", "strided-3", "conv-3")
WAYS = {
    "analytic": mark("division"),
    "disaggregation": mark("taken apart"),
    "matching": mark("search"),
}
NOISES = (0.0, 0.001, 0.01, 0.1, 1.0)
COMING = (
    mark("The search from its beginning, each photo beside what was found."),
    mark("How far off it is, beside the average face and another participant's photos."),
)
HINT = mark("This batch has not been inverted yet: a second on the net mlp, else half a minute and more.")
GUESS_ONE = mark("**Guess first.** This was read out of one gradient of {n} photo:")
GUESS = mark("**Guess first.** This was read out of one gradient of {n} photos:")
WHO = mark("**Who sent it?** {count} of these {all} did. Click, then lock.")


def controls(run: TrainSettings) -> InversionSettings | None:
    """Whose update, and how it is searched. None where the controls contradict each other."""
    dials = Dials(InversionSettings, "g", THREAT.shipped[0])
    dials.data(SOURCES)
    b, c, a, d, e = st.columns(5, vertical_alignment="bottom")
    net = dials.pick(b, "net", say("Net of the first round"), options=NETS)
    batch = dials.pick(c, "batch", say("Photos in the batch"), options=[1, 2, 4, 8, 12, 16])
    if net == "mlp":
        ways = ["analytic" if batch == 1 else "disaggregation"]
    else:
        ways = ["disaggregation", "matching"]
    titles = {way: say(WAYS[way]) for way in ways}
    key = "way" if len(ways) > 1 else f"only-{ways[0]}"
    dials.pick(a, "attack", say("How"), options=ways, titles=titles, key=key, disabled=len(ways) == 1)
    priors = {prior: say(prior) for prior in PRIORS}
    dials.pick(d, "prior", say("The attacker knows"), options=PRIORS, titles=priors)
    dials.pick(e, "noise", say("Noise"), options=NOISES)
    return dials.settings(seed=run.seed)  # type: ignore[no-any-return]


def live(snapshot: Snapshot) -> None:
    """What the search has found so far, below the photos it is after."""
    peek = snapshot.step.peek if snapshot.step else None
    if not peek:
        st.caption(say("The gradient is taken first; then the photos come up here."))
        return
    seen = peek["glimpse"]
    sheet = poster(seen.truth, seen.pictures, 4, min(8, len(seen.truth)), quick=True)
    st.image(sheet, caption=say("Above: the photos. Below: what the search has found so far."))


def guess(exhibit: InversionExhibit, slot: str) -> bool:
    """The visitor names who sent the update, from what was found alone. True once locked."""
    locked, count = bet.locked(slot), len(exhibit.about.names)
    with st.container(border=True):
        st.markdown(plural(GUESS_ONE, GUESS, count))
        found = [Item(at) for at in exhibit.found_at()]
        record_grid(f"found-{slot}", found, exhibit.atlas, SIDE, count, [], many=False, locked=True)
        st.markdown(say(WHO, count=count, all=2 * count))
        line_up = [Item(suspect.at) for suspect in exhibit.line_up()]
        done, picked = locked is not None, list(locked or [])
        looks = {"many": True, "locked": done}
        chosen = record_grid(f"who-{slot}", line_up, exhibit.atlas, SIDE, count, picked, **looks)
        if locked is None:
            bet.buttons(slot, chosen, disabled=not chosen)
        else:
            bet.closed(slot, exhibit.bet(picked) if picked else "")
    return locked is not None


def show(exhibit: InversionExhibit) -> None:
    """The bet, then the search from its beginning, the verdict and the evidence."""
    if not guess(exhibit, f"g-bet-{exhibit.job}"):
        sealed(*map(say, COMING))
        line(*exhibit.stake())
        return
    face_reel(exhibit.reel(), f"reel-{exhibit.job}")
    conclude(exhibit.conclusion())
    for finding in exhibit.findings():
        evidence(finding)
    if exhibit.about.read:
        table.show(say("What each photo shows"), exhibit.shown(), f"labels-{exhibit.job}.csv")
    words, file = say("Every reading as a table"), f"inversion-{exhibit.job}.csv"
    table.show(words, exhibit.table(), file, note=say(ONLY_PIXELS))
    take_away.offer(THREAT, exhibit)


run = frame.open_page(THREAT.card.title, SOURCES)
st.html(explained(say(LEAD)))
settings = controls(run)
if settings is not None:
    room = play.Room(THREAT, "g", say("Invert it live"), live, show, say(HINT))
    snapshot = room.ask(settings)
    if snapshot is None and settings == THREAT.shipped[0]:
        first, *others, convolved = frame.shipped(THREAT.card.slug)
        frame.run_card(settings.data, settings.seed, THREAT.card.title, first.source)
        st.header(say("{n} photos in one averaged gradient", n=len(first.about.names)))
        show(first)  # type: ignore[arg-type]
        st.header(say("The same through a convolutional net"))
        show(convolved)  # type: ignore[arg-type]
        for column, known in zip(st.columns([0.4, 0.6], gap="large"), others, strict=True):
            with column:
                st.header(plural("One photo", "{n}, by search", len(known.about.names)))
                show(known)  # type: ignore[arg-type]
    else:
        room.outcome(settings, snapshot)
error_rates(THREAT)
st.caption(f"{say(frame.LABELS_NOTE)} {say(frame.NAMES_NOTE)}")
