"""A grid of records to click: thumbnails or words; one or many may be chosen, by mouse or keyboard."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from mlleak_core.language import say

HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "mlleak_record_grid",
    html='<div class="record-grid"></div>',
    css=(HERE / "record_grid.css").read_text(),
    js=(HERE / "record_grid.js").read_text(),
)


@dataclass(frozen=True)
class Item:
    """at: place in the atlas; label: under it; mark: a word in its corner; tone: good, bad, pin or empty."""

    at: int
    label: str = ""
    mark: str = ""
    tone: str = ""


def record_grid(
    key: str,
    items: Sequence[Item],
    atlas: bytes,
    sprite: int,
    columns: int,
    chosen: Sequence[int],
    many: bool,
    locked: bool = False,
) -> list[int]:
    """Draw the grid; the positions chosen so far."""
    state = st.session_state.get(key) or {}
    kept = state.get("chosen")
    now = [int(i) for i in (chosen if kept is None else kept)]
    data: dict[str, Any] = {
        "items": [vars(i) for i in items],
        "atlas": base64.b64encode(atlas).decode(),
        "sprite": sprite,
        "columns": columns,
        "many": many,
        "locked": locked,
        "chosen": now,
        "words": _words(bool(atlas), many, locked),
    }
    found = _COMPONENT(key=key, data=data, default={"chosen": now}, on_chosen_change=lambda: None)
    return [int(i) for i in (found.chosen or []) if 0 <= int(i) < len(items)]


def _words(pictures: bool, many: bool, locked: bool) -> dict[str, str]:
    """What is read out where nothing is seen."""
    choose = say("Records: choose any") if many else say("Records: choose one")
    item = say("picture {n} of {all}") if pictures else say("record {n} of {all}")
    return {"group": say("Records") if locked else choose, "item": item}
