"""The contract, over everything that is discovered."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from mlleak_core import contract
from mlleak_core.threats.features.ladder import LayerLadder
from mlleak_core.contract import BadInput, Card, Step, drain
from mlleak_core.threats.features.maps import MapSettings
from mlleak_core.target.settings import MembershipSettings, ReconstructionSettings, TrainSettings

SETTINGS = [TrainSettings, MapSettings, LayerLadder, MembershipSettings, ReconstructionSettings]


@pytest.mark.parametrize("threat", contract.discover(), ids=lambda m: m.CARD.slug)
def test_every_threat_tells_its_story(threat):
    assert isinstance(threat.CARD, Card)
    assert threat.CARD.slug == threat.__name__.rsplit(".", 1)[1]
    assert threat.CARD.papers
    for name in ("View", "Claim", "Report", "stage", "judge", "verdict"):
        assert getattr(threat, name).__doc__, f"{name} must say what it is"
    classes = [c for c in vars(threat).values() if isinstance(c, type) and hasattr(c, "run") and c.__module__ == threat.__name__]
    attacks = [c for c in classes if not c.__subclasses__()]
    assert attacks
    for attack in attacks:
        assert getattr(attack, "__final__", False)
        assert dataclasses.is_dataclass(attack)


@pytest.mark.parametrize("settings", SETTINGS)
def test_settings_are_frozen_hashable_and_checked(settings):
    default = settings()
    assert hash(default) == hash(settings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        default.seed = 1
    for knob in contract.knobs(settings):
        assert knob.help
        knob.check(knob.default)
        with pytest.raises(BadInput):
            knob.check(object())


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


def test_the_core_never_imports_streamlit_and_the_light_part_never_imports_torch():
    code = "import sys, mlleak_core.threats.features.exhibit, mlleak_core.server.desk, mlleak_core.server.jobs, mlleak_core.threats.membership.exhibit, mlleak_core.threats.reconstruction.exhibit, mlleak_core.threats.reconstruction.capacity, mlleak_core.figures.reconstruction; assert 'torch' not in sys.modules; assert 'umap' not in sys.modules;"
    code += "import mlleak_core.threats.features.maps, mlleak_core.__main__, mlleak_core.figures.ladder; assert 'streamlit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
