"""Which language a page speaks: chosen by the switch in the sidebar, kept in the address by its code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from mlleak_core.language import ENGLISH, languages, say, speak, speaking, spoken
from pages._kit.words import UNKNOWN, plain


def begin() -> None:
    """From here on the page speaks the visitor's language: the one chosen, else the address's."""
    speak(_asked())
    if st.session_state.setdefault("spoken", spoken()) != spoken():
        st.session_state["spoken"] = spoken()
        for name, value in list(st.session_state.items()):  # controls hold the words of what is chosen
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                st.session_state[name] = value


def untranslated() -> None:
    """Say it where the address asks for a language that is not there."""
    code = _asked()
    if code not in languages():
        there = ", ".join(languages())
        st.warning(say(UNKNOWN, name="lang", asked=plain(code[:20]), known=there, usual=ENGLISH))


def switch() -> None:
    """The switch; it stays in the address."""
    names = languages()
    with st.container(key="unseen-lang"):  # the address holds the code, people read the name
        st.text_input(say("Language in the address"), ENGLISH, key="lang", bind="query-params")
    st.session_state["lang-of"] = spoken()
    looks: dict[str, Any] = {"format_func": names.__getitem__, "label_visibility": "collapsed"}
    label = say("Language")
    st.segmented_control(label, list(names), key="lang-of", on_change=_switched, required=True, **looks)


def reworded(key: str, options: Sequence[Any], written: Callable[[Any], str]) -> None:
    """Read an address that was made in another language: it holds the words of an option."""
    asked = st.query_params.get(key, "")
    if key in st.session_state or asked in ("", *map(written, options)):
        return
    for option in options:
        if asked in _spellings(option, written):
            st.session_state[key] = option


def _asked() -> str:
    return str(st.session_state.get("lang", st.query_params.get("lang", ENGLISH)))


def _switched() -> None:
    st.session_state["lang"] = st.session_state["lang-of"]


def _spellings(option: Any, written: Callable[[Any], str]) -> list[str]:
    """The words of an option in every language."""
    found = []
    for code in languages():
        with speaking(code):
            found.append(written(option))
    return found
