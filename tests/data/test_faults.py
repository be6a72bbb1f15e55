"""Input as it really comes: the same sound data as other programs, systems and people write them."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import unicodedata
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlleak_core.contract import BadInput, drain
from mlleak_core.data import folder, shelf, source, upload
from mlleak_core.data.pictures import read_picture
from mlleak_core.data.scores import read_scores
from mlleak_core.data.source import load
from mlleak_core.data.tables import read_table
from tests.data.test_faulty_tables import LOSS, LOSSES, scores, text

N = 48
HEADER = ("file", "person", "kind", "hat")


def picture(i: int, side: int = 32) -> Image.Image:
    """Noise over a dark half, so that up differs from down."""
    rng = np.random.default_rng(i)
    pixels = np.full((side, side, 3), 170, float)
    pixels[side // 2 :] = 60
    return Image.fromarray((pixels + rng.normal(0, 8, pixels.shape)).clip(0, 255).astype(np.uint8))


def png(i: int) -> bytes:
    out = io.BytesIO()
    picture(i).save(out, "PNG")
    return out.getvalue()


PICTURES = {f"{i:02d}.png": png(i) for i in range(N)}
ROWS = [(f"{i:02d}.png", f"p{i // 2}", "ab"[i // 2 % 2], "yes" if i % 3 else "no") for i in range(N)]
ALL = [HEADER, *ROWS]


def renamed(change) -> dict[str, bytes]:
    return {change(name): blob for name, blob in PICTURES.items()}


def first(change) -> list[tuple[str, ...]]:
    """The table with its file column changed."""
    return [HEADER, *((change(row[0]), *row[1:]) for row in ROWS)]


TABLE = text(ALL).encode()
SOUND = {
    "plain": (PICTURES, TABLE),
    "byte order mark, Windows line ends": (PICTURES, b"\xef\xbb\xbf" + text(ALL, end="\r\n").encode()),
    "line ends of old Macs": (PICTURES, text(ALL, end="\r").encode()),
    "UTF-16": (PICTURES, text(ALL).encode("utf-16")),
    "semicolons": (PICTURES, text(ALL, ";").encode()),
    "tabs": (PICTURES, text(ALL, "\t").encode()),
    "blanks after commas": (PICTURES, text(ALL, ", ").encode()),
    "Excel's line of its own": (PICTURES, b"sep=,\r\n" + text(ALL, end="\r\n").encode()),
    "capitals in the header": (PICTURES, text([("File", "Person", "kind", "hat"), *ROWS]).encode()),
    "a column of row numbers": (
        PICTURES,
        text([("", *HEADER), *((str(i), *row) for i, row in enumerate(ROWS))]).encode(),
    ),
    "empty cells at the end": (PICTURES, text([(*row, "", "") for row in ALL]).encode() + b",,,,,\r\n\r\n"),
    "a folder named in the table": (
        renamed(lambda n: f"val/{n}"),
        text(first(lambda n: f"val/{n}")).encode(),
    ),
    "backslashes in the table": (renamed(lambda n: f"val/{n}"), text(first(lambda n: f"val\\{n}")).encode()),
    "pictures in a folder, bare names": (renamed(lambda n: f"images/{n}"), TABLE),
    "./ before names": (PICTURES, text(first(lambda n: f"./{n}")).encode()),
    "another case of the ending": (PICTURES, text(first(str.upper)).encode()),
    "names without an ending": (PICTURES, text(first(lambda n: n[:-4])).encode()),
    "accents composed or not": (
        renamed(lambda n: unicodedata.normalize("NFD", "Jürgen") + n),
        text(first(lambda n: f"Jürgen{n}")).encode(),
    ),
    "accents as Windows writes them": (
        renamed(lambda n: f"Jürgen{n}"),
        text(first(lambda n: f"Jürgen{n}")).encode("cp1252"),
    ),
    "what a Mac leaves on a stick": ({**PICTURES, **{f"._{n}": b"\0\5\x16\7" for n in PICTURES}}, TABLE),
    "what Windows leaves behind": ({**PICTURES, "Thumbs.db": b"x", "desktop.ini": b"x"}, TABLE),
}


def written(home: Path, pictures: dict[str, bytes], table: bytes) -> str:
    for name, blob in {**pictures, "t.csv": table}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(blob)
    return str(home)


def zipped(pictures: dict[str, bytes], table: bytes | None = TABLE, top: str = "") -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for name, blob in pictures.items():
            archive.writestr(top + name, blob)
        if table is not None:
            archive.writestr(f"{top}t.csv", table)
    return out.getvalue()


@pytest.mark.parametrize("case", SOUND)
def test_one_data_set_however_it_was_saved(case, tmp_path):
    pictures, table = SOUND[case]
    expected = drain(upload.open_upload(zipped(PICTURES)))
    for found in (
        drain(load(f"folder:{written(tmp_path, pictures, table)}")),
        drain(upload.open_upload(zipped(pictures, table))),
    ):
        np.testing.assert_array_equal(found.images, expected.images)
        np.testing.assert_array_equal(found.person, expected.person)
        np.testing.assert_array_equal(found.task.codes, expected.task.codes)
        assert list(found.targets) == ["hat: yes"]


def test_people_whose_names_differ_in_an_accent_stay_apart(tmp_path):
    names = ["Müller", "Möller", "Mäller", "Meier"]
    rows = [HEADER, *((r[0], f"{names[i % 4]}{i // 8}", *r[2:]) for i, r in enumerate(ROWS))]
    found = drain(load(f"folder:{written(tmp_path, PICTURES, text(rows).encode('cp1252'))}"))
    assert len(found.people) == len({r[1] for r in rows[1:]}) == 24


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (text(ALL[:3]).encode() + b'"' + text(ALL[3:]).encode(), "never closed"),
        (text(ALL[:9]).encode() + b"\0" * 30, "bytes of zero in row 10"),
        (b"PK\x03\x04" + bytes(200), "Excel workbook"),
        (b"\x1f\x8b" + bytes(200), "compressed"),
        (b"", "no header"),
        (text([("file", "person"), *((r[0], r[1]) for r in ROWS)]).encode(), "at least one label"),
        (text([("a",), *((r[0],) for r in ROWS)]).encode(), "Part the columns by commas"),
    ],
)
def test_a_table_that_is_none_is_refused_in_a_sentence(table, words, tmp_path):
    with pytest.raises(BadInput, match=words):
        drain(load(f"folder:{written(tmp_path, PICTURES, table)}"))
    with pytest.raises(BadInput, match=words):
        drain(upload.open_upload(zipped(PICTURES, table)))


@pytest.mark.parametrize("extra", ["//x", "/", "a//b", "..", "a/./b", "\\\\x"])
def test_odd_entry_names_end_at_once(extra):
    """Doubled slashes sent the standard library's reader round for ever (CVE-2024-8088)."""
    began = time.monotonic()
    found = drain(upload.open_upload(zipped({**PICTURES, extra: b"x"})))
    assert len(found) == N and time.monotonic() - began < 20


@pytest.mark.parametrize("top", ["faces/", "home/me/faces/", "/", "faces//", "faces\\"])
def test_pictures_are_found_wherever_they_lie(top):
    assert len(drain(upload.open_upload(zipped(PICTURES, top=top)))) == N


def test_an_entry_that_leaves_the_folder_is_refused():
    with pytest.raises(BadInput, match="leaves the folder"):
        drain(upload.open_upload(zipped(PICTURES, top="../")))


def test_names_in_utf8_without_their_flag_are_read():
    blob = zipped(
        {f"Jqqrgen{n}": b for n, b in PICTURES.items()}, text(first(lambda n: f"Jürgen{n}")).encode()
    )
    blob = blob.replace(b"Jqqrgen", "Jürgen".encode())
    assert len(drain(upload.open_upload(blob))) == N


def test_two_tables_are_named():
    with pytest.raises(BadInput, match=r"2: a\.csv, t\.csv"):
        drain(upload.open_upload(zipped({**PICTURES, "a.csv": TABLE})))


@pytest.mark.parametrize("rows", [7, 60])
def test_a_small_zip_with_a_huge_table_is_refused_at_once(rows):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", b"file,person,kind,hat\n" + b"a,b,c,d\n" * (rows * 2**17))
    began = time.monotonic()
    with pytest.raises(BadInput, match=r"at most (5,000 rows|8 MB)"):
        drain(upload.open_upload(out.getvalue()))
    assert time.monotonic() - began < 10


def test_reading_a_zip_has_a_time_limit(monkeypatch):
    monkeypatch.setattr(upload, "MOST_SECONDS", 0.0)
    with pytest.raises(BadInput, match="read within"):
        drain(upload.open_upload(zipped(PICTURES)))


def test_pictures_below_the_top_count_in_a_sources_identity(tmp_path):
    home = written(tmp_path, renamed(lambda n: f"val/{n}"), text(first(lambda n: f"val/{n}")).encode())
    before, seen = source.identity(f"folder:{home}"), drain(load(f"folder:{home}")).images
    for name in PICTURES:
        file = tmp_path / "val" / name
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    assert source.identity(f"folder:{home}") != before
    assert not np.array_equal(drain(load(f"folder:{home}")).images, seen)


UTK = {f"{20 + i}_{i % 2}_{i % 5}_2017{i:07d}.jpg.chip.jpg": png(i) for i in range(N)}


@pytest.mark.parametrize(
    "files",
    [
        {f"part{1 + i % 2}/{n}": b for i, (n, b) in enumerate(UTK.items())},
        {f"{top}/{n}": b for top in ("UTKFace", "crop_part1") for n, b in UTK.items()},
        {**UTK, "age_gender.csv": b"a,b\n1,2\n"},
        {n.replace(".jpg.chip.jpg", ".JPG"): b for n, b in UTK.items()},
    ],
)
def test_utkface_as_it_is_passed_on(files, tmp_path):
    assert len(drain(upload.open_upload(zipped(files, None)))) == N
    for name, blob in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(blob)
    assert len(drain(load(f"utkface:{tmp_path}"))) == N


def test_the_few_names_that_the_published_archive_has_wrong_are_left_out_and_named():
    many = {f"{20 + i % 60}_{i % 2}_{i % 5}_2017{i:07d}.jpg": png(i % 9) for i in range(300)}
    found = drain(upload.open_upload(zipped({**many, "61_1_20170109142408075.jpg": png(1)}, None)))
    assert len(found) == 300
    assert "61_1_20170109142408075.jpg" in found.provenance.notes[0]


def stored(image: Image.Image, kind: str, **options) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return io.BytesIO(out.getvalue())


def test_phone_photos_stand_upright():
    upright = picture(3, 64)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = stored(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)
    found, expected = (read_picture(f).astype(float) for f in (lying, stored(upright, "JPEG", quality=95)))
    assert np.abs(found - expected).mean() < 6
    assert found[:20].mean() > found[-20:].mean() + 60, "light above, dark below"


GREY = np.asarray(picture(5, 64).convert("L"), float)
DEEP = {
    "16-bit PNG": stored(Image.fromarray((GREY * 257).astype(np.uint16)), "PNG"),
    "16-bit TIFF": stored(Image.fromarray((GREY * 257).astype(np.uint16)), "TIFF"),
    "fractions": stored(Image.fromarray((GREY / 255).astype(np.float32)), "TIFF"),
    "float 0 to 255": stored(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    "32-bit whole numbers": stored(Image.fromarray((GREY * 257).astype(np.int32)), "TIFF"),
}


@pytest.mark.parametrize("case", DEEP)
def test_deep_greys_are_scaled_not_clipped(case):
    DEEP[case].seek(0)
    found = read_picture(DEEP[case])[..., 0].astype(float)
    assert np.abs(found - GREY).mean() < 1.5


def test_what_is_transparent_is_seen_on_white():
    seen = picture(1).convert("RGBA")
    seen.putalpha(0)
    assert read_picture(stored(seen, "PNG")).min() == 255


def test_only_the_formats_we_mean_to_open_are_opened(tmp_path):
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n"
    heic = struct.pack(">I", 24) + b"ftypheic" + bytes(200)
    for blob in (eps, heic, b"GIF89a", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(ValueError, match="not a picture|unreadable"):
            read_picture(io.BytesIO(blob))
    ppm = io.BytesIO(b"P6 4 4 255\n" + bytes(48))
    with pytest.raises(ValueError, match="not a picture"):
        read_picture(ppm)


def test_labels_that_differ_in_writing_alone_are_one_class():
    rows = [
        HEADER,
        *(
            (
                r[0],
                r[1],
                ("Male", "male")[i % 2] if r[2] == "a" else "Female",
                ("1", "1.0", "", "nan", "0")[i % 5],
            )
            for i, r in enumerate(ROWS)
        ),
    ]
    found = drain(upload.open_upload(zipped(PICTURES, text(rows).encode())))
    assert found.task.classes == ("kind: Female", "kind: Male")
    hats = found.labelling("hat")
    assert hats.classes == ("hat: 0", "hat: 1")
    assert (hats.codes == -1).sum() == sum(r[3] in {"", "nan"} for r in rows[1:])


def test_half_a_data_set_is_not_taken_for_the_whole():
    from mlleak_core.data import lfw

    faces = drain(upload.open_upload(zipped(PICTURES)))
    assert lfw._noted(faces, 59, 100).provenance.notes[0].startswith("Only 59 of 100")
    assert lfw._noted(faces, 13232, 13233) is faces


MUTANTS = 150


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_end_in_data_or_in_a_sentence(seed, tmp_path):
    """Whatever a byte says: data, or BadInput. Nothing else reaches a visitor."""
    rng = np.random.default_rng(seed)
    tables = [TABLE, scores(range(3), classes=3, rows=40), text([LOSS, *LOSSES]).encode()]
    archive = zipped(PICTURES)
    for _ in range(MUTANTS):
        blob = bytearray(tables[rng.integers(len(tables))])
        mutate(blob, rng)
        for read in (lambda b: read_table(b, "t"), read_scores):
            harmless(lambda: read(bytes(blob)))  # noqa: B023
        (tmp_path / "m.csv").write_bytes(blob)
        harmless(lambda: drain(load(f"csv:{tmp_path / 'm.csv'}", "records")))
    for _ in range(12):
        blob = bytearray(archive)
        mutate(blob, rng)
        harmless(lambda: drain(upload.open_upload(bytes(blob))))  # noqa: B023
    for _ in range(40):
        blob = bytearray(PICTURES["00.png"])
        mutate(blob, rng)
        harmless(lambda: read_picture(io.BytesIO(bytes(blob))), ValueError)  # noqa: B023


def mutate(blob: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(blob)))
        what = rng.integers(4)
        if what == 0:
            blob[at] = int(rng.integers(256))
        elif what == 1:
            del blob[at : at + int(rng.integers(1, 40))]
        elif what == 2:
            blob[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 20)), dtype=np.uint8))
        else:
            blob[at:at] = blob[: int(rng.integers(1, 60))]
        if not blob:
            blob[:] = b"x"


def harmless(act, allowed: type[Exception] = BadInput) -> None:
    """Ends, or says why not, as readers do."""
    with contextlib.suppress(allowed):
        act()


def test_names_are_levelled():
    assert shelf.levelled(r".\val\\a.png") == "val/a.png"
    assert [shelf.leaves(n) for n in ("/a", "a/../b", "C:\\x", "a/b")] == [True, True, True, False]
    assert folder.NOT_SAID
