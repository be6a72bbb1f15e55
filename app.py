"""Home: the question, a real leak before any click, and the way in."""

from __future__ import annotations

import streamlit as st

from pages._kit import shell
from pages._kit.face_map import face_map
from pages._kit.face_reel import face_reel, frame
from pages._kit.scenes import shipped_scene

shell.open_page("What is this model hiding?")
run = shell.shipped_run()
about = run.about
case = shell.shipped_showcase()
leak = case.rows["lira"]
hidden, answer = run.rung("hidden", "Darker tone"), run.rung("logits", "Darker tone")

st.html(
    f'<h1>What is this model <span class="hot">hiding?</span></h1><p class="lead">A small neural net learned one thing: {about["task_name"]}, '
    f"from drawn faces of nobody. It is right on {about['task']['accuracy']:.0%} of people it never saw. This is what else it carries, and nobody asked for it.</p>"
)
left, right = st.columns([0.58, 0.42], gap="medium")
with left, st.container(border=True):
    st.markdown("**One layer at a time: what the net sees as alike.** Colour is skin tone; nobody ever told it.")
    face_map(shipped_scene(run, "Skin tone"), key="home-map", compact=True, layer="conv3")
with left, st.container(border=True):
    stolen = shell.shipped_galleries()[0]
    st.markdown("**This classifier looks normal. Below the photos: what it gave away when asked**")
    face_reel("home-reel", stolen.atlas, 1 + len(stolen.about["views"]), stolen.about["names"], [frame(stolen.last)], show=8)
    read, twin = stolen.last, stolen.about["task"]
    shell.evidence(f"pixel error {read['mae']:.1f} of 255 {shell.span(read['mae_low'], read['mae_high'])}, average face {stolen.views('mean')[0]['mae']:.1f}",
                   f"owners found {read['identified_rate']:.0%} {shell.span_percent(read['identified_low'], read['identified_high'])}",
                   f"accuracy {twin['accuracy']['value']:.1%} {shell.span_percent(twin['accuracy']['low'], twin['accuracy']['high'])}, clean twin {twin['accuracy_clean']['value']:.1%}",
                   f"CAP, {read['queries']:,} questions", f"n = {read['faces']}", f"seed {stolen.about['settings']['seed']}", f"shipped {stolen.about['made']}")  # fmt: skip
with right:
    with st.container(border=True):
        says = "hides" if answer["low"] <= 0.5 else "says little of"
        st.markdown(f"**Its answer {says} skin tone. One layer below, it is all there**")
        st.html(
            f'<div class="big"><span>{answer["auc"]:.2f}<i>AUC from the answer</i></span>'
            f'<span>→ <b class="hot">{hidden["auc"]:.2f}</b><i>from the hidden layer</i></span></div>'
        )
        shell.evidence(f"95% {shell.span(answer['low'], answer['high'])} and {shell.span(hidden['low'], hidden['high'])}", f"shuffled labels {shell.span(answer['null_low'], answer['null_high'])}",
                       f"untrained net {hidden['random_init_auc']:.2f}, verdict: {hidden['verdict']}", f"φ with the task {about['correlation']['Darker tone']['value']:+.2f}",
                       f"n = {hidden['n']} faces of {hidden['people']} people", f"seed {about['settings']['seed']}", f"shipped {about['made']}")  # fmt: skip
    with st.container(border=True):
        st.markdown("**A net that knows its class by heart gives away who was in it**")
        st.html(
            f'<div class="big"><b class="hot">{leak["tpr_at_1pct"]:.1%}</b><i>of its members named, at 1% false alarms</i></div>'
        )
        shell.evidence(f"95% {shell.span_percent(*leak['tpr_at_1pct_interval'])}", f"AUC {leak['auc']:.2f} {shell.span(leak['auc_low'], leak['auc_high'])}",
                       f"untrained target {leak['controls']['untrained_target_auc']['value']:.2f}", f"without asking {leak['blind_auc']:.2f}",
                       f"LiRA, {case.about['shadows']} shadows", f"n = {leak['n_members']} + {leak['n_nonmembers']}", f"seed {case.about['settings']['seed']}",
                       f"shipped {case.about['made']}")  # fmt: skip
    shell.verdict(
        "AUC: the chance that a random darker-toned face scores above a lighter one. .50 is a coin, 1.00 is *every time*.",
        "Whether training put it there or merely kept it, the Features page measures against the untrained net.",
    )
WAYS = (
    ("train", "Train one yourself", ":material/play_arrow:"),
    ("features", "Guess first, then see", ":material/layers:"),
    ("membership", "Was this face in it?", ":material/how_to_reg:"),
    ("reconstruction", "Read faces back out", ":material/face_retouching_natural:"),
)
for column, (page, label, icon) in zip(st.columns(4), WAYS, strict=True):
    with column:
        shell.way(f"pages/{page}.py", label, icon, page, main=page == "train")
st.caption("Nothing here is faked: every number was computed, with this seed. " + shell.LABELS_NOTE)
