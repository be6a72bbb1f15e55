"""Runs on disk: whole or not at all, and never believed blindly."""

from __future__ import annotations

import errno
import json

import numpy as np
import pytest
import torch

from mlleak_core import disk
from mlleak_core.contract import BadInput
from mlleak_core.target.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


def test_a_run_comes_back_as_it_was(store, target, faces):
    store.save(target)
    back = Store(store.root).load(target.key)
    assert back.settings == target.settings
    assert back.complete
    for epoch, state in target.states.items():
        assert all(torch.equal(v, back.states[epoch][k]) for k, v in state.items())
    np.testing.assert_array_equal(back.split.members, target.split.members)
    assert back.report(faces) == target.report(faces)


@pytest.mark.parametrize("name", ["weights.safetensors", "arrays.npz"])
def test_a_tampered_file_is_refused(store, target, name):
    home = store.save(target)
    blob = bytearray((home / name).read_bytes())
    blob[-3] ^= 1
    (home / name).write_bytes(bytes(blob))
    with pytest.raises(BadInput, match="Delete the run"):
        store.load(target.key)


@pytest.mark.parametrize("text", ["{", "[]", '{"sha256": {}}', "null"])
def test_a_broken_description_is_refused(store, target, text):
    (store.save(target) / "run.json").write_text(text)
    with pytest.raises(BadInput):
        store.load(target.key)
    assert isinstance(list(store.listing()), list)


def test_a_pickle_in_disguise_is_never_loaded(store, target):
    home = store.save(target)
    np.savez(home / "arrays.npz", evil=np.array([object()], object))
    about = json.loads((home / "run.json").read_text())
    about["sha256"]["arrays.npz"] = disk.digests(home, ("arrays.npz",))["arrays.npz"]
    (home / "run.json").write_text(json.dumps(about))
    with pytest.raises(BadInput):
        store.load(target.key)


def test_a_full_disk_leaves_nothing_behind_and_the_old_run_alone(store, target, monkeypatch):
    store.save(target)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        store.save(target)
    assert [p.name for p in store.root.iterdir()] == [target.key]
    monkeypatch.undo()
    assert store.load(target.key).complete


def test_a_server_killed_while_saving_shows_no_half_run(store, target):
    (store.root / ".draft-abc").mkdir(parents=True)
    (store.root / ".draft-abc" / "run.json").write_text("{}")
    assert not store.has(target.key)
    with pytest.raises(BadInput, match="Train it first"):
        store.load(target.key)
