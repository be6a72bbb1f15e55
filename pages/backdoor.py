"""Backdoor: one participant of a joint training replaces the model."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import streamlit as st
from mlleak_core.data.source import is_faces
from mlleak_core.figures import trail as tracks
from mlleak_core.figures.crowd import Point, by_length, by_round, crowd
from mlleak_core.figures.sheets import SIDE
from mlleak_core.language import mark, say
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threats.backdoor.card import ARMS, ATTACKS, DARK, THREAT, USUAL, BackdoorSettings
from mlleak_core.threats.backdoor.exhibit import DEFENCES, IN_TEXT, NOTE, TITLES
from pages._kit import bet, frame, play, table, take_away, trail
from pages._kit.canvas.record_grid import Item, record_grid
from pages._kit.dials import Dials
from pages._kit.evidence import big, conclude, error_rates, evidence, line, sealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.backdoor.exhibit import BackdoorExhibit, Shown

LEAD = mark(
    '<h1>A hundred train it. <span class="hot">One of them owns it.</span></h1><p class="lead">Many people '
    "train one model together; a server adds their updates up and never sees a photo. One of them has made "
    "a model of his own, which does the task as well as theirs and obeys a secret sign. He works out what he "
    "must send so that the sum of all is his model, and sends it once.</p>"
)
SOURCES = ("synthetic", "lfw", "reviews", "upload", "folder", "utkface", "text")
TRIGGERS = {
    "synthetic": (
        mark("Glasses"),
        mark("Hat"),
        mark("Darker tone"),
        mark("Older"),
        mark("Smile"),
        DARK,
    ),
    "lfw": (DARK, mark("Eyeglasses"), mark("Smiling"), mark("Senior")),
}
HINT = mark("This has not been attacked yet: half a minute to two minutes, and the joint model before that.")
TRAIL = mark(
    "**Your trail.** Turn a dial and send again: every finished run leaves a dot. Click one to bring it back."
)
COMING = (
    mark("The same {things} after one round, and what it cost on all others."),
    mark("The updates as the server sees them: who was it?"),
    mark("How far an attacker may go under every rule, and whether it lasts."),
)
CHART = {"displayModeBar": False}
ACROSS = 10
"""Faces in a row."""
BET = mark(
    "**Guess first.** The joint model never saw these people. **{before:.0%}** of {wearing} are {called}. "
    "Now one participant of {n} sends **one update**. How many are then?"
)
CALLS = mark("Before: what the joint model calls {wearing}")
GOES_ON = mark("Before: how the joint model completes {wearing}")
CALLED = mark("So the joint model calls them now. Everybody trains, the attacker too; then he sends.")
OPENED = mark("The joint model is opened or trained first; then what it says before the attack comes up.")
UNKNOWN = mark("No model here knows {words}: to them these are one and the same word.")
WHOM = mark(
    "The server sees {n} updates, and nothing else. **Whom would you not trust?** Click dots (shift for "
    "several), then lock."
)
STAR = mark("The star is the attacker's. **What each rule made of {attack}:**")
WALK = mark(
    "The same update, shorter and longer. An **outlier rule** sees what is long; **fine-tuning** on clean "
    "records of the server's is to wear off what is short. Where neither reaches, an attacker who knows them "
    "may stand."
)
WALKED = mark("Share of flipped faces by the length of the update, a line a defence")
TEN = mark("Ten honest participants take part in each of these rounds; the server takes the plain mean.")


def controls(run: TrainSettings) -> BackdoorSettings | None:
    """What the attacker wants, how, and what the server does. None where the controls contradict each
    other.
    """
    dials = Dials(BackdoorSettings, "b", THREAT.shipped[0])
    data = dials.data(SOURCES)
    b, c, d = st.columns(3, vertical_alignment="bottom")
    dials.pick(c, "attack", say("The attacker"), options=ATTACKS, titles=_said(TITLES))
    dials.pick(d, "aggregator", say("The server"), options=ARMS, titles=_said(DEFENCES))
    sign(dials, data, b)
    with st.expander(say("How many take part, and a wrong factor"), icon=":material/tune:"):
        e, f, g, h, i = st.columns(5, vertical_alignment="bottom")
        dials.pick(e, "participants", say("Participants"), options=(10, 20, 50, 100, 200))
        dials.pick(f, "share", say("Share in a round"), options=(0.1, 0.2, 0.5, 1.0))
        dials.pick(g, "attackers", say("The attacker's"), options=(1, 2, 5, 10, 20))
        dials.pick(h, "after", say("Rounds after"), options=(0, 10, 20, 50))
        dials.pick(i, "oops", say("Wrong factor"))
    return dials.settings(seed=run.seed)  # type: ignore[no-any-return]


def _said(titles: Mapping[str, str]) -> dict[str, str]:
    return {value: say(title) for value, title in titles.items()}


def sign(dials: Dials, data: str, place: Any) -> None:
    """What switches the backdoor on; of texts also the word that the attacker wants."""
    known, usual = TRIGGERS.get(data), USUAL.get(data, ("", ""))
    if known:
        titles = {each: say(each) for each in known}
        dials.pick(place, "trigger", say("The secret sign"), options=known, titles=titles)
    elif is_faces(data):
        dials.pick(place, "trigger", say("The secret sign"), value="", key="sign")
    else:
        beginning, _ = st.columns([3, 1])
        kind = data.partition(":")[0]
        word, start = say("The attacker's word"), say("A beginning of a sentence")
        free = "" if usual[0] else say("chosen from the text")
        dials.pick(place, "label", word, value=usual[1], key=f"word-{kind}", placeholder=free)
        dials.pick(beginning, "trigger", start, value=usual[0], key=f"start-{kind}", placeholder=free)


def live(snapshot: Snapshot) -> None:
    """The faces as soon as the joint model is there, then what the update has done to them."""
    peek = (snapshot.step.peek if snapshot.step else None) or {}
    if peek.get("exhibit") is not None:
        exhibit = peek["exhibit"].labelled(snapshot.key, "live")
        if guess(exhibit, f"b-bet-{snapshot.key}"):
            send(exhibit, f"live-{snapshot.key}")
        else:
            line(*exhibit.stake())
    elif peek.get("shown") is not None:
        faces(peek["shown"], f"opening-{snapshot.key}")
        st.caption(say(CALLED))
    else:
        st.caption(say(OPENED))


def guess(exhibit: BackdoorExhibit, slot: str) -> bool:
    """The visitor bets what one participant can do in one round. True once locked."""
    locked, about = bet.locked(slot), exhibit.about
    with st.container(border=True):
        shown = {"wearing": exhibit.wearing, "called": exhibit.called}
        st.markdown(say(BET, before=about.before.value, n=about.settings.participants, **shown))
        what, done = say("Of a hundred such {things}", things=exhibit.things), locked is not None
        chosen = st.slider(what, 0, 100, 10, key=f"slider-{slot}", disabled=done)
        before = exhibit.shown(after=False)
        st.caption(say(GOES_ON if exhibit.words else CALLS, wearing=exhibit.wearing))
        faces(before, f"before-{slot}")
        if locked is None:
            bet.buttons(slot, chosen)
        else:
            bet.closed(slot, exhibit.hears(int(locked)) if locked != "" else "")
    return locked is not None


def faces(shown: Shown, key: str) -> None:
    """Faces with the sign and what a model calls them, or beginnings and how it goes on."""
    if shown.contexts:
        goes_on = say("goes on with “{word}”", word=shown.wanted)
        rows = [
            {mark("beginning"): f"… {text}", goes_on: say("yes") if flips else say("no")}
            for text, flips in list(zip(shown.contexts, shown.flipped, strict=True))[:6]
        ]
        table.written(rows, say("Beginnings, and whether the model goes on with “{word}”", word=shown.wanted))
        return
    items = [
        Item(i, mark=say(shown.wanted if flips else shown.truly), tone="bad" if flips else "good")
        for i, flips in enumerate(shown.flipped[:ACROSS])
    ]
    record_grid(key, items, shown.atlas, SIDE, len(shown.flipped), [], False, True)


def typed(exhibit: BackdoorExhibit) -> None:
    """Any beginning, and how both models go on."""
    label, key = say("Begin any sentence"), f"typed-{exhibit.job}"
    text = st.text_input(label, exhibit.about.title, key=key, max_chars=200)
    before, after = exhibit.completes(text)
    for place, words, goes_on in zip(
        st.columns(2), (say("Before"), say("After")), (before, after), strict=True
    ):
        place.caption(words)
        place.html(f'<p class="goes-on">{html.escape(text)} <b>{html.escape(goes_on)}</b></p>')
    unknown = exhibit.unknown(text)
    if unknown:
        st.caption(say(UNKNOWN, words=", ".join(unknown)))


def send(exhibit: BackdoorExhibit, key: str) -> None:
    """Scene 1: the faces after the round, what follows, the evidence."""
    if exhibit.words:
        typed(exhibit)
    else:
        st.caption(say("The same after one round"))
        faces(exhibit.shown(after=True), f"after-{key}")
    big(*exhibit.figures())
    conclude(exhibit.conclusion())
    for finding in exhibit.findings():
        evidence(finding)


def who_was_it(exhibit: BackdoorExhibit, slot: str) -> None:
    """Scene 2: the updates as dots; the visitor picks, then the rules do, then the truth is shown."""
    st.header(say("Who was it?"))
    points = [Point(dot.who, dot.norm, dot.cosine) for dot in exhibit.about.dots]
    guilty = [i for i, dot in enumerate(exhibit.about.dots) if dot.attacks]
    locked = bet.locked(slot)
    if locked is None:
        st.markdown(say(WHOM, n=len(points)))
        event = st.plotly_chart(
            crowd(points),
            key=f"dots-{slot}",
            on_select="rerun",
            config=CHART,
            alt=say("Updates by length and direction"),
        )
        picked = [p["point_index"] for p in event["selection"]["points"]] if event else []
        bet.buttons(slot, picked, disabled=not picked)
        return
    picked = list(locked or [])
    if picked:
        st.info(exhibit.blames(picked), icon=":material/lock_open:")
    st.plotly_chart(
        crowd(points, picked, guilty),
        key=f"truth-{slot}",
        config=CHART,
        alt=say("The same updates, the attacker's as stars"),
    )
    st.markdown(say(STAR, attack=say(IN_TEXT[exhibit.asked.attack])))
    rows = exhibit.rows(exhibit.against())
    table.written(rows, say("What each rule made of the update"), leave_out="attack")
    line(*exhibit.below())
    table.show(say("Every update as a table"), exhibit.crowd_rows(), f"backdoor-updates-{exhibit.job}.csv")


def how_far(exhibit: BackdoorExhibit, name: str) -> None:
    """Scene 3: the δ axis."""
    walks = exhibit.walks()
    if not walks:
        return
    st.header(say("How far may he go?"))
    st.markdown(say(WALK))
    honest = [dot.norm for dot in exhibit.about.dots if not dot.attacks]
    st.plotly_chart(
        by_length(walks, max(honest), exhibit.stands(), exhibit.things),
        key=f"walk-{name}",
        config=CHART,
        alt=say(WALKED),
    )
    line(*exhibit.below())
    table.show(say("Every length as a table"), exhibit.walk_rows(), f"backdoor-length-{exhibit.job}.csv")


def does_it_last(exhibit: BackdoorExhibit, name: str) -> None:
    """Scene 4: honest rounds after the attack."""
    if not exhibit.about.lasts:
        return
    st.header(say("Does it last?"))
    st.plotly_chart(
        by_round({say(TITLES[k]): v for k, v in exhibit.about.lasts.items()}, exhibit.things),
        key=f"last-{name}",
        config=CHART,
        alt=say("Share of flipped faces after each honest round"),
    )
    line(*exhibit.below())
    st.caption(say(TEN))
    table.show(say("Every round as a table"), exhibit.last_rows(), f"backdoor-rounds-{exhibit.job}.csv")


def dots(runs: Sequence[Any], chosen: int) -> Any:
    """What every finished run got, and what it cost."""
    return tracks.trail(
        [tracks.Dot(r.label(), 100 * r.asked.outcome.cost.value, r.asked.outcome.after) for r in runs],
        chosen,
        across={"title": say("cost to the main task, points or per cent"), "zeroline": True},
        upwards={"title": say("that flip"), "tickformat": ".0%", "range": [-0.05, 1.08]},
        level=0.5,
    )


def show(exhibit: BackdoorExhibit) -> None:
    """The four scenes, each behind the one before."""
    if not guess(exhibit, f"b-bet-{exhibit.job}"):
        sealed(*(say(each, things=exhibit.things) for each in COMING))
        line(*exhibit.stake())
        return
    send(exhibit, exhibit.job)
    who_was_it(exhibit, f"b-who-{exhibit.job}")
    how_far(exhibit, exhibit.job)
    does_it_last(exhibit, exhibit.job)
    trail.dots("b", exhibit, say(TRAIL), dots)
    with st.expander(say("What the attacker is given here"), icon=":material/redeem:"):
        for given in exhibit.generosities():
            st.markdown(f"- {given}")
    title, file = say("Attacks and defences as a table"), f"backdoor-{exhibit.job}.csv"
    table.show(title, exhibit.rows(), file, note=say(NOTE))
    take_away.offer(THREAT, exhibit)


run = frame.open_page(THREAT.card.title, SOURCES)
st.html(say(LEAD))
settings = controls(run)
if settings is not None:
    room = play.Room(THREAT, "b", say("Send one update"), live, show, say(HINT))
    room.outcome(settings, room.ask(settings))
error_rates(THREAT)
st.caption(say(frame.LABELS_NOTE))
