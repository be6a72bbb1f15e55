"""Membership: was this record in the training set? Guess first, then run the attacks, then look at one record
closely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import streamlit as st
from mlleak_core.contract import BadInput, drain
from mlleak_core.defences.on_output import CATALOGUE as SHOWS
from mlleak_core.figures import trail as tracks
from mlleak_core.figures.roc import LEAST, TICKS, loglog
from mlleak_core.figures.strip import strip
from mlleak_core.language import mark, say, spoken
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import Figure, imported
from mlleak_core.threats.membership.card import THREAT, MembershipSettings
from mlleak_core.threats.membership.exhibit import SPRITE
from pages._kit import bet, frame, play, table, take_away, trail
from pages._kit.canvas.record_grid import Item, record_grid
from pages._kit.charts import ROWS, packed
from pages._kit.dials import Dials
from pages._kit.evidence import big, conclude, error_rates, evidence
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.membership.exhibit import MembershipExhibit
    from mlleak_core.threats.membership.facts import Tile
    from mlleak_core.threats.membership.microscope import Closeup

USUAL: Any = THREAT.shipped[0]
SOURCES = ("synthetic", "lfw", "clinic", "location", "csv", "folder")
PRESETS = {"leaky": mark("Leaky classroom"), "full": mark("The Train page's run")}
SHADOWS = (2, 4, 8, 16, 32, 64)
RATES = (0.1, 1, 5, 10, 25, 50)
ATLAS_COLUMNS = 40
BARE: dict[str, Any] = {"displayModeBar": False}
LEAD = mark(
    '<h1>Was this face <span class="hot">in the training set?</span></h1><p class="lead">Nothing but '
    "questions and answers: the attacker asks a model, and its confidence gives away whom it was trained on. "
    "Try it yourself first.</p>"
)
ABOVE = mark(
    "“Above” means above the line that 1% of the outsiders cross, so at this line every attack leaves most "
    "members below."
)
TRAIL = mark(
    "**Your trail.** Change a dial and run again: every finished run leaves a dot. Click one to bring it "
    "back."
)
PINNED = mark("Stays marked here and on the Features page, in every layer where the map shows the person.")
HINT = mark(
    "These settings have not been attacked yet. Shadows of the leaky preset take about half a minute."
)
CURVES = mark("ROC curves on logarithmic axes; the same numbers are in the table")
CONFIDENCE = mark("Confidence of the shadows with and without the record, and of the target")
NAMES = mark(
    "The names shown with LFW are the data set's; whether somebody was *in* is true of this run alone."
)
OWN_SCORES = mark(
    "A CSV with columns record, member (0 or 1), label, and logit_0, logit_1, … or loss. It stays in memory; "
    "no model is needed, nothing is unpickled."
)
NOT_BLIND = mark(
    "Without the records themselves the blind baseline cannot be measured: make sure that members and "
    "outsiders are alike."
)


def controls(run: TrainSettings) -> MembershipSettings | None:
    """What to attack, and what its service reveals. None where the controls contradict each other."""
    dials = Dials(MembershipSettings, "m", USUAL)
    dials.data(SOURCES)
    b, c, d = st.columns(3, vertical_alignment="bottom")
    presets = {slug: say(title) for slug, title in PRESETS.items()}
    preset = dials.pick(b, "preset", say("Target"), titles=presets)
    shows = {slug: say(defence.title) for slug, defence in SHOWS.items()}
    dials.pick(c, "reveal", say("The service shows"), titles=shows)
    dials.pick(d, "shadows", say("Shadow models"), options=SHADOWS)
    with st.expander(say("Dials: how large a training set, how long"), icon=":material/tune:"):
        one, two = st.columns(2)
        words = say("Records in the pool (0 = all; half are trained on)")
        dials.pick(one, "records", words, bounds=(0, 10_000, 100))
        dials.pick(two, "epochs", say("Epochs (0 = the preset's own)"), bounds=(0, 100, 2))
    of_run = preset == "full" and dials.applies("preset")
    whose: dict[str, Any] = {"data": run.data} if of_run else {}
    return dials.settings(seed=run.seed, experiment=run, **whose)  # type: ignore[no-any-return]


def live(snapshot: Snapshot) -> None:
    """The curves while the shadows stream in; the chart updates in place."""
    peek = snapshot.step.peek if snapshot.step else None
    if not peek or "exhibit" not in peek:
        return
    case: MembershipExhibit = peek["exhibit"].labelled("", "live, so far")
    curves = case.curves(case.quick)
    rates = {curve.title: (curve.fpr, curve.tpr) for curve in curves}
    colours = {curve.title: curve.colour for curve in curves}
    spec = so_far(rates, colours, say("false alarms"), say("members found"))
    st.vega_lite_chart(spec=spec, key="m-live", alt=say("ROC curves of the shadows so far"))
    evidence(case.average(case.leading.attack))


@st.cache_data(max_entries=100, show_spinner=False)
def so_far(
    rates: Mapping[str, Sequence[Any]], colours: Mapping[str, str], across: str, upwards: str
) -> dict[str, Any]:
    """The quick attacks' ROC on logarithmic axes, which are called `across` and `upwards`."""
    rows = [
        {across: float(f), upwards: float(max(t, LEAST)), "attack": title}
        for title, points in rates.items()
        for f, t in zip(*points, strict=True)
        if f >= LEAST
    ]
    log: Any = {
        "scale": alt.Scale(type="log", domain=[LEAST, 1]),
        "axis": alt.Axis(values=list(TICKS), format="~%", grid=False),
    }
    shown = alt.Scale(domain=list(colours), range=list(colours.values()))
    chart = (
        alt.Chart(ROWS, height=330)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(f"{across}:Q", **log),
            y=alt.Y(f"{upwards}:Q", **log),
            color=alt.Color("attack:N", scale=shown, title=None, legend=alt.Legend(orient="bottom")),
        )
    )
    return packed(chart, rows)


def grid(
    key: str, tiles: Sequence[Tile], case: MembershipExhibit, chosen: Sequence[int], **looks: Any
) -> list[int]:
    """Records to click; the places of those chosen."""
    items = [Item(**vars(tile)) for tile in tiles]
    return record_grid(key, items, case.atlas, SPRITE, ATLAS_COLUMNS, chosen, **looks)


def guess(case: MembershipExhibit, slot: str) -> tuple[float, float] | None:
    """The visitor's own attack, once locked: its false alarms and members found, as rates."""
    locked = bet.locked(slot)
    sealed, said = locked is None, locked if isinstance(locked, list) else None
    with st.container(border=True):
        st.markdown(case.question())
        tiles = case.to_bet_on(said, sealed)
        chosen = grid(f"grid-{slot}-{not sealed}", tiles, case, said or [], many=True, locked=not sealed)
        if sealed:
            bet.buttons(slot, chosen, disabled=not chosen)
        if said is None:
            if not sealed:
                bet.closed(slot)
            return None
        mine = case.guess(said)
        bet.closed(slot, mine.sentence)
        return mine.rates


def curves(case: MembershipExhibit, you: tuple[float, float] | None) -> None:
    """The ROC and its evidence."""
    names = st.multiselect(
        say("Attacks"),
        case.slugs,
        case.shown_first,
        format_func=lambda slug: case.titles.get(slug, slug),
        key=f"m-attacks-{case.about.run}-{spoken()}",  # it sends titles, not slugs
        label_visibility="collapsed",
    )
    chart = loglog(case.curves(names), you)
    st.plotly_chart(chart, key="m-roc", config={"displaylogo": False}, alt=say(CURVES))
    evidence(case.average(names[0] if names else case.leading.attack))


def every_attack(case: MembershipExhibit) -> None:
    """All attacks as a table, and every record's scores to take away."""
    notes = "  \n".join(filter(None, (case.equivalent(), *case.left_out())))
    table.show(say("All attacks as a table"), case.rows(), "membership.csv", note=notes)
    words, file = say("Download every record's scores (CSV)"), "membership-scores.csv"
    st.download_button(words, case.scores_csv(), file, "text/csv", key="m-scores")


def base_rate(case: MembershipExhibit) -> None:
    """How much lying above the line is worth when few were in."""
    if case.worth(0.5) is None:
        return
    words = say("Of a hundred people, how many were in the training set?")
    rate = st.select_slider(words, RATES, 50, key="m-base", format_func=lambda v: f"{v:g}")
    found = case.worth(rate / 100)
    if found is not None:
        big(Figure(f"{found.estimate.value:.0%}", say("of those above the line were really in")))
        evidence(found)


def look_closely(case: MembershipExhibit, slot: str, sealed: bool) -> None:
    """One record under the microscope."""
    st.header(say("Look at one record"))
    data = case.about.settings.data
    marked = frame.pinned(data)
    if words := case.elsewhere(marked, sealed):
        st.caption(words)
    left, right = st.columns([0.5, 0.5], gap="large")
    with left:
        st.caption(case.gallery_words())
        with st.container(height=430, border=False):
            start = [case.start(marked)]
            picked = grid(f"microscope-{slot}", case.gallery(marked), case, start, many=False)
    with right:
        seen = case.closeup(picked[0] if picked else 0, sealed)
        closely(seen, data, marked, slot)
    table.written(list(seen.rows), say("What every attack says of {name}", name=seen.name))
    st.caption(say(ABOVE))


def closely(seen: Closeup, data: str, marked: int, slot: str) -> None:
    """What the shadows and the attacks say of one record."""
    st.plotly_chart(strip(seen.strip), key="m-scope", config=BARE, alt=say(CONFIDENCE))
    here = seen.person == marked
    st.button(
        say("Let go of this person") if here else say("Pin this person"),
        icon=":material/keep:",
        key=f"pin-{slot}",
        on_click=frame.pin,
        args=(data, -1 if here else seen.person),
        help=say(PINNED),
    )
    st.markdown(f"**{plain(seen.name)}**, {plain(seen.label)}. {seen.words}")
    if seen.story:
        st.caption(seen.story)


def drawn(runs: Sequence[Any], chosen: int) -> Any:
    """The trail: how much better the target does on its own records against what LiRA finds."""
    return tracks.trail(
        [run.dot() for run in runs],
        chosen,
        across={
            "title": say("accuracy gap, training minus test"),
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        upwards={
            "title": say("members found at 1% false alarms"),
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        level=0.01,
        level_words=say("guessing"),
        hover=say("%{text}<br>gap %{x:.1%}<br>found %{y:.1%}<extra></extra>"),
    )


def upload() -> None:
    """Audit a model that was trained elsewhere, from a table of its answers."""
    with st.expander(say("Audit your own model from a table of its answers"), icon=":material/upload_file:"):
        st.caption(say(OWN_SCORES))
        looks: Any = {"label_visibility": "collapsed", "key": "m-upload"}
        file = st.file_uploader(say("Scores"), type="csv", **looks)
        if file is None:
            return
        settings = MembershipSettings(attack=USUAL.attack)
        try:
            result = drain(imported(THREAT.scores)(file.getvalue(), settings, frame.bench()))
        except BadInput as problem:
            st.error(plain(str(problem)))
            return
        case = result.exhibit()
        chart, words = loglog(case.curves(case.slugs)), say("ROC of the uploaded scores")
        st.plotly_chart(chart, key="m-own", alt=words)
        for slug in case.slugs:
            evidence(case.average(slug))
        table.show(say("The numbers as a table"), case.rows(), "own-scores.csv")
        st.caption(say(NOT_BLIND))


def show(case: MembershipExhibit) -> None:
    """Everything of one finished audit, the visitor's bet first."""
    slot = f"m-bet-{case.job}"
    if words := case.warnings():
        st.warning(words)
    you = guess(case, slot)
    left, right = st.columns([0.58, 0.42], gap="large")
    with left:
        curves(case, you)
    with right:
        conclude(case.conclusion())
        base_rate(case)
        for words in filter(None, (case.foretold(), case.warning())):
            st.caption(words)
    every_attack(case)
    look_closely(case, slot, sealed=bet.locked(slot) is None)
    if case.dot() is not None:
        trail.dots("m", case, say(TRAIL), drawn)
    if bet.locked(slot) is not None:
        take_away.offer(THREAT, case)


def page() -> None:
    run = frame.open_page(THREAT.card.title, SOURCES)
    st.html(say(LEAD))
    settings = controls(run)
    frame.warm_workers()
    if settings is not None:
        room = play.Room(THREAT, "m", say("Run it live"), live, show, say(HINT))
        room.outcome(settings, room.ask(settings))
    upload()
    error_rates(THREAT)
    st.caption(f"{say(frame.LABELS_NOTE)} {say(NAMES)}")


page()
