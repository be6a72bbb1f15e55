"""Own pictures: what is wrong is said at once, with file and row; what is right becomes a data set."""

from __future__ import annotations

import csv
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mlleak_core.contract import BadInput, drain
from mlleak_core.data.card import contact_sheet, describe
from mlleak_core.data.source import load
from mlleak_core.target.settings import TrainSettings
from mlleak_core.target.training import fit


@pytest.fixture
def folder(tmp_path, faces):
    """Sixty pictures of thirty people with a table."""
    rows = []
    for i in range(60):
        Image.fromarray(faces.images[i]).save(tmp_path / f"{i:02d}.png")
        rows.append(
            {
                "file": f"{i:02d}.png",
                "person": f"p{i // 2}",
                "kind": "ab"[i // 2 % 2],
                "hat": "no" if i % 3 else "yes",
            }
        )
    write(tmp_path, rows)
    return tmp_path, rows


def write(path, rows, fields=None):
    with (path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def opened(path, kind="folder"):
    return drain(load(f"{kind}:{path}"))


def test_a_sound_folder_is_a_data_set_and_can_be_trained_on(folder):
    faces = opened(folder[0])
    assert len(faces) == 60
    assert faces.task.classes == ("kind: a", "kind: b")
    assert list(faces.targets) == ["hat: yes"]
    assert drain(fit(faces, TrainSettings(epochs=1))).complete
    card = describe(faces)
    assert (card.faces, card.people, card.most_photos) == (60, 30, 2)
    assert (
        card.associations[0].estimate.low
        <= card.associations[0].estimate.value
        <= card.associations[0].estimate.high
    )
    assert contact_sheet(faces, "hat").shape == (128, 640, 3)


def test_all_bad_pictures_are_listed_at_once_with_their_rows(folder):
    path, _ = folder
    good = (path / "01.png").read_bytes()
    (path / "00.png").write_bytes(good[: len(good) // 2])
    (path / "05.png").write_text("not a picture")
    (path / "09.png").write_bytes(huge_png(30000, 30000))
    with pytest.raises(BadInput) as error:
        opened(path)
    for words in (
        "3 problem(s)",
        "row 2: 00.png",
        "row 7: 05.png: not a picture",
        "row 11: 09.png: too many pixels",
    ):
        assert words in str(error.value)


def huge_png(width, height):
    """A valid header of a picture far too large."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def test_missing_duplicate_and_escaping_rows_are_listed_at_once(folder):
    path, rows = folder
    rows[3] = {**rows[3], "file": "gone.png"}
    rows[4] = {**rows[4], "file": "00.png"}
    rows[5] = {**rows[5], "person": ""}
    rows[6] = {**rows[6], "file": "../secret.png"}
    rows[7] = {**rows[7], "kind": ""}
    write(path, rows)
    with pytest.raises(BadInput) as error:
        opened(path)
    for words in (
        "row 5: gone.png: no such file",
        "row 6: 00.png: already in row 2",
        "row 7: no file or no person",
        "row 8: ../secret.png: leaves",
        "row 9: 07.png: no kind",
    ):
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda rows: [{"picture": r["file"], "who": r["person"], "kind": r["kind"]} for r in rows],
            "columns file, person",
        ),
        (lambda rows: [{"file": r["file"], "person": r["person"]} for r in rows], "at least one label"),
        (lambda rows: [{**r, "kind": "a"} for r in rows], "one class only"),
        (lambda rows: rows[:3], "at least 40 faces"),
        (lambda rows: [{**r, "kind": str(i)} for i, r in enumerate(rows)], "at most 20 values"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(folder, change, words):
    path, rows = folder
    write(path, change(rows))
    with pytest.raises(BadInput, match=words):
        opened(path)


def test_three_classes_of_the_task_are_refused(folder):
    path, rows = folder
    write(path, [{**r, "kind": "abc"[i % 3]} for i, r in enumerate(rows)])
    with pytest.raises(BadInput, match="two classes"):
        opened(path)


def test_a_folder_without_a_table_or_without_existence(tmp_path):
    with pytest.raises(BadInput, match="one CSV file"):
        opened(tmp_path)
    with pytest.raises(BadInput, match="folder of pictures"):
        opened(tmp_path / "nowhere")


def test_utkface_names_are_read_and_wrong_ones_listed(tmp_path, faces):
    for i in range(48):
        Image.fromarray(faces.images[i]).save(tmp_path / f"{20 + i}_{i % 2}_{i % 5}_2017{i:04d}.jpg")
    data = opened(tmp_path, "utkface")
    assert data.task.classes == ("female", "male")
    assert data.task.codes.sum() == 24
    assert set(data.targets) == {"White", "Black", "Asian", "Indian", "Other", "Age 30 and over"}
    (tmp_path / "holiday.jpg").write_bytes(b"")
    (tmp_path / "20_7_1_x.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match=r"2 problem\(s\).*20_7_1_x.jpg.*holiday.jpg"):
        opened(tmp_path, "utkface")


def test_an_unwritable_cache_costs_speed_only(folder, monkeypatch, tmp_path_factory):
    blocked = tmp_path_factory.mktemp("blocked") / "file"
    blocked.write_text("a file where the folder should be")
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(blocked))
    notes = []
    faces = drain(load(f"folder:{folder[0]}"), lambda s: notes.append(s.note))
    assert len(faces) == 60
    assert any("cannot write" in n and "Set MLLEAK_CACHE_HOME" in n for n in notes)


def test_a_damaged_cache_is_made_again(folder, tmp_path, monkeypatch):
    home = tmp_path / "cache"  # its own: what another process has mapped must not shrink
    monkeypatch.setenv("MLLEAK_CACHE_HOME", str(home))
    opened(folder[0])
    (file,) = (home / "data").glob("folder-*.npy")
    file.write_bytes(b"garbage")
    assert np.asarray(opened(folder[0]).images).shape == (60, 64, 64, 3)
