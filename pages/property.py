"""Property: what one participant of a joint training learns about the others' photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from mlleak_core import sweeps
from mlleak_core.figures.sheets import SIDE
from mlleak_core.figures.turned import Panel, turned
from mlleak_core.language import mark, say
from mlleak_core.sweeps import Place, Sweeps, Swept
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threats.property.card import ATTACKS, COIN, SPECIALTY, THREAT, PropertySettings
from mlleak_core.threats.property.exhibit import NOTE, so_far
from pages._kit import bet, frame, play, table, take_away
from pages._kit.canvas.record_grid import Item, record_grid
from pages._kit.canvas.round_tape import round_tape
from pages._kit.dials import Dials
from pages._kit.evidence import conclude, error_rates, evidence, line, sealed

if TYPE_CHECKING:
    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.property.exhibit import PropertyExhibit

LEAD = mark(
    '<h1>One of them watches. <span class="hot">Whose are these?</span></h1><p class="lead">Several '
    "people train one model together. Nobody shows a photo or a text to anybody: each sends only what its "
    "own records change in the model. One of them compares these changes with changes that records of his "
    "own would make, and reads out of them what the others' show, and who wrote them.</p>"
)
SOURCES = ("synthetic", "lfw", "reviews", "upload", "folder", "utkface")
PAINTED = (mark("Hat"), mark("Darker tone"), mark("Older"), mark("Glasses"), mark("Smile"))
LFW = (mark("Black"), mark("Asian"), mark("Eyeglasses"), mark("Smiling"))
PROPERTIES = {
    "synthetic": (*PAINTED, COIN),
    "reviews": (
        *(f"author:{name}" for name in ("Hugo", "Iris", "Pavel")),
        *(f"{SPECIALTY}:{name}" for name in (mark("dentist"), mark("psychiatrist"), mark("urologist"))),
        COIN,
    ),
    "lfw": (*LFW, "person:George_W_Bush", "person:Colin_Powell", COIN),
}
COMING = (
    mark("The rounds in which such records really were in the batch, above the attacker's guess."),
    mark("How well he told them apart, and the same training without them: there he should find nothing."),
    mark("Guessing gets AUC .50: the dotted line at half height."),
)
CHART = {"displayModeBar": False}
HINT = mark("This has not been watched yet: one to three minutes, the first rounds within seconds.")
DIALS = {
    "participants": mark("Participants"),
    "batch_share": mark("Share of the batch"),
    "noise": mark("Noise on the updates"),
    "kept": mark("Largest values sent"),
}
TURNED = mark(
    "Hats on synthetic faces, and **one dial turned at a time**: more who train together, fewer such photos "
    "in a batch, noise, or only the largest values sent. Upwards: how well the attacker tells rounds with "
    "hats from rounds without (AUC); at the dotted line he guesses."
)
TURNED_ALT = mark("AUC at every place of four dials, beside the same training without the property")
BET = mark(
    "**Be the attacker.** From some round on, the other's batches have {subject}, now and then. **In which "
    "round did that begin?** Click on the tape, then lock."
)


def controls(run: TrainSettings) -> PropertySettings | None:
    """What is looked for, how, and beside how many. None where the controls contradict each other."""
    dials = Dials(PropertySettings, "p", THREAT.shipped[0])
    data = dials.data(SOURCES)
    b, c = st.columns(2, vertical_alignment="bottom")
    known = PROPERTIES.get(data)
    if known:
        titles = {each: _named(each) for each in known}
        dials.pick(b, "property", say("What is looked for"), options=known, titles=titles)
    else:
        dials.pick(b, "property", say("What is looked for"))
    dials.pick(c, "attack", say("How"), options=ATTACKS, titles={each: say(each) for each in ATTACKS})
    with st.expander(say("Beside how many, and what might hide it"), icon=":material/tune:"):
        for place, (knob, values) in zip(st.columns(4), THREAT.swept, strict=True):
            dials.pick(place, knob, say(DIALS[knob]), options=values)
        d, e, f, _ = st.columns(4)
        dials.pick(d, "rounds", say("Rounds"), options=(100, 200, 400, 1000))
        dials.pick(e, "every", say("Rounds between two looks"), options=(1, 2, 4, 8))
        dials.pick(f, "alpha", say("Weight of his second task"), options=(0.1, 0.3, 0.5, 0.7, 0.9))
    return dials.settings(seed=run.seed)  # type: ignore[no-any-return]


def _named(value: str) -> str:
    if value == COIN:
        return say("a coin's fall: nothing")
    kind, _, name = value.rpartition(":")
    if kind == "author":
        return say("who wrote it: {name}", name=name)
    if kind == SPECIALTY:
        return say("which doctor: {name}", name=say(name))
    return say(name.replace("_", " "))


def live(snapshot: Snapshot) -> None:
    """The posterior as it grows."""
    peek = snapshot.step.peek if snapshot.step else None
    claim = peek.get("claim") if peek else None
    if claim is None or not len(claim.rounds):
        st.caption(say("What the attacker makes of the rounds comes up here; the truth after your bet."))
        return
    name = f"live-{snapshot.key}"
    round_tape(so_far(name, claim, int(snapshot.step.total) if snapshot.step else 1), name)


def guess(exhibit: PropertyExhibit, slot: str) -> int | None:
    """The visitor bets on the round in which the photos came in; the bet, -1 for none, None before. Then the
    truth takes the tape's place.
    """
    locked = bet.locked(slot)
    st.markdown(say(BET, subject=exhibit.subject))
    if locked is None:
        chosen = round_tape(exhibit.tape(revealed=False), f"bet-tape-{exhibit.job}", betting=True)
        bet.buttons(slot, chosen, disabled=chosen is None)
        return None
    chosen = -1 if locked == "" else int(locked)
    round_tape(exhibit.tape(revealed=True, bet=chosen), f"tape-{exhibit.job}", playing=True)
    bet.closed(slot, "" if locked == "" else exhibit.hears(chosen))
    return chosen


def hides(settings: PropertySettings) -> None:
    """What hides it, and what does not: the shipped run, one dial turned at a time."""
    found = sweeps.shipped(THREAT)
    if found is None:
        return
    st.header(say("What hides it?"))
    st.markdown(say(TURNED))
    panels = [_panel(dial, settings) for dial in found.dials]
    figure = turned(panels, say("with hats in the batch"), say("without any"), 0.5)
    st.plotly_chart(figure, key="p-swept", config=CHART, alt=say(TURNED_ALT))
    first = found.dials[0].places[0].found
    line(say("n = {n:,} {counted}", n=first.n, counted=say("rounds from its first on")), *_whence(found))
    rows = [_row(dial.knob, place) for dial in found.dials for place in dial.places]
    table.show(say("Every dial as a table"), rows, "property-dials.csv")


def _panel(dial: Swept, settings: PropertySettings) -> Panel:
    values = [place.value for place in dial.places]
    now = getattr(settings, dial.knob)
    return Panel(
        title=say(DIALS[dial.knob]),
        places=tuple(f"{value:g}" for value in values),
        found=tuple(place.found for place in dial.places),
        control=tuple(place.control for place in dial.places),
        chosen=values.index(now) if now in values else None,
    )


def _whence(found: Sweeps) -> tuple[str, ...]:
    seconds = [place.seconds for dial in found.dials for place in dial.places]
    return (
        say("each with its 95% interval"),
        say("seed {seed}", seed=found.seed),
        say("{low:.0f} to {high:.0f} s each", low=min(seconds), high=max(seconds)),
        f"shipped {found.made}",
    )


def _row(knob: str, place: Place) -> dict[str, Any]:
    return {
        say("dial"): say(DIALS[knob]),
        say("place"): place.value,
        say("AUC"): f"{place.found.value:.2f} [{place.found.low:.2f}, {place.found.high:.2f}]",
        say("without any"): f"{place.control.value:.2f} [{place.control.low:.2f}, {place.control.high:.2f}]",
        say("rounds"): place.found.n,
    }


def show(exhibit: PropertyExhibit) -> None:
    """The bet, then the tape with the truth, what follows, and the evidence."""
    if guess(exhibit, f"p-bet-{exhibit.job}") is None:
        sealed(*(say(each) for each in COMING))
        line(*exhibit.stake())
        photos(exhibit)
        return
    conclude(exhibit.conclusion())
    if exhibit.told():
        st.markdown(exhibit.told())
    for finding in exhibit.findings():
        evidence(finding)
    photos(exhibit)
    with st.expander(say("What the attacker is given here"), icon=":material/redeem:"):
        for given in exhibit.generosities():
            st.markdown(f"- {given}")
    title, file = say("Every round as a table"), f"property-{exhibit.job}.csv"
    table.show(title, exhibit.rows(), file, note=say(NOTE))
    take_away.offer(THREAT, exhibit)


def photos(exhibit: PropertyExhibit) -> None:
    """Photos or texts of the one who is watched: with the property, and without."""
    kinds = (say("With it: {subject}", subject=exhibit.subject), say("Without it"))
    if exhibit.about.words is not None:
        with st.expander(say("Reviews that the attacker never sees"), icon=":material/visibility_off:"):
            for place, words, texts in zip(st.columns(2), kinds, exhibit.about.texts, strict=True):
                place.caption(words)
                for text in texts[:4]:
                    place.text(text)
            if exhibit.about.settings.data == "reviews":
                st.caption(say("Made up by this program: nobody wrote these, about nobody."))
        return
    with st.expander(say("Photos that the attacker never sees"), icon=":material/visibility_off:"):
        across = exhibit.across
        for row, words in enumerate(kinds):
            st.caption(words)
            items = [Item(row * across + i) for i in range(min(across, exhibit.about.photos[row]))]
            record_grid(f"photos-{row}-{exhibit.job}", items, exhibit.atlas, SIDE, across, [], False, True)


run = frame.open_page(THREAT.card.title, SOURCES)
st.html(say(LEAD))
settings = controls(run)
if settings is not None:
    room = play.Room(THREAT, "p", say("Watch it live"), live, show, say(HINT))
    room.outcome(settings, room.ask(settings))
    hides(settings)
label = say("Eight faces out of one update")
frame.way("pages/inversion.py", label, ":material/undo:", "inversion", main=False)
error_rates(THREAT)
st.caption(f"{say(frame.LABELS_NOTE)} {say(frame.NAMES_NOTE)}")
