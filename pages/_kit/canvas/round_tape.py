"""The tape of a joint training: participants, the attacker's posterior round by round, and, once it may be
seen, the truth. Played, scrubbed and bet on in the browser.
"""

from __future__ import annotations

from typing import Any

import streamlit as st
from mlleak_core.figures import canvases
from mlleak_core.figures.scenes import Tape

_COMPONENT = st.components.v2.component(
    "mlleak_round_tape",
    html=canvases.markup(canvases.ROUND_TAPE),
    css=canvases.css(canvases.ROUND_TAPE),
    js=canvases.js(canvases.ROUND_TAPE),
)


def round_tape(tape: Tape, key: str, betting: bool = False, playing: bool = False) -> int | None:
    """Draw the tape; while betting, the round that was clicked. playing: it runs once by itself."""
    state = st.session_state.get(key) or {}
    kept = state.get("bet")
    said = (-1 if kept is None else int(kept)) if betting else tape.bet
    mine: dict[str, Any] = {"bet": said, "betting": betting, "playing": playing}
    data = canvases.tape(tape) | mine
    found = _COMPONENT(key=key, data=data, default={"bet": kept}, on_bet_change=lambda: None)
    bet = found.bet
    return int(bet) if betting and bet is not None and 0 <= int(bet) < tape.rounds else None
