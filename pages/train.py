"""Train: watch a gender classifier learn, live, and keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import streamlit as st
from mlleak_core import measure
from mlleak_core.contract import BadInput
from mlleak_core.data.upload import KIND, NONE_YET
from mlleak_core.server.jobs import Snapshot
from mlleak_core.target.settings import TrainSettings
from pages._kit import data_card, own_faces, play, shell
from pages._kit.charts import ROWS, epoch_axis, legend, packed

if TYPE_CHECKING:
    from mlleak_core.target.training import Target

PRESETS: dict[str, tuple[str, dict[str, Any]]] = {
    "First steps": ("Synthetic faces, 22 epochs, 10 to 40 s", {}),
    "Real faces": ("LFW, 22 epochs, 20 s to two minutes", {"data": "LFW"}),
    "Your own faces": ("A ZIP of pictures and a table, kept in memory", {"data": "Your upload"}),
    "Overfit": (
        "1,500 faces, 40 epochs, no augmentation or mixup",
        {"faces": 1500, "epochs": 40, "augment": False, "mixup": 0.0},
    ),
    "Too fast": ("Learning rate 30: watch it diverge", {"lr": 30.0, "epochs": 5}),
}
DEFAULTS = TrainSettings().as_dict() | {"data": "Synthetic faces"}


def choose(changes: dict[str, Any]) -> None:
    """Put a preset into the controls and start it."""
    for name, value in (DEFAULTS | changes).items():
        st.session_state[name] = value
    st.session_state["start"] = changes.get("data") != "Your upload"


def new_seed() -> None:
    st.session_state["seed"] = (int(st.session_state["seed"]) + 1) % 10000
    st.session_state["start"] = True


def again() -> None:
    st.session_state["replay"] = st.session_state.get("replay", 0) + 1
    st.session_state["start"] = True


def curves(history: dict[str, Any], majority: float | None = None) -> None:
    """Loss and accuracy so far, on axes that hold the whole run; both charts update in place."""
    if not len(history.get("test_loss", ())):
        st.caption("The first numbers come after the first epoch.")
        return
    left, right = st.columns(2)
    loss = {"test": history["test_loss"], "train": history["train_loss"]}
    accuracy = {"test": history["test_accuracy"], "train": history["train_accuracy"], "test, balanced": history["test_balanced"]}
    if majority is not None:
        accuracy["always the commoner"] = np.full(len(history["test_loss"]), majority)
    left.markdown("**Loss by epoch**")
    left.vega_lite_chart(spec=lines("Loss", loss, settings.epochs), key="loss", alt="Training and test loss by epoch")
    alternative = "Accuracy by epoch, with the majority line"
    right.markdown("**Accuracy by epoch**")
    right.vega_lite_chart(spec=lines("Accuracy", accuracy, settings.epochs), key="accuracy", alt=alternative)


@st.cache_data(max_entries=200, show_spinner=False)
def lines(title: str, columns: dict[str, Any], epochs: int) -> dict[str, Any]:
    """Curves over all the epochs of a run; losses from 0, accuracies from a coin's .5, or below it, to 1."""
    rows = [{"epoch": e + 1, "curve": name, title: float(v)} for name, values in columns.items() for e, v in enumerate(values)]
    if title == "Loss":
        height = alt.Scale(zero=True)
    else:
        height = alt.Scale(domain=[min([0.5, *(float(np.min(values)) for values in columns.values())]), 1], nice=False)
    chart = (
        alt.Chart(ROWS, height=270, padding=0)
        .mark_line(point=len(rows) < 120, strokeWidth=2.5)
        .encode(
            x=epoch_axis(epochs),
            y=alt.Y(f"{title}:Q", scale=height, title=None),
            color=alt.Color("curve:N", sort=list(columns), title=None, legend=legend(columns=2, symbolSize=400)),
            strokeDash=alt.StrokeDash("curve:N", sort=list(columns), legend=None),
        )
    )
    return packed(chart, rows)


def live(snapshot: Snapshot) -> None:
    peek = snapshot.step.peek if snapshot.step else None
    if peek:
        curves(peek["history"])
        if len(peek["history"]["samples_per_second"]):
            rate = peek["history"]["samples_per_second"][-1]
            shell.evidence(
                f"{rate:,.0f} faces a second", f"seed {settings.seed}", "live, so far: n and intervals come with the last epoch"
            )


def finished(target: Target, settings: TrainSettings, source: str) -> None:
    """The run's numbers with their evidence, its curves, its mistakes."""
    faces = data_card.opened(settings)
    report = target.report(faces)
    truth = faces.task.codes[target.split.outsiders]
    right = int((target.test_logits.argmax(1) == truth).sum())
    share = measure.proportion(right, len(truth))
    if not target.complete:
        st.warning(f"Stopped after epoch {len(target.history['test_loss'])}: these are the numbers of a half-trained net.")
    a, b, c = st.columns(3)
    card: dict[str, Any] = {"border": True, "height": "stretch", "delta_arrow": "off"}
    above = f"{100 * (share.value - report['majority']):+.1f} points over always the commoner"
    a.metric("Test accuracy", f"{share.value:.1%}", above, **card)
    b.metric("Balanced accuracy", f"{report['balanced_accuracy']:.1%}", "mean of both classes' recall", delta_color="off", **card)
    c.metric("Speed", f"{target.samples_per_second:,.0f} faces/s", f"{target.seconds:.0f} s in all", delta_color="off", **card)
    shell.evidence(f"95% [{share.low:.1%}, {share.high:.1%}]", f"n = {share.n} faces of people never seen", f"trained on {len(target.split.members)}",
                   f"majority {report['majority']:.1%}", f"seed {settings.seed}", str(target.recipe["precision"]), source)  # fmt: skip
    curves(target.history, float(report["majority"]))
    with st.expander("The numbers behind the curves"):
        st.dataframe({"epoch": np.arange(1, len(target.history["test_loss"]) + 1), **target.history}, hide_index=True)
    mistakes(target, faces)


def mistakes(target: Target, faces: Any) -> None:
    """Test faces with what the net said, the surest mistakes first."""
    z = target.test_logits.astype(float)
    sure = 1 / (1 + np.exp(-np.abs(z[:, 1] - z[:, 0])))
    said, rows = z.argmax(1), target.split.outsiders
    wrong = said != faces.task.codes[rows]
    order = np.argsort(np.where(wrong, -sure - 1, -sure))[:8]
    others = np.random.default_rng(0).permutation(np.flatnonzero(~wrong))[:8]
    for title, chosen in ((f"Its surest mistakes ({int(wrong.sum())} in all)", order), ("And eight it got right", others)):
        st.markdown(f"**{title}**")
        captions = [f"said {faces.task.classes[said[i]]}, {sure[i]:.0%} sure" for i in chosen]
        with st.container(horizontal=True):
            for i, caption in zip(chosen, captions, strict=True):
                st.image(faces.images[rows[i]], caption=caption, width=98, alt=caption)


settings = shell.open_page("Train")
st.title("Teach a net one thing")
st.html(
    '<p class="lead">It will learn to tell two labels apart from faces, and is tested on people it has never seen. Then open it up.</p>'
)
with st.container(key="pairs-presets"):
    for column, (name, (text, changes)) in zip(st.columns(len(PRESETS)), PRESETS.items(), strict=True):
        column.button(name, on_click=choose, args=(changes,), width="stretch", help=text)
        column.caption(text)

bench = shell.bench()
if settings.data.startswith(KIND):
    own_faces.sender(bench, shell.shipped_run())
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
    "Train these settings",
    type="primary",
    icon=":material/play_arrow:",
    disabled=busy or settings.data == NONE_YET,
    width="stretch",
):
    st.session_state["job"], st.session_state["job-for"] = bench.train(settings), settings
    st.rerun()
b.button("New seed", icon=":material/casino:", on_click=new_seed, disabled=busy, width="stretch")
c.button(
    "Replay, same seed",
    icon=":material/replay:",
    on_click=again,
    disabled=busy,
    width="stretch",
    help="Computes the same run again: the numbers must not move.",
)
with d.popover("Copy link", icon=":material/link:", width="stretch"):
    st.caption("This address brings anybody to the same settings, and so to the same run.")
    st.code(shell.link(settings), language=None)

if snapshot and snapshot.active:
    play.watch(snapshot.key, live)
elif snapshot and snapshot.status == "failed":
    st.error(snapshot.error)
elif snapshot and snapshot.result is not None:
    finished(snapshot.result, settings, "live")
    shell.way("pages/features.py", "Open it up: what else did it learn?", ":material/layers:", "open")
elif bench.finished(settings):
    try:
        finished(bench.run(settings), settings, "live, kept from an earlier visit")
    except BadInput as problem:
        st.error(str(problem))
elif settings.data == NONE_YET:
    st.info("Choose a ZIP above, or take the example and look how it is made.", icon=":material/upload_file:")
else:
    shell.first_look(settings, curves)

data_card.show(settings)
