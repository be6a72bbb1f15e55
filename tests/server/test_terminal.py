"""Progress where somebody watches."""

from __future__ import annotations

import io

from mlleak_core.contract import Step
from mlleak_core.server.terminal import progress


def test_a_bar_shows_note_and_share_and_a_new_total_begins_another():
    out = io.StringIO()
    with progress(out, watched=True) as on_step:
        on_step(Step(1, 4, "training"))
        on_step(Step(4, 4, "training"))
        on_step(Step(1, 2, "judging"))
    text = out.getvalue()
    assert "training" in text and "judging" in text and "4/4" in text


def test_nothing_is_written_where_nobody_watches():
    out = io.StringIO()
    with progress(out) as on_step:
        on_step(Step(1, 2, "training"))
    assert out.getvalue() == ""
