"""Guess first: a visitor's bet is locked before anything is shown."""

from __future__ import annotations

from typing import Any

import streamlit as st
from mlleak_core.language import say
from mlleak_core.report.evidence import shown


def locked(slot: str) -> Any:
    """The bet, once locked; empty where the visitor asked to be shown; None before."""
    return st.session_state.get(slot)


def buttons(slot: str, value: Any, disabled: bool = False) -> None:
    """Lock `value`, or skip the bet."""
    lock: Any = {"on_click": st.session_state.update}
    label, key = say("Lock my bet"), f"lock-{slot}"
    with st.container(horizontal=True):
        st.button(label, type="primary", disabled=disabled, key=key, kwargs={slot: value}, **lock)
        st.button(say("Just show me"), key=f"skip-{slot}", kwargs={slot: ""}, **lock)


def closed(slot: str, words: str = "") -> None:
    """Where the buttons were, as high as they: what became of the bet, so that nothing below it moves."""
    with st.container(key=f"locked-{slot}", vertical_alignment="center"):
        st.markdown(shown(words) if words else say("No bet: you asked to be shown."))
