"""Features: open the net up and find what nobody asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.figures.ladder import MEASURES, ladder
from mlleak_core.figures.scenes import LAYER_NAMES
from mlleak_core.language import kept, mark, say
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threats.features.card import (
    MAP_FIRST,
    MAPS,
    STOPPED,
    THREAT,
    FeaturesSettings,
    MapSettings,
)
from pages._kit import bet, data_card, experiment, frame, languages, play, table, take_away
from pages._kit.canvas.face_map import face_map
from pages._kit.evidence import conclude, error_rates, evidence, sealed
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.features.exhibit import FeaturesExhibit
    from mlleak_core.threats.features.maps import Maps

COLUMNS = (1.2, 1.2, 1)
LEAD = mark(
    '<h1>It was taught one thing. <span class="hot">What else did it learn?</span></h1><p class="lead">Each '
    "point is a face the net never saw, placed by what one layer says about it. Shape is the label it was "
    "taught; colour is a label it was never shown.</p>"
)
COMING = (
    mark("How well forty labelled photos read it from each layer, before and after training."),
    mark("Whether training made it easier to read, merely kept it, or is forgetting it."),
    mark("Guessing gets .50: the grey band in the chart is what shuffled labels get."),
)
CAVEATS = mark(
    "- Near means alike to this layer. Axes, gaps and the size of clusters mean **nothing**; press *Another "
    "layout* and see them move.\n"
    "- Frames of one layer are turned onto each other, so a face that moves between epochs moved for the "
    "net.\n"
    "- The linear view: across is what a probe for the task reads, upwards what a probe for the attribute "
    "reads.\n"
    "- Maps coloured by race have been abused. {note} Trust the ladder beside the map, with its null, not "
    "the picture."
)
GUESS = mark(
    "**Guess first.** From which layer can somebody with forty labelled photos read **{attribute}** best?"
)
READ = mark("{attribute} by layer, {measure}; the same numbers are in the table below.")
SEALED = mark("What guessing {attribute} gets in every layer; the net's own line comes with your bet.")
ONE_LABEL = mark(
    "These faces carry only the label that was taught. A further label column is needed to look for."
)


def name_of(layer: str) -> str:
    """What a person calls a layer."""
    return say(LAYER_NAMES[layer])


def guess(attribute: str, layers: Sequence[str], key: str) -> str | None:
    """The visitor's bet, once locked; empty to be shown at once, None before."""
    slot = f"bet-{key}-{attribute}"
    locked = bet.locked(slot)
    with st.container(border=True):
        st.markdown(say(GUESS, attribute=plain(say(attribute))))
        looks: Any = {"key": f"pick-{slot}", "label_visibility": "collapsed", "disabled": locked is not None}
        choice = st.segmented_control(say("Layer"), layers, format_func=name_of, **looks)
        if locked is None:
            bet.buttons(slot, choice, disabled=choice is None)
        else:
            bet.closed(slot, say("Your bet: **{layer}**.", layer=name_of(locked)) if locked else "")
    return None if locked is None else str(locked)


def choose(place: Any, attributes: Sequence[str], first: str) -> str:
    """Which attribute is looked for."""
    looks: Any = {"format_func": say, "key": "attribute", "bind": "query-params"}
    languages.reworded("attribute", attributes, say)
    found: str = place.selectbox(say("Attribute"), attributes, attributes.index(first), **looks)
    return found


def colour_by(place: Any, names: Sequence[str], owner: str, attribute: str) -> str:
    """Which labelling the map is coloured by; at first the one that the attribute is read off."""
    looks: Any = {"format_func": say, "key": f"colour-{attribute}"}
    found: str = place.selectbox(say("Colour by"), names, names.index(owner), **looks)
    return found


def by_measure(key: str, **looks: Any) -> str | None:
    """How the ladder is to be read."""
    looks |= {"key": key, "label_visibility": "collapsed", "format_func": say, "default": "40 photos"}
    found: str | None = st.segmented_control(say("Measure"), list(MEASURES), **looks)
    return found


def show_ladder(exhibit: FeaturesExhibit, attribute: str, layer: str) -> None:
    """The chart, what became of the bet, evidence, verdict, table."""
    measure = by_measure("measure") or "40 photos"
    rungs = exhibit.rungs_of(attribute)
    alt = say(READ, attribute=plain(say(attribute)), measure=say(measure))
    st.plotly_chart(ladder(rungs, measure), key="ladder", config={"displaylogo": False}, alt=alt)
    if layer:
        st.info(exhibit.bet(attribute, layer), icon=":material/lock_open:")
    evidence(exhibit.finding(exhibit.telling(attribute)))
    conclude(exhibit.conclusion(attribute), say(attribute))
    whole = [r.row() for r in rungs]
    table.show(say("All numbers as a table"), [r.line() for r in rungs], f"ladder-{attribute}.csv", whole)


def judged(exhibit: FeaturesExhibit, attribute: str, layer: str | None) -> None:
    """The ladder once the bet is locked; before, in its place, what guessing gets and what will come."""
    if layer is None:
        by_measure("measure-sealed", disabled=True)
        chart = ladder(exhibit.rungs_of(attribute), "40 photos", sealed=True)
        alt = say(SEALED, attribute=plain(say(attribute)))
        st.plotly_chart(chart, key="ladder-sealed", config={"displaylogo": False}, alt=alt)
        evidence(exhibit.taught())
        sealed(*(say(each) for each in COMING))
    else:
        show_ladder(exhibit, attribute, layer)


def caveats() -> None:
    with st.expander(say("How to read the map, and how not to")):
        st.markdown(say(CAVEATS, note=say(frame.LABELS_NOTE)))


def pinning() -> dict[str, Any]:
    """Whom the visitor marked, on all pages."""
    return {"pinned": frame.pinned(settings.data), "on_pin": partial(frame.pin, settings.data)}


def live(settings: TrainSettings) -> None:
    """A run of this server: ladder and maps computed now, drawn as they come."""
    from mlleak_core.threats.features.exhibit import owners

    bench = frame.bench()
    try:
        target, faces = bench.run(settings), data_card.opened(settings)
    except BadInput as problem:
        st.error(plain(str(problem)))
        return
    if not faces.targets:
        st.info(say(ONE_LABEL), icon=":material/label:")
        return
    pick, colour, again = st.columns(COLUMNS, vertical_alignment="bottom")
    attribute = choose(pick, list(faces.targets), faces.headline[0])
    labelling = colour_by(colour, [a.name for a in faces.attributes], owners(faces)[attribute], attribute)
    if again.button(
        say("Another layout"),
        icon=":material/casino:",
        width="stretch",
        help=say("Draws the maps again from another seed."),
    ):
        st.session_state["layout"] = st.session_state.get("layout", 0) + 1
    first_job, ladder_job, maps_job = open_up(settings, faces, attribute, target.complete)
    layer = guess(attribute, target.net().layers, frame.run_name(settings))
    left, right = st.columns([0.57, 0.43], gap="large")
    with left:
        live_map(first_job, maps_job, faces, labelling, layer is not None)
        caveats()
    with right:
        source = "live" if target.complete else "live, stopped early"
        live_ladder(ladder_job, attribute, layer, source, partial(with_maps, maps_job, faces))


def open_up(settings: TrainSettings, faces: Faces, attribute: str, complete: bool) -> tuple[str, str, str]:
    """Queue all that this page shows, what a visitor looks at first coming first; the keys of three jobs.

    They are the maps of the last epoch, the ladder, the maps of all epochs; other jobs for a stopped run.
    """
    bench, before = frame.bench(), "" if complete else "stopped-"
    maps = MapSettings(training=settings, attribute=attribute, seed=st.session_state.get("layout", 0))
    ladder = FeaturesSettings.asking(settings, faces.headline, attribute)
    first = bench.queue(f"{before}map", MAP_FIRST, maps)
    job = bench.open(THREAT, ladder) if complete else bench.queue("stopped-features", STOPPED, ladder)
    return first, job, bench.queue(f"{before}maps", MAPS, maps)


def with_maps(job: str, faces: Faces, exhibit: FeaturesExhibit) -> FeaturesExhibit:
    """The ladder with the maps drawn so far, to take away."""
    snapshot = frame.bench().look(job)
    maps = _so_far(snapshot) if snapshot else None
    return exhibit.mapped(maps.whole().arrays(faces), maps.sheet(faces)) if maps else exhibit


def live_ladder(
    job: str,
    attribute: str,
    layer: str | None,
    source: str,
    whole: Callable[[FeaturesExhibit], FeaturesExhibit],
) -> None:
    """The ladder, once it is there and the bet is locked. whole: adds the maps, to take away."""
    snapshot = frame.bench().look(job)
    if snapshot and snapshot.active:
        play.watch(job)
    elif snapshot and snapshot.status == "failed":
        st.error(plain(snapshot.error))
    elif snapshot and snapshot.result:
        run = snapshot.result.labelled(job, source)
        judged(run, attribute, layer)
        if layer is not None:
            take_away.offer(THREAT, run, partial(whole, run))


def live_map(first: str, job: str, faces: Faces, labelling: str, revealed: bool) -> None:
    """The maps, sent to the browser whenever another epoch is complete."""
    bench = frame.bench()
    snapshot = bench.look(job)
    me = frame.visitor()

    @st.fragment(run_every=2.0 if snapshot and snapshot.active else None)
    @kept
    def body() -> None:
        now, ahead = bench.look(job, me), bench.look(first, me)
        if now is None or now.status == "failed":
            st.error(plain(now.error) if now else say("The maps were let go; press Another layout."))
            return
        maps = _so_far(now) or (_so_far(ahead) if ahead else None)
        if now.active:
            play.progress(ahead if ahead and ahead.active else now)
        if maps is None:
            return
        if f"sheet-{job}" not in st.session_state:
            st.session_state[f"sheet-{job}"] = maps.sheet(faces)
        done, sheet = maps.whole() if now.active else maps, st.session_state[f"sheet-{job}"]
        face_map(done.scene(faces, labelling, revealed, job, sheet), key="face-map", **pinning())
        if words := done.caution():
            st.caption(words)
        if not now.active and snapshot and snapshot.active:
            st.rerun()

    body()


def _so_far(snapshot: Snapshot) -> Maps | None:
    """The maps of a job, finished or not; None before its first."""
    peek = snapshot.step.peek if snapshot.step else None
    return snapshot.result or (peek["maps"] if peek and "maps" in peek else None)


def from_shipped(run: FeaturesExhibit) -> None:
    """The run that came with the program: everything at once, nothing to wait for."""
    pick, colour, _ = st.columns(COLUMNS)
    about = run.about
    attribute = choose(pick, about.attributes, run.first())
    labelling = colour_by(colour, list(about.classes), about.owner[attribute], attribute)
    layer = guess(attribute, about.layers, "shipped")
    left, right = st.columns([0.57, 0.43], gap="large")
    with left:
        face_map(run.scene(labelling, revealed=layer is not None), key="face-map", **pinning())
        caveats()
    with right:
        judged(run, attribute, layer)
        if layer is not None:
            take_away.offer(THREAT, run)


settings = frame.open_page(THREAT.card.title)
st.html(say(LEAD))
experiment.unfit(experiment.FACES)
frame.training_card(settings)
shipped: Any = frame.shipped(THREAT.card.slug)[0]
if frame.bench().finished(settings):
    live(settings)
elif settings == shipped.about.settings.training():
    from_shipped(shipped)
else:
    st.info(say("These settings have not been trained on this server yet."), icon=":material/play_arrow:")
    frame.way("pages/train.py", say("Go and train them"), ":material/play_arrow:", "train")
    play.meanwhile(shipped)
    from_shipped(shipped)
error_rates(THREAT)
