"""Flower between processes on loopback: the joint model is ours, the attack succeeds there,
and who is not there, dies, or brings other settings is a sentence.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlleak_core import disk
from mlleak_core.__main__ import main
from mlleak_core.contract import BadInput, drain
from mlleak_core.server.desk import Desk
from mlleak_core.target import flower
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.flower import join as joined
from mlleak_core.threats.property.flower import recipe
from mlleak_core.threats.property.flower import serve as led
from mlleak_core.threats.property.parties import parties
from mlleak_core.threats.property.run import Training
from tests.target.loopback import PYTHON, ROOT, needs_flower, port, together

FACES = PropertySettings(property="marked: yes", rounds=60, enters=0.2, batch=16, participants=3)
REVIEWS = dataclasses.replace(FACES, data="reviews", property="author:Hugo", batch=32)

TOY = """
import dataclasses, json, os, signal, sys, torch
from mlleak_core.contract import BadInput
from mlleak_core.defences.on_updates import CATALOGUE
from mlleak_core.target import flower

role, address, dies, recipe = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
rule = CATALOGUE.get(sys.argv[5]) if len(sys.argv) > 5 else None
if sys.argv[5:] == ["krum"]:
    rule = dataclasses.replace(rule, malicious=0)
shapes = [torch.Size((2, 2)), torch.Size((1,))]

class Toy:
    claim = 10**6 if role == "98" else 1

    def sends(self, number, weights, behind):
        if number == dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.full_like(weights, float(role) + 1)

    def ends(self, weights, behind):
        return 0.5

try:
    if role == "serve":
        lead = flower.Lead(participants=3, rounds=6, recipe=recipe, wait=float(dies),
            on_round=lambda number, count: None, rule=rule)
        served = flower.serve(torch.zeros(5), shapes, address, lead)
        print(json.dumps([served.weights.tolist(), served.took_part, served.loss]))
    else:
        flower.join(Toy(), shapes, who=int(role), server=address, recipe=recipe, wait=30)
except BadInput as problem:
    sys.exit(str(problem))
"""


FEW = """
import json, sys, torch
from pathlib import Path
from mlleak_core import disk
from mlleak_core.target import flower
from mlleak_core.threats.property.card import PropertySettings
from mlleak_core.threats.property.flower import recipe
from mlleak_core.threats.property.run import joint_net

settings, rounds, sent = PropertySettings(**json.loads(sys.argv[3])), int(sys.argv[4]), []

class Mean:
    def in_round(self, number):
        return self

    def __call__(self, updates, claims):
        sent.append(updates)
        return updates.mean(0)

parts = [p.detach() for p in joint_net(settings).parameters()]
lead = flower.Lead(participants=3, rounds=rounds, recipe=recipe(settings, ()), wait=60,
    on_round=lambda number, count: None, rule=Mean() if rounds > 4 else None)
served = flower.serve(flower.flat([p.numpy() for p in parts]), [p.shape for p in parts], sys.argv[1], lead)
early = {"sent": torch.stack(sent[:4]).numpy()} if sent else {}
disk.write_tensors(Path(sys.argv[2]), {"weights": served.weights.numpy(), **early})
print(json.dumps({"report": {"rounds": len(served.took_part)}}))
"""
"""Leads four rounds; rounding grows from round to round. Where it leads more, it keeps what was sent in the
first four."""


def _toys(dies: int = -1, third: str = "2", recipe: str = "r", wait: int = 60, rule: str = "") -> Any:
    address = f"127.0.0.1:{port()}"
    server = ["-c", TOY, "serve", address, str(wait), "r", *([rule] if rule else [])]
    honest = [["-c", TOY, str(who), address, "-1", "r"] for who in (0, 1)]
    return together(server, *honest, ["-c", TOY, third, address, str(dies), recipe])


@pytest.fixture(scope="module")
def marked(faces, tmp_path_factory) -> str:
    """Faces of which half of the people wear a bright square, as a folder that every process reads."""
    home = tmp_path_factory.mktemp("marked")
    with (home / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "person", "kind", "marked"])
        for number, image in enumerate(faces.images):
            has, seen = faces.person[number] % 2, image.copy()
            seen[4:20, 4:20] = (255, 255, 0) if has else seen[4:20, 4:20]
            Image.fromarray(seen).save(home / f"{number}.png")
            kind = "ab"[faces.task.codes[number]]
            table.writerow([f"{number}.png", faces.person[number], kind, ("no", "yes")[has]])
    return f"folder:{home}"


@pytest.fixture(scope="module")
def decoded(marked):
    """Once, for all processes."""
    return drain(Desk().faces(marked))


def _options(settings: PropertySettings) -> list[str]:
    names = ("data", "property", "attack", "rounds", "enters", "batch", "participants")
    return [f"--{name}={getattr(settings, name)}" for name in names]


def _served(settings: PropertySettings, place: str, kept: Path) -> list[str]:
    serve = ["-m", "mlleak_core", "federate", "serve", "--address", place, "--weights", str(kept)]
    return [*serve, *_options(settings)]


def _watched(settings: PropertySettings, place: str, kept: Path, rounds: int) -> list[str]:
    return ["-c", FEW, place, str(kept), json.dumps(settings.as_dict()), str(rounds)]


def _joined(settings: PropertySettings, place: str, lead: list[str]) -> list[Any]:
    """What each of three participants said in the end, behind what the leader said."""
    join = ["-m", "mlleak_core", "federate", "join", "--server", place, *_options(settings)]
    ended = together(lead, *([*join, f"--participant={k}"] for k in range(3)))
    assert [status for status, _, _ in ended] == [0] * 4, ended
    return [json.loads(said)["report"] for _, said, _ in ended]


@needs_flower
@pytest.mark.parametrize("attack", ["online", "passive"])
def test_the_attack_succeeds_among_flower_clients(marked, decoded, tmp_path, attack):
    settings = dataclasses.replace(FACES, attack=attack)
    place, kept = f"127.0.0.1:{port()}", tmp_path / "joint.safetensors"
    there = dataclasses.replace(settings, data=marked)
    led, attacker, *honest = _joined(there, place, _served(settings, place, kept))
    assert led["took_part"] == [3] * 60 and led["loss"] > 0
    assert attacker["auc"] > 0.8 and attacker["looks"] == 30
    assert abs(attacker["shuffled_auc"] - 0.5) < 0.3
    assert not any("auc" in report for report in honest)
    assert np.isfinite(disk.read_tensors(kept)["weights"]).all()


@needs_flower
def test_the_joint_model_is_that_of_a_federation(marked, decoded, tmp_path):
    place, kept = f"127.0.0.1:{port()}", tmp_path / "joint.safetensors"
    led, *_ = _joined(dataclasses.replace(FACES, data=marked), place, _watched(FACES, place, kept, 4))
    ours = Training(settings=FACES, deal=parties(FACES, decoded)).federation
    first = ours.weights
    for number in range(led["rounds"]):
        ours.round(number)
    found = disk.read_tensors(kept)["weights"]
    np.testing.assert_allclose(found, ours.weights.numpy(), rtol=0, atol=1e-5)
    assert abs(found - first.numpy()).max() > 1e-2


@needs_flower
def test_the_active_attacker_sends_what_is_not_honest_and_succeeds(marked, decoded, tmp_path):
    settings = dataclasses.replace(FACES, attack="active")
    place, kept = f"127.0.0.1:{port()}", tmp_path / "joint.safetensors"
    there = dataclasses.replace(settings, data=marked)
    led, attacker, *_ = _joined(there, place, _watched(settings, place, kept, settings.rounds))
    deal, everybody = parties(settings, decoded), np.arange(3)
    ours, honest = (Training(settings=s, deal=deal).federation for s in (settings, FACES))
    for number, sent in enumerate(disk.read_tensors(kept)["sent"]):
        round_ = ours.round(number)
        otherwise = honest.sent(everybody, number, round_.before).numpy()
        np.testing.assert_allclose(sent, round_.updates.numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(sent[1:], otherwise[1:], rtol=0, atol=1e-5)
        assert np.linalg.norm(sent[0] - otherwise[0]) > 0.5 * np.linalg.norm(otherwise[0])
    assert led["rounds"] == 60 and attacker["looks"] == 30
    assert attacker["auc"] > 0.8 and attacker["verdict"] == "shows in the updates"
    assert abs(attacker["shuffled_auc"] - 0.5) < 0.3


@needs_flower
def test_the_author_is_found_among_flower_clients(tmp_path):
    place, kept = f"127.0.0.1:{port()}", tmp_path / "joint.safetensors"
    led, attacker, *honest = _joined(REVIEWS, place, _served(REVIEWS, place, kept))
    assert led["took_part"] == [3] * 60
    assert attacker["auc"] > 0.8 and attacker["verdict"] == "shows in the updates"
    assert abs(attacker["shuffled_auc"] - 0.5) < 0.3
    assert not any("auc" in report for report in honest)
    assert np.isfinite(disk.read_tensors(kept)["weights"]).all()


@needs_flower
@pytest.mark.parametrize(
    ("rule", "step"), [("", 99.0), ("equal", 34.0), ("median", 2.0), ("outliers", 1.5), ("krum", 1.0)]
)
def test_a_server_follows_our_rules_and_a_lie_about_records_beats_the_mean(rule, step):
    """Updates of 1, 2 and 99; the last one claims a million records."""
    (status, said, words), *_ = _toys(third="98", rule=rule)
    assert status == 0, words
    weights, took_part, _ = json.loads(said)
    assert took_part == [3] * 6
    np.testing.assert_allclose(weights, [6 * step] * 5, rtol=1e-3)


@needs_flower
def test_a_rule_that_needs_more_clients_says_so():
    (status, _, words), *_ = _toys(rule="multi-krum")
    assert status != 0 and "at least 5 updates" in words


@needs_flower
def test_a_client_killed_in_mid_round_is_done_without():
    (status, said, words), *clients = _toys(dies=3)
    assert status == 0, words
    weights, took_part, loss = json.loads(said)
    assert took_part == [3, 3, 3, 2, 2, 2] and loss == 0.5
    assert weights == pytest.approx([3 * 2.0 + 3 * 1.5] * 5)
    assert [client[0] for client in clients] == [0, 0, -9]


@needs_flower
@pytest.mark.parametrize(
    ("odd", "whose", "words"),
    [
        ({"recipe": "other"}, 3, "a server with the same settings as this participant"),
        ({"third": "1"}, 0, "participants with a number each; got two who are number 1"),
    ],
)
def test_who_does_not_belong_is_a_sentence(odd, whose, words):
    ended = _toys(**odd)
    assert ended[whose][0] == 1 and words in ended[whose][2]
    assert not any("Traceback" in said for _, _, said in ended)


@needs_flower
def test_a_server_does_not_wait_for_ever():
    ((status, _, words),) = together(["-c", TOY, "serve", f"127.0.0.1:{port()}", "1", "r"])
    assert status == 1 and words.startswith("Expected 3 participants within 1 seconds; got 0.")


@needs_flower
def test_a_server_that_is_not_flowers_is_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = f"127.0.0.1:{mute.getsockname()[1]}"
        mute.settimeout(30)
        client = subprocess.Popen(
            [PYTHON, "-c", TOY, "0", place, "-1", "r"], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            for _ in range(2):  # the first only looks whether somebody is there
                mute.accept()[0].close()
            mute.close()
            _, words = client.communicate(timeout=60)
        finally:
            client.kill()
    assert client.returncode == 1 and words.startswith(f"Expected a Flower server at {place} that stays")


@needs_flower
def test_a_server_that_is_not_there_is_a_sentence(marked):
    program, place = ["-m", "mlleak_core", "federate", "join"], f"127.0.0.1:{port()}"
    own = _options(dataclasses.replace(FACES, data=marked))
    asked = [*program, "--server", place, "--participant=0", "--wait=1", *own]
    ((status, _, words),) = together(asked)
    assert status == 2
    expected = f"mlleak: Expected a Flower server at {place} within 1 seconds; got Connection refused."
    assert words.startswith(expected) and words.count("\n") == 1


def test_without_flower_it_is_a_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "flwr", None)
    monkeypatch.setitem(sys.modules, "flwr.server", None)
    assert main(["federate", "serve"]) == 2
    words = capsys.readouterr().err
    assert words.startswith("mlleak: Expected Flower (flwr) for a federation over a network")
    assert "pip install -r requirements-federation.txt" in words and words.count("\n") == 1


@pytest.mark.parametrize("address", ["here", "127.0.0.1:", ":9092", "127.0.0.1:99999", "127.0.0.1:²"])
def test_an_address_that_is_none_is_a_sentence(address):
    with pytest.raises(BadInput, match="HOST:PORT"):
        flower._place(address)


@pytest.mark.parametrize("wait", [-1.0, float("nan"), float("inf")])
def test_a_wait_without_an_end_is_a_sentence(wait):
    with pytest.raises(BadInput, match="a wait of 0 to 86,400 seconds"):
        flower._limited(wait)


def test_a_port_in_use_is_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadInput, match="in use"):
        flower._free(f"127.0.0.1:{taken.getsockname()[1]}")


def test_a_participant_too_many_is_a_sentence(marked, capsys):
    asked = ["federate", "join", "--participant=3", *_options(dataclasses.replace(FACES, data=marked))]
    assert main(asked) == 2
    assert "a participant from 0 to 2; got 3" in capsys.readouterr().err


def test_the_extra_pins_what_the_app_pins():
    def pins(file: str) -> dict[str, str]:
        lines = (ROOT / file).read_text().splitlines()
        return dict(line.split("==") for line in lines if "==" in line)

    ours, extra = pins("requirements.txt"), pins("requirements-federation.txt")
    assert "flwr" in extra and {"torch", "numpy"} <= set(extra)
    assert all(ours[name] == extra[name] for name in set(ours) & set(extra))


@pytest.mark.parametrize(("data", "vocabulary"), [("reviews", ()), ("clinic", ()), ("lfw", ("word",))])
def test_a_leader_knows_the_words_of_texts_and_of_nothing_else(data, vocabulary):
    settings = dataclasses.replace(FACES, data=data)
    with pytest.raises(BadInput, match="faces, or texts with their vocabulary"):
        led(settings, vocabulary, "127.0.0.1:9", 1.0, lambda step: None)


def test_who_has_other_words_is_no_participant(monkeypatch):
    recipes: list[str] = []
    monkeypatch.setattr(flower, "join", lambda *_, recipe, **__: recipes.append(recipe))
    texts = drain(Desk().texts("reviews"))
    others = dataclasses.replace(texts, vocabulary=texts.vocabulary[::-1])
    for sample in (texts, others):
        joined(REVIEWS, sample, 1, "127.0.0.1:9", 1.0, lambda step: None)
    assert recipes == [recipe(REVIEWS, texts.vocabulary), recipe(REVIEWS, others.vocabulary)]
    assert len(set(recipes)) == 2
