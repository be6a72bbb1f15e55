"""Uploads belong to who brought them; letting go takes nothing from others; memory is counted."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mlleak_core.contract import BadInput
from mlleak_core.server import uploads
from mlleak_core.server.uploads import Uploads


def faces(megabytes: float = 1.0) -> SimpleNamespace:
    return SimpleNamespace(images=np.zeros(int(megabytes * 2**20), np.uint8))


def test_thirty_visitors_keep_theirs_within_the_budget():
    kept = Uploads(budget=40)
    for visitor in range(30):
        kept.keep(f"upload:{visitor}", str(visitor), faces())
    assert all(kept.faces(f"upload:{visitor}") is not None for visitor in range(30))


def test_who_finds_no_room_is_told_and_nobody_loses_anything():
    kept = Uploads(budget=3)
    for visitor in range(3):
        kept.keep(f"upload:{visitor}", str(visitor), faces())
    with pytest.raises(
        BadInput, match="at most 3 MB of all visitors together; got 1 MB more, with 0 MB left"
    ):
        kept.keep("upload:late", "late", faces())
    assert all(kept.faces(f"upload:{visitor}") is not None for visitor in range(3))


def test_what_nobody_looked_at_for_long_makes_room(monkeypatch):
    kept, clock = Uploads(budget=2), [0.0]
    monkeypatch.setattr(uploads.time, "monotonic", lambda: clock[0])
    kept.keep("upload:old", "a", faces())
    clock[0] = uploads.IDLE
    kept.keep("upload:new", "b", faces())
    clock[0] += 60
    kept.keep("upload:third", "c", faces())
    assert kept.faces("upload:old") is None and kept.faces("upload:new") is not None


def test_letting_go_takes_nothing_from_another_who_brought_the_same():
    kept = Uploads()
    kept.keep("upload:x", "one", faces())
    assert kept.own("upload:x", "two")
    kept.hold("upload:x", "run", "a net")
    assert not kept.let_go("upload:x", "one"), "the other still has it"
    assert kept.faces("upload:x") is not None and kept.held("run") == "a net"
    assert kept.let_go("upload:x", "two")
    assert kept.faces("upload:x") is None and kept.held("run") is None
    assert not kept.own("upload:x", "one")


def test_runs_of_one_upload_are_not_pushed_out_by_those_of_others():
    kept = Uploads()
    kept.keep("upload:mine", "one", faces())
    kept.keep("upload:other", "two", faces())
    kept.hold("upload:mine", "mine", 1)
    for i in range(20):
        kept.hold("upload:other", f"other-{i}", i)
    assert kept.held("mine") == 1
    assert kept.held("other-0") is None, "one's own are limited"


@pytest.mark.parametrize("said", ["0", "many", "-3"])
def test_a_budget_that_is_none_is_refused(monkeypatch, said):
    monkeypatch.setenv("MLLEAK_UPLOAD_MB", said)
    with pytest.raises(BadInput, match="MLLEAK_UPLOAD_MB"):
        Uploads()
