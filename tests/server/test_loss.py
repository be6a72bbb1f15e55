"""kill -9 in the midst of a training, an audit, a pair of twins and a save; `make bench` does it often."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts are forks")
def test_whatever_is_killed_the_next_start_has_all_that_was_finished_and_nothing_half():
    from benchmarks import loss

    kinds = ("training", "audit of tables", "twins", "save")
    found = loss.measure(moments=4, seed=1, kinds=kinds, seeds=(1,), before=("training",))
    assert found["killed"] == dict.fromkeys(kinds, 1)
    for wrong in ("lost", "believed", "otherwise", "litter"):
        assert not found[wrong], wrong
    assert not found["outlived"]
