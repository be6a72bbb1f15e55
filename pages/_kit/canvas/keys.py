"""Keys of the keyboard for what a page has as links and buttons: a presenter turns pages without looking."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

DRAW = st.components.v2.component("mlleak_keys", js=(Path(__file__).parent / "keys.js").read_text())


def keys(what: Mapping[str, str], key: str) -> None:
    """Press a link or a button by a key. what: the key's name -> the key of the container that holds it."""
    DRAW(data=dict(what), key=key)
