"""Classroom: a room that students join by phone, their bets in real time, the class as an attacker."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import altair as alt
import segno
import streamlit as st
from mlleak_core.classroom import doors, own, results
from mlleak_core.classroom.questions import Item, slots, slots_of
from mlleak_core.classroom.rooms import LEAST, PHONES, SECONDS, Room, Rooms, Tally, home
from mlleak_core.contract import BadInput
from mlleak_core.figures.roc import loglog
from mlleak_core.handouts.lessons import lessons
from mlleak_core.handouts.sheets import bundle, handouts
from mlleak_core.language import kept, mark, say, speaking
from mlleak_core.server import wishes
from mlleak_core.threat import Asked, Figure, Question
from pages._kit import bet, frame, table
from pages._kit.charts import ROWS, packed
from pages._kit.evidence import big, line
from pages._kit.words import plain

ASKED = "class"
"""The query parameter that holds the room and the teacher's key."""
LEAD = mark(
    '<h1>A whole class <span class="hot">bets.</span></h1><p class="lead">Open a room; students join by '
    "phone, without an account or a name. You lead from question to question and see the bets come in. Then "
    "the answer: you, the class, the attack.</p>"
)
HOW = mark(
    "The page for phones is not running on port {port} of this server. `mlleak app` starts it together with "
    "the app; beside an app that runs already, start `mlleak classroom --port {port}`."
)
KEPT = mark(
    "No names, nothing about single students, no bets shown for fewer than {least} phones. A room holds "
    "{phones} phones and closes after {hours:.0f} hours, or when you close it; then everything in it is "
    "deleted."
)
YOURS = mark(
    "This page's address holds the key to the room: bookmark it to come back after a restart, and don't hand "
    "it to the class."
)
OWN = mark(
    "No bars were shown for fewer than {least} phones. Yet whoever looked on while **one more phone** "
    "locked has seen the bars before and after, and their difference is that phone's bet. Here every phone "
    "is the last one in turn, on the class's real bets; the page says how often that works, and shows "
    "nobody's bet."
)
PRINTED = mark(
    "HTML files that print on A4, in grey, too: open one, then print. A sheet for students and notes for the "
    "teacher of each lesson, with what comes out; the faces as cards for a bet without a screen."
)
LONELY = mark("Only this machine can join: the app listens on no address that phones reach.")
BARS = mark("Bets of the class by answer; the same numbers are in the table below")
CURVES = mark("ROC of the attacks; the class and you as points. The same numbers are in the list above")
EXACT, NOISY = (
    (mark("Exact"), mark("Bets of the class: Exact")),
    (mark("With noise"), mark("Bets of the class: With noise")),
)
"""The bars as they are and as they could have been shown: above them, and for those who do not see them."""
CHART: dict[str, Any] = {"displaylogo": False}


@st.cache_resource(show_spinner=False)
def rooms_at(path: Path) -> Rooms:
    """The rooms of this server, which the phones' page keeps in the same place."""
    return Rooms(path)


@st.cache_data(ttl=5, show_spinner=False)
def running(host: str, port: int) -> bool:
    """Whether phones can join."""
    return doors.answers("127.0.0.1" if host in {wishes.EVERY, "::"} else host, port)


def where() -> tuple[str, int]:
    """On which address and port phones join."""
    port = int(st.get_option("server.port") or 8501)
    host = os.environ.get("MLLEAK_CLASSROOM_HOST") or str(st.get_option("server.address") or wishes.EVERY)
    return host, wishes.classroom_port(port)


def link(host: str, port: int, code: str) -> str:
    """What a phone opens: the name that the teacher's browser uses for this server, if phones know it too."""
    fixed = os.environ.get("MLLEAK_CLASSROOM_URL", "").strip().rstrip("/")
    if fixed:
        return f"{fixed}/r/{code}"
    name = urlsplit(st.context.url or "").hostname or "localhost"
    if host not in {wishes.EVERY, "::"}:
        name = host
    elif name in {"localhost", "127.0.0.1", "::1"}:
        name = doors.address_of_this_machine()
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/r/{code}"


def held() -> tuple[str, str]:
    """The code and the key of the room that this browser leads; empty for none."""
    said = st.query_params.get(ASKED) or st.session_state.get(ASKED, "")
    code, _, key = str(said)[:80].partition(".")
    return code, key


def hold(code: str, key: str) -> None:
    """Keep the room in the address, so that it can be led on after a restart."""
    st.session_state[ASKED] = st.query_params[ASKED] = f"{code}.{key}"


def let_go() -> None:
    st.session_state.pop(ASKED, None)
    st.query_params.pop(ASKED, None)


def kept_words() -> str:
    return say(KEPT, least=LEAST, phones=PHONES, hours=SECONDS / 3600)


def welcome(rooms: Rooms) -> None:
    """Before there is a room."""
    go, _ = st.columns([1, 3])
    looks: Any = {"icon": ":material/meeting_room:", "type": "primary", "width": "stretch"}
    if go.button(say("Open a room"), key="class-open", **looks):
        try:
            hold(*rooms.open())
        except BadInput as problem:
            st.error(plain(str(problem)))
        else:
            st.rerun()
    st.caption(kept_words())


def door(room: Room, host: str, port: int) -> None:
    """How students come in."""
    address = link(host, port, room.code)
    shown = segno.make(address, error="m").svg_data_uri(border=3, dark="#1D2330", light="#FFFFFF")
    words = html.escape(say("QR code of {address}", address=address))
    st.html(
        f'<div class="door"><img src="{html.escape(shown)}" alt="{words}">'
        f"<div><small>{say('Room')}</small><b>{room.code[:3]} {room.code[3:]}</b>"
        f"<span>{html.escape(address.partition('/r/')[0])}</span></div></div>"
    )
    if "//127.0.0.1" in address or "//localhost" in address:
        st.warning(say(LONELY))


def ask(item: Item, at: int, steps: int) -> None:
    """The question, large enough for the wall."""
    question = item.question
    where: Any = {"at": at + 1, "steps": steps}
    ticket = item.ticket
    st.caption(
        say("Exit ticket · {at} of {steps}", **where)
        if ticket
        else say("Question · {at} of {steps}", **where)
    )
    st.header(question.title)
    st.markdown(plain(question.ask))
    if question.picture:
        st.image(question.picture, width="stretch")
    if question.pictures:
        shown = map(_face, question.options, question.pictures)
        st.html(f'<div class="faces-asked">{"".join(shown)}</div>')


def _face(name: str, picture: bytes) -> str:
    words = html.escape(say("Face {name}", name=name))
    data = base64.b64encode(picture).decode()
    image = f'<img src="data:image/webp;base64,{data}" alt="{words}">'
    return f"<figure>{image}<figcaption>{html.escape(name)}</figcaption></figure>"


def own_bet(question: Question, slot: str, over: bool) -> Sequence[int] | None:
    """The teacher's bet, once locked; never sent to anybody. over: the answer is known."""
    locked = bet.locked(slot)
    if locked is not None or over:
        return locked or None
    with st.expander(say("Bet yourself"), icon=":material/casino:"):
        chosen = _choice(question, slot)
        bet.buttons(slot, chosen, disabled=not 1 <= len(chosen) <= question.most)
    return None


def _choice(question: Question, slot: str) -> list[int]:
    looks: Any = {"key": f"pick-{slot}", "label_visibility": "collapsed"}
    if question.kind is Asked.NUMBER:
        middle = (question.low + question.high) // 2
        return [int(st.slider(question.unit, question.low, question.high, middle, **looks))]
    places = range(len(question.options))
    name = question.options.__getitem__
    if question.kind is Asked.MANY:
        found = st.pills(say("Your bet"), places, selection_mode="multi", format_func=name, **looks)
        return list(found)
    one = st.radio(say("Your bet"), places, index=None, format_func=name, **looks)
    return [] if one is None else [one]


@st.cache_data(max_entries=300, show_spinner=False)
def bars(
    names: Sequence[str], counts: Sequence[int], right: Sequence[int] | None, phones: str
) -> dict[str, Any]:
    """The class's bets, a bar an answer; right: places of the right ones, None before the reveal; phones:
    what the axis is called.
    """
    known = frozenset(right or ())
    rows = [
        {"answer": name, "phones": count, "at": at, "which": "right" if at in known else "bet"}
        for at, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
    axis = alt.Axis(tickMinStep=1, format="d", grid=False)
    upright = max(map(len, names)) <= 7
    answer: Any = {"sort": None, "title": None}
    one = alt.X("answer:N", axis=alt.Axis(labelAngle=0 if len(names) < 13 else -60), **answer)
    other = alt.Y("answer:N", axis=alt.Axis(labelLimit=190), **answer)
    long: Any = {"title": phones, "axis": axis, "scale": alt.Scale(domainMin=0)}
    places = (
        {"x": one, "y": alt.Y("phones:Q", **long)}
        if upright
        else {"y": other, "x": alt.X("phones:Q", **long)}
    )
    colour = alt.Color(
        "which:N", scale=alt.Scale(domain=["bet", "right"], range=["#0072B2", "#009E73"]), legend=None
    )
    chart = alt.Chart(ROWS, height=260 if upright else 44 * len(names) + 30).mark_bar(cornerRadiusEnd=4)
    return packed(chart.encode(color=colour, **places), rows)


def live(rooms: Rooms, room: Room, item: Item, at: int) -> None:
    """How many joined and locked, and the bars, once a second."""
    names = slots(item.question)
    right = slots_of(item.question, item.truth().right) if at in room.revealed else None

    @st.fragment(run_every=1.0)
    @kept
    def body() -> None:
        try:
            now, tally = rooms.room(room.code), rooms.tally(room.code, at)
        except BadInput:
            st.rerun()
        if now.version != room.version:
            st.rerun()
        big(Figure(f"{tally.locked}", say("of {joined} have locked", joined=tally.joined), hot=True))
        if tally.counts is None:
            st.caption(say("The bars come up once {least} phones have locked.", least=LEAST))
            return
        spec = bars(names, tally.counts, right, say("phones"))
        st.vega_lite_chart(spec=spec, key="class-bars", alt=say(BARS))

    body()


def revealed(item: Item, tally: Tally, mine: Sequence[int] | None) -> None:
    """The answer, and you, the class and the attack beside one another."""
    question, truth = item.question, item.truth()
    st.info(plain(truth.sentence), icon=":material/lock_open:")
    lines = [(say("Class"), results.of_class(question, truth, tally)), (say("Attack"), truth.attacker)]
    if mine is not None:
        lines.insert(0, (say("You"), results.of_one(question, truth, mine)))
    st.markdown("\n".join(f"- **{who}:** {plain(said)}" for who, said in lines if said))
    curves = item.rivals()
    crowd = results.point_of_class(question, truth, tally)
    if curves and (crowd or mine):
        you = None if mine is None else results.point_of_one(question, truth, mine)
        chart = loglog(curves, you, crowd)
        st.plotly_chart(chart, key=f"class-roc-{item.key}", config=CHART, alt=say(CURVES))
        n, source = tally.locked, _source(item)
        line(say("class: n = {n} phones", n=n), say("attacks: {source}", source=source))


def _source(item: Item) -> str:
    """Where the attack's numbers come from."""
    kind, _, made = item.source.partition(" ")
    return say("shipped {date}", date=made) if kind == "shipped" and made else item.source


def steer(rooms: Rooms, room: Room, key: str, at: int, slot: str) -> None:
    """Back, next, reveal, reset."""
    code, last = room.code, at == len(rooms.steps)
    with st.container(horizontal=True, vertical_alignment="center"):
        turn: Any = {"on_click": rooms.turn}
        st.button(say("Back"), key="class-back", disabled=at == 0, args=(code, key, at - 1), **turn)
        if not last:
            shown = at in room.revealed
            reveal: Any = {"on_click": rooms.reveal, "args": (code, key, at), "disabled": shown}
            looks: Any = {"type": "secondary" if shown else "primary", "icon": ":material/lock_open:"}
            st.button(say("Reveal"), key="class-reveal", **looks, **reveal)
            forgotten: Any = {"on_click": again, "args": (rooms, code, key, at, slot)}
            st.button(say("Reset this question"), key="class-reset", **forgotten)
            words = say("Next") if at + 1 < len(rooms.steps) else say("Attack our own bars")
            onwards: Any = {"type": "primary" if shown else "secondary", **turn}
            st.button(words, key="class-next", args=(code, key, at + 1), **onwards)


def again(rooms: Rooms, code: str, key: str, at: int, slot: str) -> None:
    """Forget the bets on a question, the teacher's own too."""
    rooms.reset(code, key, at)
    st.session_state.pop(slot, None)


def attack(rooms: Rooms, room: Room, key: str) -> tuple[int, float] | None:
    """The class attacks its own histogram; of which question, and against how much noise."""
    st.header(say("Attack our own bars"))
    st.markdown(say(OWN, least=LEAST))
    enough = [at for at in range(len(rooms.steps)) if rooms.tally(room.code, at).locked > LEAST]
    if not enough:
        st.info(say("This takes a question on which more than {least} phones have locked.", least=LEAST))
        return None
    one, two = st.columns([1.4, 1])
    title = lambda at: f"{at + 1}. {rooms.steps[at].question.title}"  # noqa: E731
    at = one.selectbox(say("Bets on"), enough, format_func=title, key="class-own")
    words = say("Privacy budget ε of the noise")
    budget = two.select_slider(words, own.EPSILONS, 1.0, key="class-epsilon")
    found = rooms.leak(room.code, key, at, budget)
    if found is None:
        return None
    big(
        Figure(f"{found.exact:.0%}", say("of a bet read from exact bars"), hot=True),
        Figure(f"{found.noisy:.0%}", say("with noise, ε = {epsilon:g}", epsilon=budget)),
        Figure(f"{found.guess:.0%}", say("guessed from the others' bars")),
    )
    line(
        say("n = {n} phones, each the last one in turn", n=found.phones),
        say("two-sided geometric noise, ε = {epsilon:g} for a phone", epsilon=budget),
        say("a phone moves the bars by {n} at most", n=found.scale),
        say("{n} draws of the noise", n=own.DRAWS),
        say("seed {seed}", seed=0),
        say("live"),
    )
    return at, budget


def both(rooms: Rooms, code: str, key: str, at: int, budget: float) -> None:
    """The bars as they are, and as they could have been shown."""
    tally, noisy = rooms.tally(code, at), rooms.published(code, key, at, budget)
    if tally.counts is None or noisy is None:
        return
    names = slots(rooms.steps[at].question)
    shown = ((EXACT, tally.counts), (NOISY, noisy))
    for place, ((words, alt_text), counts) in zip(st.columns(2), shown, strict=True):
        with place:
            st.caption(say(words))
            spec = bars(names, counts, None, say("phones"))
            st.vega_lite_chart(spec=spec, key=f"class-{words}", alt=say(alt_text))


def foot(rooms: Rooms, room: Room, key: str) -> None:
    """Pace, results, the end."""
    rows = rooms.rows(room.code, key)
    table.show(say("Results of the class as a table"), rows, "classroom.csv", note=kept_words())
    pace, close = st.columns([3, 1], vertical_alignment="center")
    words = say("Everybody at their own pace")
    free = pace.toggle(words, value=room.own_pace, key=f"class-pace-{room.version}")
    if free != room.own_pace:
        rooms.pace(room.code, key, free)
        st.rerun()
    looks: Any = {"icon": ":material/door_front:", "width": "stretch"}
    if close.button(say("Close the room"), key="class-close", **looks):
        rooms.close(room.code, key)
        let_go()
        st.rerun()
    st.caption(say(YOURS))


def to_print() -> None:
    """The cards, the students' sheets and the teacher's notes; each is made when asked for."""
    with st.expander(say("To print"), icon=":material/print:"):
        st.caption(say(PRINTED))
        looks: Any = {"icon": ":material/download:", "width": "stretch", "on_click": "ignore"}
        for about, sheets in groupby(handouts(), key=lambda sheet: sheet.about):
            if about:
                st.markdown(f"**{about}. {plain(lessons()[about - 1].title)}**")
            for column, sheet in zip(st.columns(2), sheets, strict=False):
                kind: Any = {"file_name": sheet.name, "mime": "text/html", "key": f"print-{sheet.name}"}
                column.download_button(sheet.title, sheet.write, **kind, **looks)
        kind = {"file_name": "mlleak-handouts.zip", "mime": "application/zip", "key": "print-all"}
        st.download_button(say("All of it (ZIP)"), kept(bundle), **kind, **looks)


def lead(rooms: Rooms, code: str, key: str, host: str, port: int) -> None:
    """A lesson that is under way, in the language of its room."""
    room = rooms.check(code, key)
    hold(code, key)
    with speaking(room.language):
        _lead(rooms, room, key, host, port)


def _lead(rooms: Rooms, room: Room, key: str, host: str, port: int) -> None:
    code = room.code
    at, slot = room.step, f"class-bet-{code}-{room.step}"
    item = rooms.steps[at] if at < len(rooms.steps) else None
    left, right = st.columns([0.56, 0.44], gap="large")
    with right:
        door(room, host, port)
    if item is None:
        with left:
            chosen = attack(rooms, room, key)
            steer(rooms, room, key, at, slot)
        if chosen is not None:
            both(rooms, code, key, *chosen)
    else:
        with left:
            ask(item, at, len(rooms.steps))
            steer(rooms, room, key, at, slot)
            mine = own_bet(item.question, slot, at in room.revealed)
            if at in room.revealed:
                revealed(item, rooms.tally(code, at), mine)
                if item.page:
                    closer = say("Look closer on its own page")
                    st.page_link(item.page, label=closer, icon=":material/travel_explore:")
        with right:
            live(rooms, room, item, at)
    foot(rooms, room, key)


def page() -> None:
    frame.open_page(mark("Classroom"))
    st.html(say(LEAD))
    code, key = held()
    try:
        rooms, (host, port) = rooms_at(home()), where()
        if not running(host, port):
            st.warning(say(HOW, port=port))
        if code:
            lead(rooms, code, key, host, port)
        else:
            welcome(rooms)
    except BadInput as problem:
        st.error(plain(str(problem)))
        st.button(say("Start over"), key="class-over", on_click=let_go)
    to_print()
    st.caption(say(frame.LABELS_NOTE))


page()
