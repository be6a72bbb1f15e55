"""The tape of a joint training: participants, the attacker's posterior round by round, and, once it may be
seen, the truth. Played, scrubbed and bet on in the browser.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from mlleak_core.figures.scenes import Tape

HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "mlleak_round_tape",
    html='<div class="round-tape"></div>',
    css=(HERE / "round_tape.css").read_text(),
    js=(HERE / "round_tape.js").read_text(),
)


def round_tape(tape: Tape, key: str, betting: bool = False, playing: bool = False) -> int | None:
    """Draw the tape; while betting, the round that was clicked. playing: it runs once by itself."""
    state = st.session_state.get(key) or {}
    kept = state.get("bet")
    data: dict[str, Any] = {
        "name": tape.name,
        "rounds": tape.rounds,
        "at": tape.at.tolist(),
        "posterior": [round(float(p), 3) for p in tape.posterior],
        "present": None if tape.present is None else [int(p) for p in tape.present],
        "controlAt": None if tape.control_at is None else tape.control_at.tolist(),
        "control": None if tape.control is None else [round(float(p), 3) for p in tape.control],
        "alarm": tape.alarm,
        "bet": (-1 if kept is None else int(kept)) if betting else tape.bet,
        "participants": tape.participants,
        "title": tape.title,
        "betting": betting,
        "playing": playing,
    }
    found = _COMPONENT(key=key, data=data, default={"bet": kept}, on_bet_change=lambda: None)
    bet = found.bet
    return int(bet) if betting and bet is not None and 0 <= int(bet) < tape.rounds else None
