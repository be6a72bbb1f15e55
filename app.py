"""Home: the question, a real leak before any click, and the way in."""

from __future__ import annotations

import streamlit as st

from pages._kit import shell
from pages._kit.face_map import face_map
from pages._kit.scenes import shipped_scene

shell.open_page("What is this model hiding?")
run = shell.shipped_run()
about = run.about
hidden, answer = run.rung("hidden", "Darker tone"), run.rung("logits", "Darker tone")

st.html('<h1>What is this model <span class="hot">hiding?</span></h1>')
st.html(
    f'<p class="lead">A small neural net learned one thing: {about["task_name"]}, from drawn faces of nobody. It is right on '
    f"{about['task']['accuracy']:.0%} of people it never saw. This is what else it carries, and nobody asked for it.</p>"
)
left, right = st.columns([0.6, 0.4], gap="large")
with left, st.container(border=True):
    st.markdown("**One layer at a time: what the net sees as alike.** Colour is skin tone; nobody ever told it.")
    face_map(shipped_scene(run, "Skin tone"), key="home-map", compact=True, layer="conv3")
with right:
    with st.container(border=True):
        st.markdown("**Ask the net, and it says nothing about skin tone**")
        st.html(f'<div class="big">AUC {answer["auc"]:.2f}<i>from its answer</i></div>')
        shell.evidence(f"95 % {shell.span(answer['low'], answer['high'])}", f"shuffled labels {shell.span(answer['null_low'], answer['null_high'])}",
                       f"n = {answer['n']} faces of {about['people']} people", f"seed {about['settings']['seed']}", f"shipped {about['made']}")  # fmt: skip
    with st.container(border=True):
        st.markdown("**Look one layer below, and it is all there**")
        st.html(f'<div class="big"><span class="hot">AUC {hidden["auc"]:.2f}</span><i>from its hidden layer</i></div>')
        shell.evidence(f"95 % {shell.span(hidden['low'], hidden['high'])}", f"with only forty labelled photos {hidden['few_shot_auc']:.2f}",
                       f"φ of tone and task {about['correlation']['Darker tone']['value']:+.2f}", f"n = {hidden['n']}",
                       f"seed {about['settings']['seed']}", f"shipped {about['made']}")  # fmt: skip
    shell.verdict(
        "AUC is the chance that a random darker-toned face scores above a lighter one: .50 is a coin, 1.00 is *every time*.",
        "Whether training put it there or merely kept it, the Features page measures against the untrained net.",
    )
one, two, three = st.columns([1.1, 1.1, 2])
with one:
    shell.way("pages/train.py", "Train one yourself", ":material/play_arrow:", "train")
with two:
    shell.way("pages/features.py", "Guess first, then see", ":material/layers:", "features", main=False)
three.caption("Nothing here is faked: every number was computed, with this seed. " + shell.LABELS_NOTE)
