"""Features: open the net up and find what nobody asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from mlleak_core.threats.features import exhibit as shipped
from mlleak_core.contract import BadInput
from mlleak_core.figures.ladder import MEASURES, ladder
from mlleak_core.target.settings import TrainSettings
from pages._kit import data_card, play, shell
from pages._kit.face_map import LAYER_NAMES, Scene, face_map
from pages._kit.scenes import live_scene, sheet_of, shipped_scene

WORDS = {
    "made easier to read": "training *made it easier to read*",
    "merely kept": "it was already in the pixels and *merely kept*",
    "being forgotten": "training is *forgetting it*",
    "not told from chance": "it *cannot be told from chance*",
}


def guess(attribute: str, layers: Sequence[str], key: str) -> str | None:
    """The visitor's bet, once locked; None before."""
    slot = f"bet-{key}-{attribute}"
    if slot in st.session_state:
        return str(st.session_state[slot])
    with st.container(border=True):
        st.markdown(f"**Guess first.** From which layer can somebody with forty labelled photos read **{attribute}** best?")
        choice = st.segmented_control(
            "Layer", layers, format_func=lambda layer: LAYER_NAMES[layer], key=f"pick-{slot}", label_visibility="collapsed"
        )
        one, two, _ = st.columns([1, 1, 3])
        lock: Any = {"on_click": st.session_state.update, "width": "stretch"}
        one.button("Lock my bet", type="primary", disabled=choice is None, key=f"lock-{slot}", kwargs={slot: choice}, **lock)
        two.button("Just show me", key=f"skip-{slot}", kwargs={slot: ""}, **lock)
    return None


def sentence(rows: Sequence[dict[str, Any]], attribute: str) -> str:
    """The finding, taken from the intervals: the layer where training changed most, then the answer."""
    inner = [r for r in rows if r["layer"] not in {"pixels", "logits"}]
    easier = [r for r in inner if r["verdict"] == "made easier to read"]
    chosen = max(
        easier or inner, key=lambda r: r["few_shot_auc"] - r["few_shot_random_init_auc"] if easier else r["few_shot_auc"]
    )
    answer = rows[-1]
    return (
        f"{attribute}: with forty labelled photos, {LAYER_NAMES[chosen['layer']]} gives it away at {chosen['few_shot_auc']:.2f}, the untrained net at "
        f"{chosen['few_shot_random_init_auc']:.2f} (gain [{chosen['few_shot_gain_low']:+z.3f}, {chosen['few_shot_gain_high']:+z.3f}]): "
        f"{WORDS[chosen['verdict']]}. In the answer itself ({answer['few_shot_auc']:.2f}), {WORDS[answer['verdict']].replace('*', '')}."
    )


def reveal(rows: Sequence[dict[str, Any]], bet: str) -> None:
    best = max(rows, key=lambda r: r["few_shot_auc"])
    if bet:
        close = best["few_shot_auc"] - next(r["few_shot_auc"] for r in rows if r["layer"] == bet)
        text = "You were right." if close < 0.005 else f"You said {LAYER_NAMES[bet]}, {close:.2f} below it."
        st.info(
            f"{text} Best: {LAYER_NAMES[best['layer']]}, AUC {best['few_shot_auc']:.2f} from forty photos.",
            icon=":material/lock_open:",
        )


def show_ladder(rows: Sequence[dict[str, Any]], attribute: str, facts: dict[str, Any]) -> None:
    """Chart, evidence, verdict, table."""
    measure = st.segmented_control("Measure", list(MEASURES), default="40 photos", key="measure", label_visibility="collapsed")
    figure = ladder(rows, measure or "40 photos", LAYER_NAMES)
    st.plotly_chart(
        figure,
        key="ladder",
        config={"displaylogo": False},
        alt=f"{attribute} by layer, {measure}; the same numbers are in the table below.",
    )
    phi = facts["correlation"][attribute]
    shell.evidence(f"n = {rows[0]['n']} faces of {rows[0]['people']} people, of them {rows[0]['positives']} of {rows[0]['bearers']} people labelled {attribute}",
                   f"φ with the task {phi['value']:+.3f} {shell.span(phi['low'], phi['high'])}", f"seed {facts['seed']}",
                   f"{facts['seconds']:.0f} s", facts["source"])  # fmt: skip
    shell.verdict(sentence(rows, attribute), "Error bars: 95% interval of trained minus untrained, over test people and draws. "
                  "Low layers see brightness, light and background; reading tone there needs no learning.")  # fmt: skip
    with st.expander("All numbers as a table"):
        st.dataframe(list(rows), hide_index=True)
        st.download_button("Download CSV", _csv(rows), f"ladder-{attribute}.csv", "text/csv")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    import csv

    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def caveats() -> None:
    with st.expander("How to read the map, and how not to"):
        st.markdown(
            "- Near means alike to this layer. Axes, gaps and the size of clusters mean **nothing**; press *Another layout* and see them move.\n"
            "- Frames of one layer are turned onto each other, so a face that moves between epochs moved for the net.\n"
            "- The linear view: across is what a probe for the task reads, upwards what a probe for the attribute reads.\n"
            "- Maps coloured by race have been abused. "
            + shell.LABELS_NOTE
            + " Trust the ladder beside the map, with its null, not the picture."
        )


def live(settings: TrainSettings) -> None:
    """A run of this server: ladder and maps computed now, drawn as they come."""
    from mlleak_core.threats.features.maps import MapSettings

    bench = shell.bench()
    try:
        target, faces = bench.run(settings), data_card.opened(settings)
    except BadInput as problem:
        st.error(str(problem))
        return
    if not faces.targets:
        st.info(
            "These faces carry only the label that was taught. A further label column is needed to look for.",
            icon=":material/label:",
        )
        return
    pick, colour, again = st.columns([1.2, 1.2, 1], vertical_alignment="bottom")
    attribute = pick.selectbox(
        "Attribute", list(faces.targets), index=list(faces.targets).index(faces.headline[0]), key="attribute", bind="query-params"
    )
    owner = next(a.name for a in faces.attributes if attribute in a.binaries())
    names = [a.name for a in faces.attributes]
    labelling = colour.selectbox("Colour by", names, index=names.index(owner), key=f"colour-{attribute}")
    if again.button("Another layout", icon=":material/casino:", width="stretch", help="Draws the maps again from another seed."):
        st.session_state["layout"] = st.session_state.get("layout", 0) + 1
    wanted = list(dict.fromkeys((*faces.headline, attribute)))
    layout = MapSettings(seed=st.session_state.get("layout", 0))
    first_job, ladder_job, maps_job = bench.open_up(settings, wanted, attribute, layout)
    bet = guess(attribute, target.net().layers, shell.run_name(settings))
    left, right = st.columns([0.57, 0.43], gap="large")
    with left:
        live_map(first_job, maps_job, faces, labelling, bet is not None)
        caveats()
    with right:
        snapshot = bench.look(ladder_job)
        if snapshot and snapshot.active:
            play.watch(ladder_job)
        elif snapshot and snapshot.status == "failed":
            st.error(snapshot.error)
        elif bet is None:
            st.caption("The ladder opens with your bet.")
        elif snapshot and snapshot.result:
            report = snapshot.result
            rows = [r.row() for r in report.rungs if r.attribute == attribute]
            reveal(rows, bet)
            facts = {"correlation": {k: vars(v) for k, v in report.correlation.items()}, "seed": settings.seed,
                     "seconds": report.seconds, "source": "live" if target.complete else "live, stopped early"}  # fmt: skip
            show_ladder(rows, attribute, facts)


def live_map(first: str, job: str, faces: Any, labelling: str, revealed: bool) -> None:
    """The maps, sent to the browser whenever another epoch is complete."""
    bench = shell.bench()
    snapshot = bench.look(job)

    @st.fragment(run_every=2.0 if snapshot and snapshot.active else None)
    def body() -> None:
        now, ahead = bench.look(job), bench.look(first)
        if now is None or now.status == "failed":
            st.error(now.error if now else "The maps were let go; press Another layout.")
            return
        maps = _so_far(now) or (_so_far(ahead) if ahead else None)
        if now.active:
            play.progress(ahead if ahead and ahead.active else now)
        if maps is None:
            return
        if f"sheet-{job}" not in st.session_state:
            st.session_state[f"sheet-{job}"] = sheet_of(maps, faces)
        done = maps if not now.active else _whole_epochs(maps)
        face_map(
            live_scene(done, faces, labelling, revealed, job, st.session_state[f"sheet-{job}"]),
            key="face-map",
            pinned=shell.pinned(settings.data),
            on_pin=partial(shell.pin, settings.data),
        )
        if not now.active and snapshot and snapshot.active:
            st.rerun()

    body()


def _so_far(snapshot: Any) -> Any:
    """The maps of a job, finished or not; None before its first."""
    return snapshot.result or (snapshot.step.peek["maps"] if snapshot.step and snapshot.step.peek else None)


def _whole_epochs(maps: Any) -> Any:
    """Leave out an epoch that is only half drawn, unless it is the first one, so that little is sent twice."""
    import dataclasses

    complete = [e for e in maps.epochs if all((e, layer) in maps.frames for layer in maps.layers)]
    if not complete:
        return maps
    frames = {k: v for k, v in maps.frames.items() if k[0] in complete}
    return dataclasses.replace(maps, frames=frames, linear={k: maps.linear[k] for k in frames})


def from_shipped() -> None:
    """The run that came with the program: everything at once, nothing to wait for."""
    run = shell.shipped_run()
    pick, colour, _ = st.columns([1.2, 1.2, 1])
    attribute = pick.selectbox("Attribute", run.about["attributes"], key="attribute", bind="query-params")
    names = list(run.about["classes"])
    owner = {"Darker tone": "Skin tone", "Older": "Age group"}.get(attribute, attribute)
    labelling = colour.selectbox("Colour by", names, index=names.index(owner), key=f"colour-{attribute}")
    bet = guess(attribute, run.about["layers"], "shipped")
    left, right = st.columns([0.57, 0.43], gap="large")
    with left:
        scene: Scene = shipped_scene(run, labelling, bet is not None)
        face_map(scene, key="face-map", pinned=shell.pinned(settings.data), on_pin=partial(shell.pin, settings.data))
        caveats()
    with right:
        rows = [r for r in run.ladder if r["attribute"] == attribute]
        if bet is None:
            st.caption("The ladder opens with your bet.")
            return
        reveal(rows, bet)
        facts = {"correlation": run.about["correlation"], "seed": run.about["settings"]["seed"],
                 "seconds": run.about["ladder_seconds"], "source": f"shipped {run.about['made']}"}  # fmt: skip
        show_ladder(rows, attribute, facts)


settings = shell.open_page("Features")
st.html(
    '<h1>It was taught one thing. <span class="hot">What else did it learn?</span></h1><p class="lead">Each point is a face the net never saw, placed by '
    "what one layer says about it. Shape is the label it was taught; colour is a label it was never shown.</p>"
)
if shell.bench().finished(settings):
    live(settings)
elif settings == shipped.SETTINGS:
    from_shipped()
else:
    st.info("These settings have not been trained on this server yet.", icon=":material/play_arrow:")
    shell.way("pages/train.py", "Go and train them", ":material/play_arrow:", "train")
