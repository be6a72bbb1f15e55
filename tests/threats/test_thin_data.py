"""Data with little in it, too few people or pictures all alike: a result or a sentence in every room."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import UNKNOWN
from mlleak_core.server.desk import Desk
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import imported, threat
from mlleak_core.threats.features import embedding, maps, probes
from mlleak_core.threats.features.card import FeaturesSettings, MapSettings
from mlleak_core.threats.inversion.card import InversionSettings
from mlleak_core.threats.membership.card import MembershipSettings
from mlleak_core.threats.reconstruction.card import ReconstructionSettings

SENTENCE = re.compile(r"Expected .+; got .+\. [A-Z].+\.")
HAT = "hat: yes"
TWO_HELD_OUT = [20, 20, 1, 1, 1, 1]
"""Photos of each person: with seed 0 two people with one photo each are held out."""


def noise(i: int, kind: int) -> Image.Image:
    pixels = np.random.default_rng(i).normal(150 + 40 * kind, 20, (64, 64, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def grey(*_: int) -> Image.Image:
    return Image.new("RGB", (64, 64), (90, 90, 90))


PICTURES: dict[str, Callable[[int, int], Image.Image]] = {
    "flat": grey,
    "one picture": lambda *_: noise(1, 0),
    "all but one alike": lambda i, _: noise(2, 1) if i == 7 else noise(1, 0),
    "a picture a class": lambda _, kind: noise(kind, kind),
}


def written(home: Path, photos: Sequence[int], picture: Callable[[int, int], Image.Image] = noise) -> str:
    """A folder of faces: so many photos of each person, the classes by turns, a hat on every third photo."""
    rows = ["file,person,kind,hat"]
    for person, count in enumerate(photos):
        for _ in range(count):
            i = len(rows) - 1
            picture(i, person % 2).save(home / f"{i}.png")
            rows.append(f"{i}.png,p{person},{'ab'[person % 2]},{'yes' if i % 3 else 'no'}")
    (home / "t.csv").write_text("\n".join(rows) + "\n")
    return f"folder:{home}"


def drawn(data: str, seed: int = 0) -> maps.Maps:
    training = TrainSettings(data=data, epochs=2, seed=seed)
    return drain(maps.run(MapSettings(training=training, attribute=HAT), Desk()))


def rooms(data: str) -> dict[str, tuple[str, Any]]:
    """What every room is asked of these faces: small, since the data are what is tried here."""
    twins: dict[str, Any] = {"data": data, "epochs": 1, "faces": 1, "net": "strided-3"}
    return {
        "features": ("features", FeaturesSettings(data=data, epochs=1, attributes=HAT)),
        "membership": ("membership", MembershipSettings(data=data, epochs=1, shadows=2)),
        "capacity abuse": ("reconstruction", ReconstructionSettings(**twins, attack="cap", code="pixels1")),
        "transform": ("reconstruction", ReconstructionSettings(**twins, attack="sgn", code="pca")),
        "correlated values": ("reconstruction", ReconstructionSettings(**twins, attack="cor")),
        "inversion": ("inversion", InversionSettings(data=data, attack="analytic", net="mlp", batch=1)),
    }


ROOMS = tuple(rooms("synthetic"))


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """One for all, so that its processes start once."""
    found = Desk()
    yield found
    found.close()


def ends_well(data: str, room: str, desk: Desk) -> Any:
    """A room's exhibit with its findings and verdict, or its sentence."""
    slug, settings = rooms(data)[room]
    try:
        exhibit = drain(imported(threat(slug).run)(settings, desk)).exhibit()
    except BadInput as problem:
        assert SENTENCE.fullmatch(str(problem)), str(problem)
        return None
    assert exhibit.findings()
    assert exhibit.conclusion(*[HAT] * (slug == "features")).sentence
    return exhibit


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("few"), TWO_HELD_OUT)


@pytest.fixture(scope="module", params=["flat", "all but one alike", "a picture a class"])
def alike(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("alike"), [2] * 240, PICTURES[request.param])


def test_two_held_out_faces_are_shown_and_a_sentence_says_why_it_is_no_map(few):
    found = drawn(few)
    assert len(found.rows) == 2
    for points in (*found.frames.values(), *found.linear.values()):
        assert points.shape == (2, 2) and np.isfinite(points).all()
    assert np.ptp(found.frames[2, "pixels"], 0).any(), "they stand apart"
    assert found.caution().startswith("Only 2 faces were held out")


@pytest.mark.parametrize("picture", ["flat", "one picture"])
def test_pictures_all_alike_stand_in_one_point_and_it_is_said(picture, tmp_path):
    found = drawn(written(tmp_path, [2] * 40, PICTURES[picture]))
    assert not any(np.ptp(points, 0).any() for points in (*found.frames.values(), *found.linear.values()))
    assert found.caution().startswith("All of these faces are alike to pixels, conv 1,")


@pytest.mark.parametrize("room", ROOMS)
def test_few_people_end_in_a_result_or_a_sentence(few, room, desk):
    ends_well(few, room, desk)


@pytest.mark.parametrize("room", ROOMS)
def test_pictures_all_alike_end_in_a_result_or_a_sentence(alike, room, desk):
    ends_well(alike, room, desk)


def test_nothing_can_be_read_from_pictures_all_alike(tmp_path, desk):
    exhibit = ends_well(written(tmp_path, [2] * 240, grey), "features", desk)
    assert {rung.auc.value for rung in exhibit.rungs_of(HAT)} == {0.5}


@pytest.mark.parametrize("shape", [(30, 8), (6, 40)])
def test_what_rounding_leaves_is_no_difference(shape, rng):
    """Sums in another order differ in the last digit: blown up, that would look like something to read."""
    n, d = shape
    rows = torch.from_numpy((1000 * (1 + rng.normal(0, 5e-8, (n, d)))).astype(np.float32))
    assert (rows != rows[0]).any()
    targets = torch.from_numpy(rng.normal(size=(n, 1)).astype(np.float32))
    ridge = probes.Ridge(rows)
    assert not ridge.scores(rows, ridge.weights(targets, 0.3)).any()
    shots = np.array([[0, 1, 2, 3]])
    assert np.ptp(probes.few_shot(rows, rows, shots)) == 0
    assert not embedding.principal(rows, 0).any()


@pytest.mark.parametrize("n", range(2, 7))
@pytest.mark.parametrize("d", [1, 3])
def test_a_map_of_few_faces_is_finite(n, d, rng):
    points = embedding.fit_map(embedding.principal(rng.normal(size=(n, d)).astype(np.float32), 0), 0)
    assert points.shape == (n, 2) and np.isfinite(points).all()


def test_a_frame_is_not_turned_onto_a_single_point(rng):
    points = rng.normal(size=(9, 2)).astype(np.float32)
    np.testing.assert_array_equal(embedding.align(points, np.zeros((9, 2), np.float32)), points)


def test_the_linear_view_does_without_labels_that_no_member_has(faces, target):
    hidden = [replace(a, codes=np.full_like(a.codes, UNKNOWN)) for a in faces.attributes]
    axes = maps._Axes(target, replace(faces, attributes=tuple(hidden)), "Hat")
    assert len(axes.targets) and not axes.targets[:, 1].any()
