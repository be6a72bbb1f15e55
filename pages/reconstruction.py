"""Reconstruction: training faces read back out of a model that does its task as well as its clean twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import streamlit as st
from mlleak_core.figures import trail as tracks
from mlleak_core.figures.histogram import scan, weights
from mlleak_core.figures.sheets import poster
from mlleak_core.figures.treatments import treatments
from mlleak_core.language import mark, plural, say
from mlleak_core.target.settings import NETS, TrainSettings
from mlleak_core.threat import Figure
from mlleak_core.threats.reconstruction.capacity import asked, capacity, expectation
from mlleak_core.threats.reconstruction.card import THREAT, ReconstructionSettings
from pages._kit import bet, frame, play, table, take_away, trail
from pages._kit.canvas.face_reel import face_reel
from pages._kit.charts import ROWS, epoch_axis, legend, packed
from pages._kit.dials import Dials
from pages._kit.evidence import big, conclude, error_rates, evidence, line, sealed, span, written
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.server.jobs import Snapshot
    from mlleak_core.threats.reconstruction.exhibit import Model, ReconstructionExhibit
    from mlleak_core.threats.reconstruction.readings import Glimpse

USUAL: Any = THREAT.shipped[0]
FACES = ("synthetic", "lfw", "upload", "folder", "utkface")
COUNTS = (1, 4, 8, 16, 32, 64, 128)
BITS = (0, 100, 200, 300, 400, 600, 800, 1000, 1400, 2000, 3000)
PARITIES = (0, 8, 16, 32, 64, 128)
SHOWN_LIVE = 16
BARE: dict[str, Any] = {"displayModeBar": False}
CODES = {
    "own": mark("the encoding's own way"),
    "pca": mark("PCA transform"),
    "dct": mark("cosine transform"),
}
CURVES = (mark("test"), mark("train"))
MODELS = {"Model A": mark("Model A"), "Model B": mark("Model B")}
LEAD = mark(
    '<h1>Read the training faces <span class="hot">back out</span></h1><p class="lead">A gender classifier '
    "that "
    "does its job as well as any, and carries photographs it was trained on. Find it among two, then watch "
    "the faces come up.</p>"
)
REEL = mark(
    "Above: the training photo. Below: what was read back. The number is the pixel error; ✓ means that "
    "among all {photos:,} photos the most similar one is the owner's."
)
COMING = (
    mark("All the faces, epoch by epoch, and out of which model they came."),
    mark("Could the owner have noticed? The weights of both, searched for pictures."),
    mark(
        "An eraser that knows no secret: what rounding, noise and pruning leave. Guessing the model is right "
        "one time in two."
    ),
)
TRAIL = mark(
    "**Your trail.** Turn a dial and run again: what do more bits cost? Click a dot to bring its run back."
)
ERASER = mark(
    "Round, add noise, prune, fine-tune: where does the task (blue) survive and the faces (orange) do not? "
    "The treated faces are in the list above, under “after”."
)
HINT = mark(
    "These settings have not been run yet: both twins and the erasers take half a minute, on LFW one to two."
)
STOPPED = mark(
    "Stopped early: the twins did not see equally many epochs. What has emerged is shown; accuracies cannot "
    "be compared."
)
WAIT = mark(
    "The clean twin learns first; then the faces will come up here, below the photos, epoch by epoch."
)
WHICH = mark(
    "**Two models, same seed, same faces. One of them carries {count} of its training faces. Which?**"
)
LETTER = mark("**Model {letter}**")
TWINS = {
    "malicious": mark("**Model {letter}** · the malicious twin"),
    "clean": mark("**Model {letter}** · the clean twin"),
}
TREATED = mark(
    "Accuracy and owners still found after each treatment; the same numbers are in the table above"
)
COST = mark("%{text}<br>%{x:,.0f} bits read<br>cost %{y:.1%}<extra></extra>")
UPDATE = mark(
    "In collaborative training a participant keeps the photos and sends only the gradient. Whoever receives "
    "it can search for photos that would give the same one."
)


def usual_net(data: str) -> None:
    """Other faces, their own usual net: LFW has data enough for the narrower one, which is twice as fast."""
    before = st.session_state.get("r-net-of")
    asked = "r-net" in st.session_state or "r-net" in st.query_params
    if before != data and (before or not asked):
        st.session_state["r-net"] = (ReconstructionSettings() if data == "lfw" else USUAL).net
    st.session_state["r-net-of"] = data


def controls(run: TrainSettings) -> ReconstructionSettings | None:
    """Whom to hide, how and in which net. None where the controls contradict each other."""
    dials = Dials(ReconstructionSettings, "r", USUAL)
    usual_net(dials.data(FACES))
    b, c, d = st.columns([1.3, 1, 1.1], vertical_alignment="bottom")
    catalogue: Mapping[str, Any] = THREAT.catalogue()
    calls = {slug: say(encoding.call) for slug, encoding in catalogue.items()}
    dials.pick(b, "attack", say("How they are hidden"), titles=calls)
    dials.pick(c, "faces", say("Faces carried off"), options=COUNTS)
    dials.pick(d, "code", say("A face as bits"), titles=codes())
    with st.expander(say("Dials: net, epochs, code, what the service shows"), icon=":material/tune:"):
        further(dials)
    return dials.settings(erase=True, seed=run.seed)


def further(dials: Dials) -> None:
    """The dials that most visitors leave alone."""
    one, two, three, four = st.columns(4)
    dials.pick(one, "net", say("Net"), options=list(NETS))
    dials.pick(two, "epochs", say("Epochs"), bounds=(1, 60, 1))
    dials.pick(three, "bits", say("Bits a face (transforms)"), options=BITS, format_func=bits_words)
    dials.pick(four, "colour", say("In colour"))
    dials.pick(four, "augment", say("Augmentation in training"))
    dials.pick(one, "inputs", say("Synthetic inputs"))
    dials.pick(two, "parity", say("Parity bytes in 255"), options=PARITIES)
    dials.pick(three, "reveal", say("The service shows"))
    dials.pick(two, "low_bits", say("Low bits of a weight"), bounds=(1, 16, 1), key="low")


def codes() -> dict[str, str]:
    """Every code in words."""
    depths = {f"pixels{d}": plural("{n} bit a pixel", "{n} bits a pixel", d) for d in range(1, 9)}
    return {code: say(words) for code, words in CODES.items()} | depths


def bits_words(bits: int) -> str:
    return f"{bits:,}" if bits else say("usual")


def meter(settings: ReconstructionSettings) -> None:
    """Bits asked against bits that find room, before any training."""
    room = capacity(settings)
    st.progress(room.share, text=asked(settings))
    if not room.fits:
        st.warning(room.warning(), icon=":material/warning:")
    elif words := expectation(settings):
        st.caption(words)


def live(snapshot: Snapshot) -> None:
    """The faces as they are after the last epoch that was read."""
    peek = snapshot.step.peek if snapshot.step else None
    if not peek or "glimpse" not in peek:
        st.caption(say(WAIT))
        return
    seen: Glimpse = peek["glimpse"]
    count = min(SHOWN_LIVE, len(seen.pictures))
    sheet = poster(seen.truth[:count], seen.pictures[:count], across=min(8, count), quick=True)
    st.image(
        sheet,
        width="stretch",
        caption=say("Above: the training photos. Below: what can be read back right now."),
    )
    line(*seen.parts())


def guessed(case: ReconstructionExhibit, slot: str) -> bool:
    """Two models, one of them malicious. True once the visitor has locked a bet or asked to be shown."""
    locked = bet.locked(slot)
    with st.container(border=True):
        st.markdown(say(WHICH, count=len(case.about.names)))
        for column, each in zip(st.columns(2, gap="large"), case.models(), strict=True):
            with column:
                model(each, revealed=locked is not None)
        choose(slot, locked, case)
    return locked is not None


def choose(slot: str, locked: str | None, case: ReconstructionExhibit) -> None:
    """Where the bet is made, and what came of it."""
    one, two = st.columns([1.2, 2])
    choice = one.radio(
        say("Your bet"),
        list(MODELS),
        index=None,
        format_func=say,
        horizontal=True,
        key=f"pick-{slot}",
        label_visibility="collapsed",
        disabled=locked is not None,
    )
    with two:
        if locked is None:
            bet.buttons(slot, (choice or "?")[-1], disabled=choice is None)
        else:
            bet.closed(slot, case.hears(locked) if locked else "")


def model(shown: Model, revealed: bool) -> None:
    """One model as its owner sees it."""
    right, balanced = shown.accuracy, shown.balanced
    st.markdown(say(TWINS[shown.which] if revealed else LETTER, letter=shown.letter))
    big(Figure(f"{right.value:.1%}", say("right {interval}", interval=span(right.low, right.high, ".1%"))))
    line(
        say("balanced {share}", share=written(balanced, ".1%")),
        say("always the commoner {share:.1%}", share=shown.majority.value),
        say("n = {n:,} faces of people never seen", n=right.n),
    )
    st.vega_lite_chart(
        spec=learning(shown.curves, shown.lowest, {name: say(name) for name in CURVES}),
        key=f"r-curve-{shown.letter}",
        alt=say("Accuracy of model {letter} by epoch, with its 95% band", letter=shown.letter),
    )


@st.cache_data(max_entries=200, show_spinner=False)
def learning(curves: Sequence[Mapping[str, Any]], lowest: float, names: Mapping[str, str]) -> dict[str, Any]:
    """Accuracy by epoch, above `lowest`, with the band of the test curve. names: of the curves, in words."""
    x = epoch_axis(max((row["epoch"] for row in curves), default=1))
    y = alt.Scale(domain=[lowest, 1], nice=False, clamp=True)
    order = list(names.values())
    colour = alt.Color("curve:N", title=None, legend=legend(symbolOpacity=1), sort=order)
    base = alt.Chart(ROWS, height=170).encode(x=x, color=colour)
    band = base.transform_filter(alt.datum.curve == names["test"]).mark_area(opacity=0.18)
    band = band.encode(y=alt.Y("low:Q", scale=y, title=None), y2="high:Q")
    line_of = base.mark_line(strokeWidth=2.5).encode(
        y=alt.Y("accuracy:Q", title=None), strokeDash=alt.StrokeDash("curve:N", sort=order, legend=None)
    )
    rows = [{**row, "curve": names[row["curve"]]} for row in curves]
    return packed((band + line_of).properties(padding=0), rows)


def read_back(case: ReconstructionExhibit) -> None:
    """The faces epoch by epoch, what follows, and all readings as a table."""
    face_reel(case.reel(autoplay=True), f"reel-{case.job}")
    st.caption(say(REEL, photos=case.last.candidates))
    conclude(case.conclusion())
    evidence(case.pixel_error())
    if case.last.note:
        st.warning(plain(case.last.note))
    table.show(say("Every reading as a table"), case.rows(), "reconstruction.csv")
    label = say("Download the pictures (WebP)")
    st.download_button(label, case.atlas, "reconstruction.webp", "image/webp", key="r-pictures")


def forensics(case: ReconstructionExhibit) -> None:
    """What an owner could have noticed."""
    st.header(say("Could the owner have noticed?"))
    arrays = case.arrays
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(say("**The weights.** Their histogram beside the clean twin's."))
        chart = weights(arrays["bins"], arrays["malicious"], arrays["clean"])
        words = say("Histogram of the weights of both twins")
        st.plotly_chart(chart, key="r-weights", config=BARE, alt=words)
        line(*case.in_the_weights())
    with right:
        st.markdown(say("**Correlation scan.** Does a stretch of weights look like the average face?"))
        chart = scan(arrays["scan_malicious"], arrays["scan_clean"])
        words = say("Correlation of stretches of weights with the average face")
        st.plotly_chart(chart, key="r-scan", config=BARE, alt=words)
        line(*case.in_the_scan())
    st.caption(case.when_asked())


def eraser(case: ReconstructionExhibit) -> None:
    """What each treatment leaves, and whether one helps."""
    conclusion = case.erasure()
    if conclusion is None:
        return
    st.header(say("An eraser that knows no secret"))
    st.markdown(say(ERASER))
    st.plotly_chart(treatments(case.treatments()), key="r-erase", config=BARE, alt=say(TREATED))
    conclude(conclusion)


def drawn(runs: Sequence[Any], chosen: int) -> Any:
    """The trail: bits read back against what they cost in accuracy."""
    return tracks.trail(
        [run.dot() for run in runs],
        chosen,
        across={"title": say("bits of the faces read back"), "rangemode": "tozero"},
        upwards={"title": say("accuracy lost to the clean twin"), "tickformat": ".1%"},
        level=0.0,
        hover=say(COST),
    )


def show(case: ReconstructionExhibit) -> None:
    """Everything of one finished pair of twins, the visitor's bet first."""
    if not case.about.complete:
        st.warning(say(STOPPED))
    revealed = guessed(case, f"r-bet-{case.job}")
    st.header(say("Read it back"))
    if not revealed:
        face_reel(case.glance(), f"teaser-{case.job}")
        st.caption(case.before_the_bet())
        sealed(*(say(each) for each in COMING))
        return
    read_back(case)
    trail.dots("r", case, say(TRAIL), drawn)
    forensics(case)
    eraser(case)
    take_away.offer(THREAT, case)


def page() -> None:
    run = frame.open_page(THREAT.card.title, FACES)
    st.html(say(LEAD))
    settings = controls(run)
    if settings is not None:
        meter(settings)
        room = play.Room(THREAT, "r", say("Run it live"), live, show, say(HINT))
        room.outcome(settings, room.ask(settings))
    st.header(say("Without any malice: one update is enough"))
    st.markdown(say(UPDATE))
    label = say("Turn an update back")
    frame.way("pages/inversion.py", label, ":material/undo:", "inversion", main=False)
    error_rates(THREAT)
    note = say(frame.LABELS_NOTE)
    st.caption(say("{note} Names shown with LFW are the data set's.", note=note))


page()
