"""LFW: counts, both label files, the source left alone."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from PIL import Image

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import lfw
from mlleak_core.data.source import load
from mlleak_core.disk import data_home
from mlleak_core.measure import cramers_v


@pytest.mark.lfw
def test_all_of_lfw_with_its_golden_numbers(quickest):
    home = data_home() / "lfw"
    before = sorted(p.name for p in home.iterdir()), sorted(p.name for p in (home / "lfw_home").iterdir())
    faces = drain(load("lfw"))
    assert len(faces) == 13228
    assert faces.task.codes.sum() == 10263
    agreed = {a: int((faces.target(a) == 1).sum()) for a in ("White", "Black", "Asian")}
    assert agreed == {"White": 5171, "Black": 318, "Asian": 535}
    golden = {
        "White (all faces)": 0.022,
        "Black (all faces)": -0.021,
        "Asian (all faces)": -0.032,
        "Eyeglasses": 0.139,
    }
    known = faces.target("Eyeglasses") >= 0
    phi = {
        a: cramers_v(faces.task.codes[known], faces.target(a)[known], faces.person[known]).value
        for a in golden
    }
    assert phi == pytest.approx(golden, abs=0.002)
    assert quickest(lambda: drain(load("lfw"))) < 1
    assert before == (
        sorted(p.name for p in home.iterdir()),
        sorted(p.name for p in (home / "lfw_home").iterdir()),
    )


@pytest.fixture
def small_home(tmp_path, monkeypatch, faces):
    """Six photos in LFW's layout."""
    home = tmp_path / "lfw" / "lfw_home" / "lfw_funneled"
    for person, count in (("Ann_Smith", 2), ("Bo_Lee", 4)):
        (home / person).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(faces.images[i]).resize((250, 250)).save(
                home / person / f"{person}_{i + 1:04d}.jpg"
            )
    monkeypatch.setenv("MLLEAK_DATA_HOME", str(tmp_path))
    return tmp_path / "lfw"


def test_kumars_own_file_is_read(small_home):
    columns = ["person", "imagenum", "Male", *lfw.ATTRIBUTES]
    lines = ["# LFW attributes", "#\t" + "\t".join(columns)]
    for i, (person, number) in enumerate(
        [("Ann Smith", 1), ("Ann Smith", 2), *(("Bo Lee", k) for k in (1, 2, 3, 4))]
    ):
        scores = {"Black": [-1, -1, 0.1, 2, 3, 4][i], "White": [2, 2, -1, -1, -1, -1][i]}
        lines.append(
            "\t".join(
                [
                    person,
                    str(number),
                    "-1.5" if i < 2 else "1.5",
                    *(str(scores.get(a, -0.5)) for a in lfw.ATTRIBUTES),
                ]
            )
        )
    (small_home / "lfw_attributes.txt").write_text("\n".join(lines) + "\n")
    faces = drain(load("lfw"))
    assert faces.people == ("Ann_Smith", "Bo_Lee")
    np.testing.assert_array_equal(faces.task.codes, [0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(faces.target("Black (all faces)"), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(faces.target("Black"), [0, 0, -1, 1, 1, 1])


def test_labels_that_do_not_match_the_pictures_are_refused(small_home):
    header = "person,imagenum,male," + ",".join(f"{a}_kumar_conf" for a in lfw.ATTRIBUTES)
    rows = [f"Nobody_Known,{i},1," + ",".join("0" for _ in lfw.ATTRIBUTES) for i in range(1, 9)]
    with gzip.open(small_home / "lfw_labels.csv.gz", "wt") as file:
        file.write("\n".join([header, *rows]))
    with pytest.raises(BadInput, match="pictures of 8 labelled rows"):
        drain(load("lfw"))
    with gzip.open(small_home / "lfw_labels.csv.gz", "wt") as file:
        file.write("person,imagenum,male\nAnn_Smith,1,0\n")
    with pytest.raises(BadInput, match="Black_kumar_conf"):
        drain(load("lfw"))


def test_no_labels_at_all_says_where_to_put_them(small_home):
    with pytest.raises(BadInput, match="lfw_attributes.txt"):
        drain(load("lfw"))


def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_DATA_HOME", str(tmp_path))
    import sklearn.datasets

    def offline(**_):
        raise OSError("no route")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", offline)
    with pytest.raises(BadInput, match="MLLEAK_DATA_HOME"):
        drain(load("lfw"))


@pytest.mark.lfw
def test_lfw_trains_and_leaks():
    from mlleak_core.target.settings import TrainSettings
    from mlleak_core.target.training import fit
    from mlleak_core.threats.features.ladder import LayerLadder
    from mlleak_core.threats.features.run import analyse

    faces = drain(load("lfw"))
    target = drain(fit(faces, TrainSettings(data="lfw", epochs=3)))
    report = target.report(faces)
    assert report["accuracy"] > report["majority"] + 0.1
    ladder = drain(analyse(target, faces, ["Black"], LayerLadder(draws=5, nulls=10)))
    assert ladder.rung("conv1", "Black").auc.low > 0.85
    assert ladder.rung("logits", "Black").auc.value < 0.75
