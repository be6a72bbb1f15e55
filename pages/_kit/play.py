"""A job on a page: the button that starts it, progress, time left, place in the queue, pause and stop, and
what comes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import streamlit as st
from mlleak_core.contract import Step, drain
from mlleak_core.server.jobs import Snapshot
from pages._kit import trail
from pages._kit.frame import bench, visitor
from pages._kit.words import plain


def progress(snapshot: Snapshot) -> None:
    """The bar with its words."""
    step = snapshot.step
    if snapshot.status == "queued":
        at_once = bench().jobs.workers
        limit = "one job at a time" if at_once == 1 else f"{at_once} jobs at a time"
        st.info(
            f"Waiting: number {snapshot.place} in the queue. This server runs {limit}.",
            icon=":material/hourglass:",
        )
        return
    share = step.done / max(step.total, 1) if step else 0.0
    left = f" · about {snapshot.left:.0f} s left of this step" if snapshot.left is not None else ""
    paused = " · paused" if snapshot.status == "paused" else ""
    st.progress(min(share, 1.0), text=f"{plain(step.note) if step else 'starting'}{left}{paused}")


def follow(run: Generator[Step, None, Any]) -> Any:
    """Do short work within the visitor's own rerun, under a bar with the time left; returns its result."""
    began, place = time.perf_counter(), st.empty()

    def show(step: Step) -> None:
        share = min(step.done / max(step.total, 1), 1.0)
        seconds = time.perf_counter() - began
        left = f" · about {seconds * (1 - share) / share:.0f} s left" if share and seconds > 1 else ""
        place.progress(share, text=f"{plain(step.note)}{left}")

    try:
        return drain(run, show)
    finally:
        place.empty()


def buttons(job: str, snapshot: Snapshot) -> None:
    """Pause or go on, and stop: of a run that others watch, nobody takes it from them."""
    jobs, paused, shared = bench().jobs, snapshot.status == "paused", snapshot.others > 0
    with st.container(horizontal=True, vertical_alignment="center"):
        if paused:
            st.button("Go on", key=f"pause-{job}", on_click=jobs.pause, args=(job, False), width=140)
        else:
            st.button(
                "Pause", key=f"pause-{job}", on_click=jobs.pause, args=(job,), width=140, disabled=shared
            )
        st.button("Stop", key=f"stop-{job}", on_click=jobs.stop, args=(job,), width=140, disabled=shared)
        if shared:
            st.caption(f"{snapshot.others} more watching: it goes on for them.", width="content")


def watch(job: str, draw=None) -> None:  # type: ignore[no-untyped-def]
    """Follow a job until it ends, then rerun the page; `draw(snapshot)` paints what there is so far."""
    snapshot = bench().look(job)
    active = bool(snapshot and snapshot.active)

    @st.fragment(run_every=1.0 if active else None)
    def body() -> None:
        now = bench().look(job, visitor())
        if now is None or not now.active:
            st.rerun()
        progress(now)
        buttons(job, now)
        if draw:
            draw(now)

    if active:
        body()


def ask(
    slot: str, asked: Any, submit: Callable[[], str], place: Any, label: str, **looks: Any
) -> Snapshot | None:
    """The button that starts the job for `asked`, at `place`; returns what the visitor's job for just that
    has come to.
    """
    job = st.session_state.get(f"{slot}-job") if st.session_state.get(f"{slot}-for") == asked else None
    snapshot = bench().look(job) if job else None
    busy = bool(snapshot and snapshot.active)
    if place.button(
        label, icon=":material/play_arrow:", width="stretch", disabled=busy, key=f"{slot}-go", **looks
    ):
        st.session_state[f"{slot}-job"], st.session_state[f"{slot}-for"] = submit(), asked
        st.session_state.pop(f"{slot}-back", None)
        st.rerun()
    return snapshot


def outcome(
    slot: str,
    snapshot: Snapshot | None,
    live: Callable[[Snapshot], None],
    show: Callable[[Any], None],
    shipped: Any,
    hint: str,
) -> None:
    """An earlier run that was called back, else the job's progress, failure or result, else what was shipped,
    else a hint.

    Results have `labelled(job, source)`; earlier ones lie in the session under `<slot>-trail`.
    """
    earlier = trail.earlier(slot)
    if earlier is not None:
        show(earlier)
    elif snapshot and snapshot.active:
        watch(snapshot.key, live)
    elif snapshot and snapshot.status == "failed":
        st.error(plain(snapshot.error))
    elif snapshot and snapshot.result is not None:
        show(
            snapshot.result.labelled(
                snapshot.key, "live" if snapshot.status == "done" else "live, stopped early"
            )
        )
    elif shipped is not None:
        show(shipped)
    else:
        st.info(hint, icon=":material/play_arrow:")
