"""A visitor's ZIP: read like a folder, refused in words, and never on disk."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from mlleak_core import disk
from mlleak_core.contract import BadInput, drain
from mlleak_core.data import upload
from mlleak_core.data.source import load
from mlleak_core.server.desk import Desk
from mlleak_core.target.settings import TrainSettings
from mlleak_core.threat import threat
from pages._kit.own_faces import example

LINES = ["file,person,kind,hat"] + [
    f"{i:02d}.png,p{i // 2},{'ab'[i // 2 % 2]},{'no' if i % 3 else 'yes'}" for i in range(60)
]


def packed(faces, lines=LINES, top="", change=None, **kinds):
    """Sixty pictures and their table as a ZIP."""
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w", **kinds) as archive:
        for i in range(60):
            picture = io.BytesIO()
            Image.fromarray(faces.images[i]).save(picture, "PNG")
            name = f"{i:02d}.png"
            archive.writestr(top + name, (change or {}).get(name, picture.getvalue()))
        archive.writestr(f"{top}table.csv", "\n".join(lines))
        if top:
            archive.writestr("__MACOSX/._x", b"")
    return blob.getvalue()


def test_a_zip_is_read_as_the_same_folder_would_be(faces, tmp_path):
    blob = packed(faces)
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        archive.extractall(tmp_path)
    sent, lying = drain(upload.open_upload(blob)), drain(load(f"folder:{tmp_path}"))
    assert np.array_equal(sent.images, lying.images) and np.array_equal(sent.person, lying.person)
    assert sent.task.classes == lying.task.classes and list(sent.targets) == list(lying.targets)
    nested = drain(upload.open_upload(packed(faces, top="photos/", compression=zipfile.ZIP_DEFLATED)))
    assert np.array_equal(nested.images, sent.images)


def test_file_names_may_carry_the_labels(faces):
    blob = io.BytesIO()
    with zipfile.ZipFile(blob, "w") as archive:
        for i in range(50):
            picture = io.BytesIO()
            Image.fromarray(faces.images[i]).save(picture, "JPEG")
            archive.writestr(f"{20 + i}_{i % 2}_{i % 5}_2017{i:04d}.jpg", picture.getvalue())
    found = drain(upload.open_upload(blob.getvalue()))
    assert len(found) == 50 and "Asian" in found.targets


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: b"not a zip", "a damaged one"),
        (lambda f: packed(f)[:2000], "a damaged one"),
        (lambda f: packed(f, compression=zipfile.ZIP_BZIP2), "rare compression"),
        (lambda f: packed(f, lines=LINES[:30]), "at least 40 faces"),
        (
            lambda f: packed(f, lines=[*LINES, "99.png,p,a,no", "00.png,p,a,no"]),
            "row 62: 99.png: no such file; row 63: 00.png: already",
        ),
        (lambda f: packed(f, lines=[*LINES, "../../etc/passwd,p,a,no"]), "leaves the folder"),
        (
            lambda f: packed(f, change={"03.png": b"text", "05.png": b""}),
            "2 problem(s): row 5: 03.png: not a picture; row 7",
        ),
    ],
)
def test_a_bad_zip_is_refused_in_words(faces, spoil, words):
    with pytest.raises(BadInput) as error:
        drain(upload.open_upload(spoil(faces)))
    assert words in str(error.value)


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_is_read(faces, monkeypatch):
    monkeypatch.setattr(upload, "MOST_UNPACKED", 10_000)
    with pytest.raises(BadInput, match="GB unpacked"):
        drain(upload.open_upload(packed(faces)))


def test_a_picture_altered_in_its_zip_is_named(faces):
    blob = bytearray(packed(faces))
    with zipfile.ZipFile(io.BytesIO(bytes(blob))) as archive:
        start = archive.getinfo("07.png").header_offset
    blob[start + 200] ^= 255
    with pytest.raises(BadInput, match=r"row 9: 07\.png: unreadable"):
        drain(upload.open_upload(bytes(blob)))


def test_nothing_of_an_upload_is_written_and_letting_go_forgets_it(faces, tmp_path, monkeypatch):
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(tmp_path))
    bench = Desk()
    blob = packed(faces)  # once: an archive notes the time at which it was made
    name = drain(bench.bring(blob))
    assert name == drain(bench.bring(blob)), "the same bytes have the same name"
    settings = TrainSettings(data=name, epochs=1)
    job = bench.train(settings)
    finish(bench, job)
    assert bench.run(settings).complete and bench.finished(settings)
    assert not [p for p in disk.cache_home().rglob("*") if p.is_file()]
    refused = finish(bench, bench.open(threat("membership"), threat("membership").settings(data=name)))
    assert "never written there" in refused.error
    bench.uploads._kept[
        name
    ].made.clear()  # as after many later runs: the job's result still holds the weights
    bench.forget(name)
    assert bench.finished(settings) is None and bench.look(job) is None, (
        "neither the run nor the job's result is kept"
    )
    with pytest.raises(BadInput, match="Upload them again"):
        drain(bench.faces(settings.data))


def finish(bench, job):
    import time

    for _ in range(600):
        snapshot = bench.look(job)
        if not snapshot.active:
            return snapshot
        time.sleep(0.05)
    raise AssertionError("the job hangs")


def test_the_example_to_download_can_be_sent_back():
    found = drain(upload.open_upload(example(threat("features").shipped_exhibits()[0].scene())))
    assert len(found) == 400 and found.task.classes == ("gender: feminine", "gender: masculine")
