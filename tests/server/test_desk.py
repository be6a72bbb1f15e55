"""What visitors share: a killed server, a folder that is gone, results equal to a lone run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from mlleak_core.contract import BadInput, drain
from mlleak_core.disk import runs_home
from mlleak_core.server.desk import Desk
from mlleak_core.target.settings import TrainSettings, run_key
from mlleak_core.target.training import fit, open_faces
from mlleak_core.threats.membership.card import THREAT as MEMBERSHIP
from mlleak_core.threats.membership.card import MembershipSettings

FOLLOW = """
import sys, time
from mlleak_core.target.settings import TrainSettings
from mlleak_core.server.desk import Desk
bench = Desk()
job = bench.train(TrainSettings(faces=1000, epochs=int(sys.argv[1])))
while (now := bench.look(job)).active:
    if now.step and now.step.peek:
        print("epoch", flush=True)
    time.sleep(0.02)
print(now.status, now.error, flush=True)
"""


def wait(bench, job):
    while bench.look(job).active:
        time.sleep(0.05)
    return bench.look(job)


def test_a_server_killed_in_mid_run_leaves_nothing_half_and_the_next_one_trains_the_same_bits():
    settings = TrainSettings(faces=1000, epochs=60)
    with subprocess.Popen([sys.executable, "-c", FOLLOW, "60"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "epoch\n"
        os.kill(server.pid, signal.SIGKILL)
    assert not (runs_home() / run_key(settings)).exists()
    bench = Desk()
    assert bench.finished(settings) is None
    short = TrainSettings(faces=1000, epochs=2)
    kept = wait(bench, bench.train(short)).result
    lone = drain(fit(drain(open_faces(short)), short))
    assert all(torch.equal(v, kept.states[2][k]) for k, v in lone.states[2].items())
    assert Desk().run(short).complete, "it survives a restart"


def test_two_visitors_at_once_get_what_each_would_get_alone():
    bench = Desk()
    wishes = [TrainSettings(faces=1000, epochs=2, seed=s) for s in (31, 32)]
    jobs = [bench.train(w) for w in wishes]
    for wish, job in zip(wishes, jobs, strict=True):
        lone = drain(fit(drain(open_faces(wish)), wish))
        np.testing.assert_array_equal(wait(bench, job).result.test_logits, lone.test_logits)


def test_a_paused_training_lets_another_visitor_train_and_ends_with_the_bits_of_a_lone_run():
    bench = Desk()
    paused, other = (TrainSettings(faces=1000, epochs=3, seed=s) for s in (33, 34))
    job = bench.train(paused)
    while not bench.look(job).step:
        time.sleep(0.01)
    bench.jobs.pause(job)
    assert wait(bench, bench.train(other)).status == "done", "it does not wait for the paused one"
    assert bench.look(job).status == "paused"
    bench.jobs.pause(job, False)
    lone = drain(fit(drain(open_faces(paused)), paused))
    np.testing.assert_array_equal(wait(bench, job).result.test_logits, lone.test_logits)


def test_a_run_whose_folder_is_gone_says_so(tmp_path, faces):
    folder = tmp_path / "own"
    folder.mkdir()
    lines = ["file,person,task,hat"]
    for i in range(120):
        Image.fromarray(faces.images[i]).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{faces.person[i]},{faces.task.codes[i]},{faces.target('Hat')[i]}")
    (folder / "table.csv").write_text("\n".join(lines))
    bench, settings = Desk(), TrainSettings(data=f"folder:{folder}", epochs=1)
    assert wait(bench, bench.train(settings)).status == "done"
    shutil.rmtree(folder)
    again = wait(bench, bench.train(settings))
    assert again.status == "failed"
    assert "folder of pictures" in again.error
    with pytest.raises(BadInput):
        drain(bench.faces(settings.data))


def test_a_full_disk_costs_the_keeping_not_the_run(monkeypatch):
    import errno

    from mlleak_core import disk

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk.np, "savez", full)
    bench, settings = Desk(), TrainSettings(faces=1000, epochs=1, seed=77)
    done = wait(bench, bench.train(settings))
    assert done.status == "done"
    assert "No space left" in done.step.note
    assert done.result.complete
    assert bench.run(settings) is done.result


def test_an_audit_streams_in_and_stop_keeps_what_there_is():
    bench, settings = Desk(), MembershipSettings(data="clinic", shadows=256, seed=3, epochs=40, attack="all")
    job = bench.open(MEMBERSHIP, settings)
    seen = set()
    while bench.look(job).active:
        step = bench.look(job).step
        if step and step.peek:
            seen.add(step.peek["exhibit"].about.shadows)
            if len(seen) == 1:
                bench.jobs.stop(job)
        time.sleep(0.01)
    now = bench.look(job)
    assert seen, "curves were there before the end"
    assert now.status == "stopped"
    assert 2 <= now.result.about.shadows < 256
    assert set(now.result.slugs) >= {"lira", "base", "loss", "label-only"}
    bench.close()


def test_a_run_of_the_train_page_can_be_attacked():
    bench, run = Desk(), TrainSettings(faces=1000, epochs=3, seed=8)
    attacked = MembershipSettings(
        preset="full", shadows=2, seed=8, reveal="label", attack="all", experiment=run
    )
    wait(bench, bench.train(run))
    job = bench.open(MEMBERSHIP, attacked)
    found = wait(bench, job)
    assert found.status == "done", found.error
    kept = bench.run(run)
    assert found.result.arrays["member"].sum() == len(kept.split.members)
    assert "rmia" in found.result.about.skipped, "it needs records that nobody trained on, and says so"
    bench.close()
