"""Records and score tables: what is read, what is refused."""

from __future__ import annotations

import io
import tarfile
import time

import numpy as np
import pytest

from mlleak_core.contract import BadInput, drain
from mlleak_core.data.scores import read_scores
from mlleak_core.data.source import load
from mlleak_core.disk import data_home
from mlleak_core.threats.membership.scores import audit_scores


def records(name):
    return load(name, "records")


def test_patients_are_real_and_embedded():
    found = drain(records("clinic"))
    assert found.x.shape == (569, 30)
    assert found.classes == ("malignant", "benign")
    assert int((found.y == 0).sum()) == 212


@pytest.mark.skipif(
    not (data_home() / "location30").is_dir(), reason=f"no location30 in {data_home()}; set MLLEAK_DATA_HOME"
)
def test_location_30_with_its_golden_numbers():
    found = drain(records("location"))
    assert found.x.shape == (5010, 446)
    counts = np.bincount(found.y)
    assert (len(counts), counts.min(), counts.max()) == (30, 97, 308)
    assert found.x.sum(1).mean() == pytest.approx(54, abs=1)


def test_another_file_under_the_name_of_location_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_DATA_HOME", str(tmp_path))
    (tmp_path / "location30").mkdir()
    (tmp_path / "location30" / "dataset_location.tgz").write_bytes(b"something else")
    with pytest.raises(BadInput, match="sha256"):
        drain(records("location"))


def archive(path, **files):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    return path


def test_purchase_and_texas_in_the_forms_that_circulate(tmp_path, rng):
    x, y = rng.integers(0, 2, (150, 6)), rng.integers(0, 5, 150)
    np.savez(tmp_path / "a.npz", features=x, labels=np.eye(5)[y])
    lines = "\n".join(",".join(map(str, (c + 1, *row))) for c, row in zip(y, x, strict=True)).encode()
    tgz = archive(tmp_path / "p.tgz", dataset_purchase=lines)
    feats = "\n".join(",".join(map(str, row)) for row in x).encode()
    texas = archive(
        tmp_path / "t.tgz", texas__100__feats=feats, texas__100__labels="\n".join(map(str, y + 1)).encode()
    )
    for name in (f"purchase:{tmp_path / 'a.npz'}", f"purchase:{tgz}", f"texas:{texas}"):
        found = drain(records(name))
        np.testing.assert_array_equal(found.x, x)
        np.testing.assert_array_equal(found.y, y)


def test_a_pickle_inside_an_npz_is_never_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", features=np.array([object()], object), labels=np.zeros(1))
    with pytest.raises(BadInput, match="plain arrays"):
        drain(records(f"purchase:{tmp_path / 'evil.npz'}"))
    (tmp_path / "bad.tgz").write_bytes(b"no archive")
    with pytest.raises(BadInput, match="tar archive"):
        drain(records(f"texas:{tmp_path / 'bad.tgz'}"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no header"),
        ("a,b\n1,2\n", "one column `label`"),
        ("label,a\n" + "x,1\n" * 99 + "y,one\n", "row 101"),
        ("label,a\n" + "x,1\n" * 99 + "y,nan\n", "row 101"),
        ("label,a\n" + "x,1\n" * 99 + "y,1,2\n", "row 101"),
        ("label,a\nx,1\ny,2\n", "at least 100 records"),
        ("label,a\n" + "x,1\n" * 120, "2 to 200 classes"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(BadInput, match=words):
        drain(records(f"csv:{tmp_path / 't.csv'}"))


def scores(rng, n=400, leak=1.5, classes=3):
    member = rng.random(n) < 0.5
    y = rng.integers(0, classes, n)
    z = rng.normal(size=(n, classes))
    z[np.arange(n), y] += 1 + leak * member
    head = "record,member,label," + ",".join(f"logit_{c}" for c in range(classes))
    return "\n".join(
        [
            head,
            *(
                f"r{i},{int(m)},{c}," + ",".join(f"{v:.5f}" for v in row)
                for i, (m, c, row) in enumerate(zip(member, y, z, strict=True))
            ),
        ]
    )


def test_scores_of_a_model_trained_elsewhere_are_audited(rng):
    found = audit_scores(read_scores(scores(rng).encode()))
    assert set(found) == {"loss", "entropy"}
    assert found["loss"].auc.low > 0.6
    nothing = audit_scores(read_scores(scores(rng, leak=0.0).encode()))
    assert nothing["loss"].auc.low < 0.5 < nothing["loss"].auc.high


def test_a_loss_column_is_enough_and_its_sign_is_right(rng):
    member = rng.random(300) < 0.5
    lines = [
        "record,member,label,loss",
        *(f"{i},{int(m)},0,{rng.gamma(2) * (0.4 if m else 1):.4f}" for i, m in enumerate(member)),
    ]
    assert audit_scores(read_scores("\n".join(lines).encode()))["loss"].auc.low > 0.6


ROW = "a,1,0,0.5,0.1\nb,0,1,0.2,0.3\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("record,member\n", "columns record, member, label"),
        ("record,member,label,logit_0\n" + "a,1,0,1\n" * 40, "either logit_0, logit_1"),
        ("record,member,label,logit_0,logit_1\n" + ROW * 20 + "c,1,0,nan,1\n", "row 42"),
        ("record,member,label,logit_0,logit_1\n" + ROW * 20 + "c,2,0,1,1\n", "row 42"),
        ("record,member,label,logit_0,logit_1\n" + "a,1,0,.5,.5\nb,0,0,.5,.5\n" * 20, "scores that differ"),
        ("record,member,label,logit_0,logit_1\n" + "a,1,0,1,2\n" * 40, "one kind only"),
        ("record,member,label,logit_0,logit_1\n" + ROW * 5, "at least 20 records"),
        ("record,member,label,logit_0,logit_1\n" + ROW * 20 + "c,1,7,1,1\n", "none for 7"),
        ("record,member,label,logit_0,logit_1\n" + ROW * 20 + "c,1,0\n", "row 42"),
        ("", "no header"),
        ("\x00\x01\xff", "bytes of zero"),
    ],
)
def test_scores_that_cannot_be_used_say_why(text, words):
    with pytest.raises(BadInput, match=words):
        read_scores(text.encode())


def test_a_million_rows_are_read_in_seconds(rng):
    member = rng.random(1_000_000) < 0.5
    loss = rng.random(1_000_000)
    text = "record,member,label,loss\n" + "".join(
        f"{i},{int(m)},0,{v:.6f}\n" for i, (m, v) in enumerate(zip(member, loss, strict=True))
    )
    began = time.monotonic()
    found = read_scores(text.encode())
    assert len(found.y) == 1_000_000
    report = audit_scores(found)["loss"]
    assert report.auc.value == pytest.approx(0.5, abs=0.01)
    assert time.monotonic() - began < 60
