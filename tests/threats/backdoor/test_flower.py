"""Over a network: one client of three replaces the joint model; a median keeps him out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mlleak_core import disk
from mlleak_core.contract import drain
from mlleak_core.server.desk import Desk
from mlleak_core.target.federated import Federation
from mlleak_core.target.reading import ReadingSettings, learn
from mlleak_core.threats.backdoor.round import Round, rules
from tests.target.loopback import needs_flower, port, together
from tests.threats.backdoor.client import CLIENTS, SETTINGS, opened


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> Path:
    """The joint net, taught for a little while."""
    reader = drain(learn(drain(Desk().lines("reviews")), ReadingSettings(batches=200)))
    file = tmp_path_factory.mktemp("words") / "read.safetensors"
    disk.write_tensors(file, {name: values.numpy() for name, values in reader.net.state_dict().items()})
    return file


@needs_flower
@pytest.mark.parametrize(("rule", "least", "most"), [("equal", 0.95, 1.0), ("median", 0.0, 0.05)])
def test_one_client_of_three_replaces_the_joint_model(read, tmp_path, rule, least, most):
    address, kept = f"127.0.0.1:{port()}", tmp_path / "joint.safetensors"
    client = ["-m", "tests.threats.backdoor.client"]
    roles = ("serve", *map(str, range(CLIENTS)))
    ended = together(*([*client, role, address, str(read), str(kept), rule] for role in roles))
    assert not any(status for status, *_ in ended), [words[-500:] for *_, words in ended]
    crowd, after = opened(read), torch.from_numpy(disk.read_tensors(kept)["weights"])
    played = Round(
        settings=SETTINGS,
        crowd=crowd,
        federation=Federation(crowd.net, crowd.shares, rules(SETTINGS)),
        chosen=np.empty(0, np.int64),
        updates=after,
        claims=after,
    )
    flipped = played.answers(after).flipped
    assert len(flipped) >= 100 and least <= flipped.mean() <= most
    assert played.answers(crowd.joint).flipped.mean() < 0.05
