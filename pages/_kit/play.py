"""A job on a page: the button that starts it, progress, time left, place in the queue, pause and stop, and
what comes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import streamlit as st
from mlleak_core.contract import Step, drain
from mlleak_core.language import kept, mark, plural, say
from mlleak_core.report.evidence import shown, whence
from mlleak_core.server.jobs import Snapshot
from mlleak_core.threat import Exhibit, Threat
from pages._kit import frame, trail
from pages._kit.frame import bench, visitor
from pages._kit.words import plain

ONE_BY_ONE = mark("Waiting: number {place} in the queue. This server runs one job at a time.")
ABREAST = mark("Waiting: number {place} in the queue. This server runs {n} jobs at a time.")
MEANWHILE = mark("**Meanwhile**, to look at and to bet on: {source}.")


def progress(snapshot: Snapshot) -> None:
    """The bar with its words."""
    step = snapshot.step
    if snapshot.status == "queued":
        waiting = plural(ONE_BY_ONE, ABREAST, bench().jobs.workers, place=snapshot.place)
        st.info(waiting, icon=":material/hourglass:")
        return
    share = step.done / max(step.total, 1) if step else 0.0
    ahead = snapshot.remaining()
    left = f" · {time_left(*ahead)}" if ahead else ""
    paused = f" · {say('paused')}" if snapshot.status == "paused" else ""
    st.progress(min(share, 1.0), text=f"{plain(step.note) if step else say('starting')}{left}{paused}")


def follow(run: Generator[Step, None, Any]) -> Any:
    """Do short work within the visitor's own rerun, under a bar with the time left; returns its result."""
    began, place = time.perf_counter(), st.empty()

    def show(step: Step) -> None:
        share = min(step.done / max(step.total, 1), 1.0)
        seconds = time.perf_counter() - began
        ahead = seconds * (1 - share) / share if share and seconds > 1 else 0.0
        left = f" · {time_left(ahead, ahead)}" if ahead else ""
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
            st.button(say("Go on"), key=f"pause-{job}", on_click=jobs.pause, args=(job, False), width=140)
        else:
            st.button(
                say("Pause"), key=f"pause-{job}", on_click=jobs.pause, args=(job,), width=140, disabled=shared
            )
        st.button(say("Stop"), key=f"stop-{job}", on_click=jobs.stop, args=(job,), width=140, disabled=shared)
        if shared:
            st.caption(say("{n} more watching: it goes on for them.", n=snapshot.others), width="content")


def watch(job: str, draw=None) -> None:  # type: ignore[no-untyped-def]
    """Follow a job until it ends, then rerun the page; `draw(snapshot)` paints what there is so far."""
    snapshot = bench().look(job)
    active = bool(snapshot and snapshot.active)

    @st.fragment(run_every=1.0 if active else None)
    @kept
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


def time_left(low: float, high: float) -> str:
    """How long the whole run will still take, at soonest and at latest, in words."""
    if high < 8:
        return say("a few seconds left")
    if low > 100:
        return say("about {minutes} min left", minutes=_between(low / 60, high / 60, 1))
    return say("about {seconds} s left", seconds=_between(low, high, 5))


def _between(low: float, high: float, step: int) -> str:
    first, last = max(step * round(low / step), step), step * max(round(high / step), 1)
    return f"{first}" if last <= first else f"{first}–{last}"


def meanwhile(exhibit: Exhibit) -> None:
    """Says what the shipped run below is doing there."""
    st.divider()
    st.caption(say(MEANWHILE, source=whence(exhibit.source)))


@dataclass(frozen=True)
class Room:
    """A threat's page around its runs: the button, what is seen meanwhile, what comes of it.

    slot: its prefix in the session. go: the words on the button. live(snapshot) paints what there is so far;
    show(exhibit) all of a finished run. hint: what to expect where nothing has been run.
    """

    threat: Threat
    slot: str
    go: str
    live: Callable[[Snapshot], None]
    show: Callable[[Any], None]
    hint: str

    def ask(self, settings: Any) -> Snapshot | None:
        """The button that starts a run of these settings; what the visitor's run of them has come to."""
        slot, (place, _) = self.slot, st.columns([1, 3])
        job = st.session_state.get(f"{slot}-job") if st.session_state.get(f"{slot}-for") == settings else None
        snapshot = bench().look(job) if job else None
        looks: dict[str, Any] = {"type": "primary", "icon": ":material/play_arrow:", "width": "stretch"}
        busy = bool(snapshot and snapshot.active)
        if place.button(shown(self.go), disabled=busy, key=f"{slot}-go", **looks):
            st.session_state[f"{slot}-job"] = bench().open(self.threat, settings)
            st.session_state[f"{slot}-for"] = settings
            st.session_state.pop(f"{slot}-back", None)
            st.rerun()
        return snapshot

    def outcome(self, settings: Any, snapshot: Snapshot | None) -> None:
        """An earlier run that was called back, else the run's progress, failure or result, else what was
        shipped, else a hint.
        """
        exhibit = trail.earlier(self.slot) or self._result(snapshot) or self._shipped(settings, snapshot)
        of = getattr(exhibit.about, "settings", settings) if exhibit else settings
        data, seed = getattr(of, "data", ""), getattr(of, "seed", 0)
        frame.run_card(data, seed, self.threat.card.title, self._stands(exhibit, snapshot))
        if exhibit:
            self.show(exhibit)
        elif snapshot and snapshot.active:
            watch(snapshot.key, self.live)
            exhibit = frame.alike(self.threat.card.slug, settings)
            meanwhile(exhibit)
            self.show(exhibit)
        elif snapshot and snapshot.status == "failed":
            st.error(plain(snapshot.error))
        else:
            st.info(shown(self.hint), icon=":material/play_arrow:")

    def _result(self, snapshot: Snapshot | None) -> Any:
        if snapshot is None or snapshot.active or snapshot.result is None:
            return None
        source = "live" if snapshot.status == "done" else "live, stopped early"
        return snapshot.result.labelled(snapshot.key, source)

    def _shipped(self, settings: Any, snapshot: Snapshot | None) -> Any:
        """The run of these settings that came with the program or was rehearsed, unless it is wanted live."""
        if snapshot and (snapshot.active or snapshot.status == "failed"):
            return None
        return frame.prepared(self.threat.card.slug, settings)

    @staticmethod
    def _stands(exhibit: Any, snapshot: Snapshot | None) -> str:
        if exhibit:
            return str(exhibit.source)
        if snapshot and snapshot.status == "failed":
            return say("failed")
        return say("running now") if snapshot and snapshot.active else say("not run yet")
