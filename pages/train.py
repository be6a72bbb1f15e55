"""Train: watch a gender classifier learn, live, and keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st
from mlleak_core.contract import BadInput
from mlleak_core.data.upload import KIND, NONE_YET
from mlleak_core.language import mark, say
from mlleak_core.server.jobs import Snapshot
from mlleak_core.target.settings import TrainSettings
from pages._kit import data_card, experiment, frame, glossary, own_faces, play, table
from pages._kit.charts import ROWS, epoch_axis, legend, packed
from pages._kit.evidence import line, span, written
from pages._kit.words import plain

if TYPE_CHECKING:
    from mlleak_core.data import Faces
    from mlleak_core.target.report import Said
    from mlleak_core.target.training import Target

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    mark("First steps"): (mark("Synthetic faces, 22 epochs, 10 to 40 s"), {}),
    mark("Real faces"): (mark("LFW, 22 epochs, 20 s to two minutes"), {"data": "lfw"}),
    mark("Your own faces"): (mark("A ZIP of pictures and a table, kept in memory"), {"data": KIND}),
    mark("Overfit"): (
        mark("1,500 faces, 40 epochs, no augmentation or mixup"),
        {"faces": 1500, "epochs": 40, "augment": False, "mixup": 0.0},
    ),
    mark("Too fast"): (mark("Learning rate 30: watch it diverge"), {"lr": 30.0, "epochs": 5}),
}
NUMBERS = {
    "train_loss": (mark("training loss"), ".3f"),
    "train_accuracy": (mark("training accuracy"), ".1%"),
    "test_loss": (mark("test loss"), ".3f"),
    "test_accuracy": (mark("test accuracy"), ".1%"),
    "test_balanced": (mark("test accuracy, balanced"), ".1%"),
    "samples_per_second": (mark("faces per second"), ",.0f"),
}
"""What is kept of every epoch, in words."""
DEFAULTS = TrainSettings().as_dict()
LEAD = mark(
    "It will learn to tell two labels apart from faces, and is tested on people it has never seen. Then open "
    "it up."
)
SO_FAR = mark("live, so far: n and intervals come with the last epoch")
HALF = mark("Stopped after epoch {n}: these are the numbers of a half-trained net.")
LINK = mark("This address brings anybody to the same settings, and so to the same run.")


def choose(changes: dict[str, Any]) -> None:
    """Put a preset into the controls and start it."""
    for name, value in (DEFAULTS | changes).items():
        st.session_state[name] = value
    st.session_state["start"] = changes.get("data") != KIND


def new_seed() -> None:
    st.session_state["seed"] = (int(st.session_state["seed"]) + 1) % 10000
    st.session_state["start"] = True


def again() -> None:
    st.session_state["replay"] = st.session_state.get("replay", 0) + 1
    st.session_state["start"] = True


def curves(history: dict[str, Any], majority: float | None = None) -> None:
    """Loss and accuracy so far, on axes that hold the whole run; both charts update in place."""
    if not len(history.get("test_loss", ())):
        st.caption(say("The first numbers come after the first epoch."))
        return
    left, right = st.columns(2)
    test, train = say("test"), say("train")
    loss = {test: history["test_loss"], train: history["train_loss"]}
    accuracy = {
        test: history["test_accuracy"],
        train: history["train_accuracy"],
        say("test, balanced"): history["test_balanced"],
    }
    if majority is not None:
        accuracy[say("always the commoner")] = np.full(len(history["test_loss"]), majority)
    left.markdown(say("**Loss by epoch**"))
    spec = lines(say("Loss"), loss, settings.epochs)
    left.vega_lite_chart(spec=spec, key="loss", alt=say("Training and test loss by epoch"))
    right.markdown(say("**Accuracy by epoch**"))
    spec = lines(say("Accuracy"), accuracy, settings.epochs, share=True)
    right.vega_lite_chart(spec=spec, key="accuracy", alt=say("Accuracy by epoch, with the majority line"))


@st.cache_data(max_entries=200, show_spinner=False)
def lines(title: str, columns: dict[str, Any], epochs: int, share: bool = False) -> dict[str, Any]:
    """Curves over all the epochs of a run; losses from 0, accuracies from a coin's .5, or below it, to 1."""
    rows = [
        {"epoch": e + 1, "curve": name, title: float(v)}
        for name, values in columns.items()
        for e, v in enumerate(values)
    ]
    lowest = min([0.5, *(float(np.min(values)) for values in columns.values())])
    height = alt.Scale(domain=[lowest, 1], nice=False) if share else alt.Scale(zero=True)
    key = legend(columns=2, symbolSize=400)
    chart = (
        alt.Chart(ROWS, height=270, padding=0)
        .mark_line(point=len(rows) < 120, strokeWidth=2.5)
        .encode(
            x=epoch_axis(epochs),
            y=alt.Y(f"{title}:Q", scale=height, title=None),
            color=alt.Color("curve:N", sort=list(columns), title=None, legend=key),
            strokeDash=alt.StrokeDash("curve:N", sort=list(columns), legend=None),
        )
    )
    return packed(chart, rows)


def by_epoch(history: dict[str, Any]) -> list[dict[str, str]]:
    """The numbers behind the curves, a row an epoch."""
    columns = list(NUMBERS.items())
    return [
        {mark("epoch"): str(e + 1)} | {words: f"{history[name][e]:{form}}" for name, (words, form) in columns}
        for e in range(len(history["test_loss"]))
    ]


def live(snapshot: Snapshot) -> None:
    peek = snapshot.step.peek if snapshot.step else None
    if peek:
        curves(peek["history"])
        if len(peek["history"]["samples_per_second"]):
            rate = peek["history"]["samples_per_second"][-1]
            pace = say("{rate:,.0f} faces a second", rate=rate)
            line(pace, say("seed {seed}", seed=settings.seed), say(SO_FAR))


def finished(target: Target, settings: TrainSettings, source: str) -> None:
    """The run's numbers with their evidence, its curves, its mistakes."""
    from mlleak_core.target.report import report

    faces = data_card.opened(settings)
    found = report(target, faces)
    if not target.complete:
        epochs = len(target.history["test_loss"])
        st.warning(say(HALF, n=epochs))
    a, b, c = st.columns(3)
    card: dict[str, Any] = {"border": True, "height": "stretch", "delta_arrow": "off"}
    above = say("{gain:+.1f} points over always the commoner", gain=found.gain)
    a.metric(say("Test accuracy"), f"{found.accuracy.value:.1%}", above, **card)
    card["delta_color"] = "off"
    recall = say("mean of both classes' recall")
    b.metric(say("Balanced accuracy"), f"{found.balanced:.1%}", recall, **card)
    pace = say("{rate:,.0f} faces/s", rate=target.samples_per_second)
    c.metric(say("Speed"), pace, say("{seconds:.0f} s in all", seconds=target.seconds), **card)
    line(
        f"95% {span(found.accuracy.low, found.accuracy.high, '.1%')}",
        say("n = {n:,} faces of people never seen", n=found.accuracy.n),
        say("trained on {n}", n=found.members),
        say("majority {share:.1%}", share=found.majority),
        say("seed {seed}", seed=settings.seed),
        str(target.recipe["precision"]),
        source,
    )
    curves(target.history, found.majority)
    with st.expander(say("The numbers behind the curves")):
        table.written(by_epoch(target.history), say("Loss, accuracy and speed by epoch"))
    shown(say("Its surest mistakes ({n} in all)", n=found.mistakes), found.surest_mistakes, faces)
    shown(say("And eight it got right"), found.some_right, faces)


def shown(title: str, chosen: tuple[Said, ...], faces: Faces) -> None:
    """Test faces with what the net said of them."""
    st.markdown(f"**{title}**")
    with st.container(horizontal=True):
        for said in chosen:
            caption = say("said {label}, {share:.0%} sure", label=say(said.answer), share=said.sure)
            st.image(faces.images[said.row], caption=plain(caption), width=98, alt=caption)


def first_look() -> None:
    """Before the visitor has trained anything: the shipped run's curves for the
    default, else an invitation.
    """
    run = frame.shipped("features")[0]
    if settings != run.about.settings.training():
        st.info(say("These settings have not been trained on this server yet."), icon=":material/play_arrow:")
        return
    task = run.task()  # type: ignore[attr-defined]
    line(
        run.source,
        say("test accuracy {value}", value=written(task.accuracy, ".1%")),
        say("balanced {share:.1%}", share=task.balanced),
        say("majority {share:.1%}", share=task.majority),
        f"n = {task.accuracy.n}",
        say("seed {seed}", seed=settings.seed),
        say("{seconds:.0f} s", seconds=task.seconds),
    )
    curves(run.history(), task.majority)  # type: ignore[attr-defined]


settings = frame.open_page("Train")
st.title(say("Teach a net one thing"))
st.html(f'<p class="lead">{say(LEAD)}</p>')
experiment.unfit(experiment.FACES)
frame.training_card(settings)
with st.container(key="pairs-presets"):
    for column, (name, (text, changes)) in zip(st.columns(len(PRESETS)), PRESETS.items(), strict=True):
        column.button(say(name), on_click=choose, args=(changes,), width="stretch", help=say(text))
        column.caption(say(text))

bench = frame.bench()
if settings.data.startswith(KIND):
    own_faces.sender(bench, frame.shipped("features")[0].scene())  # type: ignore[attr-defined]
if st.session_state.pop("start", False):
    st.session_state["job"] = bench.train(settings, st.session_state.get("replay", 0))
    st.session_state["job-for"] = settings
job = st.session_state.get("job") if st.session_state.get("job-for") == settings else None
snapshot = bench.look(job or bench.training(settings))
if snapshot and not job:
    job = snapshot.key

a, b, c, d = st.container(key="pairs-actions").columns(4)
busy = bool(snapshot and snapshot.active)
if a.button(
    say("Train these settings"),
    type="primary",
    icon=":material/play_arrow:",
    disabled=busy or settings.data == NONE_YET,
    width="stretch",
):
    st.session_state["job"], st.session_state["job-for"] = bench.train(settings), settings
    st.rerun()
b.button(say("New seed"), icon=":material/casino:", on_click=new_seed, disabled=busy, width="stretch")
c.button(
    say("Replay, same seed"),
    icon=":material/replay:",
    on_click=again,
    disabled=busy,
    width="stretch",
    help=say("Computes the same run again: the numbers must not move."),
)
with d.popover(say("Copy link"), icon=":material/link:", width="stretch"):
    st.caption(say(LINK))
    st.code(experiment.link(settings), language=None)

if snapshot and snapshot.active:
    play.watch(snapshot.key, live)
elif snapshot and snapshot.status == "failed":
    st.error(plain(snapshot.error))
elif snapshot and snapshot.result is not None:
    finished(snapshot.result, settings, "live")
    label = say("Open it up: what else did it learn?")
    frame.way("pages/features.py", label, ":material/layers:", "open")
elif bench.finished(settings):
    try:
        finished(bench.run(settings), settings, "live, kept from an earlier visit")
    except BadInput as problem:
        st.error(plain(str(problem)))
elif settings.data == NONE_YET:
    st.info(
        say("Choose a ZIP above, or take the example and look how it is made."), icon=":material/upload_file:"
    )
else:
    first_look()

data_card.show(settings)
glossary.foot()
