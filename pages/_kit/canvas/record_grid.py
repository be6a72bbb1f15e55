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
        "items": [vars(item) | {"alt": _alt(item, i, len(items), atlas)} for i, item in enumerate(items, 1)],
        "says": _group(many, locked),
        "atlas": base64.b64encode(atlas).decode(),
        "sprite": sprite,
        "columns": columns,
        "many": many,
        "locked": locked,
        "chosen": now,
    }
    found = _COMPONENT(key=key, data=data, default={"chosen": now}, on_chosen_change=lambda: None)
    return [int(i) for i in (found.chosen or []) if 0 <= int(i) < len(items)]


def _alt(item: Item, number: int, count: int, atlas: bytes) -> str:
    """An item for those who do not see it."""
    of = {"number": number, "count": count}
    nameless = say("picture {number} of {count}", **of) if atlas else say("record {number} of {count}", **of)
    return ", ".join(filter(None, (item.label or nameless, item.mark)))


def _group(many: bool, locked: bool) -> str:
    """What the whole grid is."""
    if locked:
        return say("Records")
    return say("Records: choose any") if many else say("Records: choose one")
