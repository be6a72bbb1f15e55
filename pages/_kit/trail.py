"""The trail of finished runs: every one leaves a dot, and a click on it brings the run back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from mlleak_core.language import say
from mlleak_core.report.evidence import shown
from mlleak_core.threat import Exhibit

Drawing = Callable[[Sequence[Exhibit], int], Any]


def dots(slot: str, exhibit: Exhibit, label: str, figure: Drawing) -> None:
    """Remember a finished exhibit for the session, and draw all of them. figure(runs, chosen): a Plotly
    figure.
    """
    runs: list[Exhibit] = st.session_state.setdefault(f"{slot}-trail", [])
    if exhibit.job not in [r.job for r in runs]:
        runs.append(exhibit)
    chosen = [r.job for r in runs].index(exhibit.job)
    st.markdown(shown(label))
    event = st.plotly_chart(
        figure(runs, chosen),
        key=f"{slot}-dots-{len(runs)}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt=say("A dot a finished run; its numbers stand on the run's own page"),
    )
    points = event["selection"]["points"] if event else []
    if points and points[0].get("curve_number", 0) == 0:
        clicked = runs[points[0]["point_index"]].job
        if clicked != exhibit.job:
            st.session_state[f"{slot}-back"] = clicked
            st.rerun()


def earlier(slot: str) -> Exhibit | None:
    """The finished run that was called back by a click, once."""
    back = st.session_state.pop(f"{slot}-back", None)
    runs: list[Exhibit] = st.session_state.get(f"{slot}-trail", [])
    return next((r for r in runs if r.job == back), None) if back else None
