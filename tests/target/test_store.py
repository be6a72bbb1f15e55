"""Runs on disk: whole or not at all, and never believed blindly."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time

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


KILLED = """
import os, signal, sys
from pathlib import Path
from mlleak_core import disk

home, steps = disk.runs_home() / "one", int(sys.argv[1])

def count(event, _):
    global steps
    if event in {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}:
        steps -= 1
        if not steps:
            os.kill(os.getpid(), signal.SIGKILL)

def save(word):
    with disk.draft(home) as draft:
        for name in ("a", "b"):
            (draft / name).write_text(word)

save("old")
sys.addaudithook(count)
save("new")
with disk.draft_file(home.parent / "file") as file:
    file.write(b"whole")
"""


def test_whoever_is_killed_at_any_step_of_saving_leaves_the_old_run_or_the_new_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    words, steps, runs = [], 0, tmp_path / "runs"
    while True:
        steps += 1
        ended = subprocess.run([sys.executable, "-c", KILLED, str(steps)], check=False).returncode
        disk.tidy()
        found = {p.name: p.read_text() for p in (runs / "one").iterdir()}
        assert found in ({"a": "old", "b": "old"}, {"a": "new", "b": "new"}), f"killed at step {steps}"
        words.append(found["a"])
        assert {p.name for p in runs.iterdir()} <= {"one", "file"}, "nothing lies about"
        if (runs / "file").exists():
            assert (runs / "file").read_bytes() == b"whole"
        if not ended:
            break
    assert words == sorted(words, reverse=True), "the old one up to a step, then the new one"
    assert words.count("old") > 4
    assert words.count("new") > 2


def test_what_another_is_still_writing_stays(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    with disk.draft(tmp_path / "runs" / "one") as draft, (draft / "a").open("w") as file:
        disk.tidy()
        file.write("whole")
    assert (tmp_path / "runs" / "one" / "a").read_text() == "whole"


def test_where_nobody_can_lock_a_draft_is_left_for_a_day(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(disk, "fcntl", None)
    old, young = (tmp_path / "runs" / f"{disk.DRAFT}{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, times=(time.time() - 2 * disk.A_DAY,) * 2)
    disk.tidy()
    assert young.exists()
    assert not old.exists()
