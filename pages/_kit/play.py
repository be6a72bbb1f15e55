"""A running job on a page: progress, time left, place in the queue, pause and stop."""

from __future__ import annotations

import streamlit as st
from mlleak_core.jobs import Snapshot
from pages._kit.shell import bench


def progress(snapshot: Snapshot) -> None:
    """The bar with its words."""
    step = snapshot.step
    if snapshot.status == "queued":
        st.info(
            f"Waiting: {snapshot.place} in the queue. This server runs {bench().jobs.workers} job(s) at a time.",
            icon=":material/hourglass:",
        )
        return
    share = step.done / max(step.total, 1) if step else 0.0
    left = f" · about {snapshot.left:.0f} s left" if snapshot.left is not None else ""
    paused = " · paused" if snapshot.status == "paused" else ""
    st.progress(min(share, 1.0), text=f"{step.note if step else 'starting'}{left}{paused}")


def buttons(job: str, snapshot: Snapshot) -> None:
    """Pause or go on, and stop."""
    one, two, _ = st.columns([1, 1, 4])
    paused = snapshot.status == "paused"
    one.button(
        "Go on" if paused else "Pause", key=f"pause-{job}", on_click=bench().jobs.pause, args=(job, not paused), width="stretch"
    )
    two.button("Stop", key=f"stop-{job}", on_click=bench().jobs.stop, args=(job,), width="stretch")


def watch(job: str, draw=None) -> None:  # type: ignore[no-untyped-def]
    """Follow a job until it ends, then rerun the page; `draw(snapshot)` paints what there is so far."""
    snapshot = bench().look(job)
    active = bool(snapshot and snapshot.active)

    @st.fragment(run_every=1.0 if active else None)
    def body() -> None:
        now = bench().look(job)
        if now is None or not now.active:
            st.rerun()
        progress(now)
        buttons(job, now)
        if draw:
            draw(now)

    if active:
        body()
