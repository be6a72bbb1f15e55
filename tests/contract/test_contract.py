"""The words all speak: settings, steps, fingerprints."""

from __future__ import annotations

import pytest

from mlleak_core import contract
from mlleak_core.contract import BadInput, Step, drain
from mlleak_core.target.settings import TrainSettings


def test_a_value_out_of_range_says_expected_got_and_remedy():
    with pytest.raises(BadInput, match=r"Expected epochs between 1 and 100; got 0. Choose"):
        TrainSettings(epochs=0)
    with pytest.raises(BadInput, match="conv-3"):
        TrainSettings(net="huge")
    with pytest.raises(BadInput):
        TrainSettings(epochs=True)
    with pytest.raises(BadInput):
        TrainSettings(lr=float("nan"))


def test_fingerprint_sees_every_field():
    seen = {contract.fingerprint(TrainSettings())}
    for change in (
        {"data": "lfw"},
        {"faces": 500},
        {"epochs": 3},
        {"lr": 0.01},
        {"augment": False},
        {"net": "conv-3 wide"},
        {"dropout": 0.3},
        {"mixup": 0.0},
        {"seed": 5},
    ):
        seen.add(contract.fingerprint(TrainSettings(**change)))
    assert len(seen) == 10


def test_drain_returns_the_result_and_passes_the_steps():
    def work():
        yield Step(1, 2, "one")
        yield Step(2, 2, "two")
        return 42

    seen = []
    assert drain(work(), seen.append) == 42
    assert [s.note for s in seen] == ["one", "two"]
