"""Your own pictures: a folder named the UTKFace way, or any folder with a table beside it."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import cache
from mlleak_core.data.faces import UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.pictures import read_all, refuse

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
UTK_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_\d+")
UTK_RACES = ("White", "Black", "Asian", "Indian", "Other")
Folder = Path | zipfile.Path
Reading = Callable[[Sequence[Folder], Sequence[str]], Generator[Step, None, NDArray[np.uint8]]]
LEAST = 40
"""Fewer faces than this make no training and test set worth a number."""

OWN = Provenance(
    title="Your own folder",
    origin="Pictures you supplied; they stay on this machine.",
    terms="Yours to know: have the consent of the people pictured.",
    labels_are="What your table says.",
    labels_are_not="Facts about a person.",
)


def load_utkface(root: str) -> Generator[Step, None, Faces]:
    """A folder of files named `age_gender_race_date.jpg` (Zhang et al. 2017). Each file counts as one person."""
    return open_utkface(_folder(root), _cached)


def load_table(root: str) -> Generator[Step, None, Faces]:
    """A folder with one CSV: `file, person`, then label columns; the first label column is the task and has two values."""
    return open_table(_folder(root), _cached)


def open_utkface(folder: Folder, read: Reading) -> Generator[Step, None, Faces]:
    """The same for any folder, one inside a ZIP too; `read` decodes the files."""
    files = sorted((f for f in folder.iterdir() if f.suffix.lower() in PICTURES), key=lambda f: f.name)
    names = [UTK_NAME.match(f.name) for f in files]
    refuse(
        [f"file {i + 1}: {f.name}: not age_gender_race_date" for i, (f, m) in enumerate(zip(files, names, strict=True)) if not m],
        "UTKFace file names",
    )
    fields = np.array([[int(g) for g in m.groups()] for m in names if m]).reshape(-1, 3)
    _enough(len(files), fields[:, 1], "gender")
    images = yield from read(files, [f"file {i + 1}" for i in range(len(files))])
    age = np.digitize(fields[:, 0], [30, 55]).astype(np.int8)
    return Faces(
        name="utkface",
        images=images,
        person=np.arange(len(files)),
        people=tuple(f.stem for f in files),
        task=Labels("gender", ("female", "male"), (1 - fields[:, 1]).astype(np.int8)),
        attributes=(
            Labels("Race label", UTK_RACES, fields[:, 2].astype(np.int8)),
            Labels("Age group", ("under 30", "30 to 54", "55 and over"), age, 1, "Age 30 and over"),
        ),
        headline=("Black", "Asian", "White", "Indian", "Age 30 and over"),
        provenance=Provenance(
            title="A UTKFace-style folder",
            origin="Files named age_gender_race_date; in UTKFace (Zhang et al. 2017) the labels were estimated and checked by hand.",
            terms="UTKFace is for non-commercial research.",
            labels_are="What the file names say.",
            labels_are_not="Facts about a person. Two photos of one person count as two people.",
        ),
    )


def open_table(folder: Folder, read: Reading) -> Generator[Step, None, Faces]:
    """The same for any folder, one inside a ZIP too; `read` decodes the files."""
    tables = tables_in(folder)
    if len(tables) != 1:
        raise BadInput(f"one CSV file in {folder.name}", f"{len(tables)}", "Put exactly one table beside the pictures.")
    rows, columns = _read_table(folder, tables[0])
    files = [folder / r["file"] for r in rows]
    labels = [_labels(c, [r[c] for r in rows]) for c in columns]
    task, attributes = labels[0], tuple(a for a in labels[1:] if len(a.classes) > 1)
    _enough(len(rows), task.codes, task.name)
    images = yield from read(files, [f"row {i + 2}" for i in range(len(rows))])
    people, person = np.unique([r["person"] for r in rows], return_inverse=True)
    names = tuple(name for a in attributes for name in a.binaries())
    return Faces("folder", images, person.astype(np.int64), tuple(people), task, attributes, names[:5], OWN)


def _folder(root: str) -> Path:
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise BadInput("a folder of pictures", repr(root), "Give the path of an existing folder.")
    return folder


def tables_in(folder: Folder) -> list[Folder]:
    """Its CSV files."""
    return [f for f in folder.iterdir() if f.suffix.lower() == ".csv"]


def identity(root: str) -> str:
    """Names the files in a folder by name, time and size."""
    return fingerprint(stamps(root))


def stamps(root: str) -> list[tuple[str, int, int]]:
    """Name, time and size of every file in a folder; empty where there is none."""
    folder = Path(root).expanduser()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.is_file()]


def _cached(files: Sequence[Folder], rows: Sequence[str]) -> Generator[Step, None, NDArray[np.uint8]]:
    marks = [(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files if isinstance(f, Path)]
    return cache.array(f"folder-{fingerprint(marks)}", lambda: read_all(files, rows))


def _enough(n: int, task: np.ndarray, name: str) -> None:
    if n < LEAST:
        raise BadInput(f"at least {LEAST} faces", str(n), "Add more pictures.")
    found = len(np.unique(task))
    if found != 2:
        raise BadInput(f"two classes of {name}", "one class only" if found < 2 else f"{found} classes", "Keep exactly two.")


def _read_table(folder: Folder, path: Folder) -> tuple[list[dict[str, str]], list[str]]:
    with path.open("r", newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        columns = [c for c in reader.fieldnames or [] if c]
        rows = [
            {k: (v or "").strip() for k, v in row.items() if isinstance(k, str) and not isinstance(v, list)} for row in reader
        ]
    if not {"file", "person"} <= set(columns) or len(columns) < 3:
        raise BadInput(
            "columns file, person and at least one label", ", ".join(columns) or "no header", f"Mend the header of {path.name}."
        )
    if len(set(columns)) != len(columns):
        raise BadInput("column names that differ", ", ".join(columns), f"Rename the duplicates in {path.name}.")
    refuse(_row_problems(folder, rows, [c for c in columns if c not in {"file", "person"}]), "a sound table")
    return rows, [c for c in columns if c not in {"file", "person"}]


def _row_problems(folder: Folder, rows: list[dict[str, str]], labels: list[str]) -> list[str]:
    problems, seen = [], dict[str, int]()
    for number, row in enumerate(rows, start=2):
        name = row.get("file", "")
        if not name or not row.get("person"):
            problems.append(f"row {number}: no file or no person")
        elif Path(name).is_absolute() or ".." in Path(name).parts:
            problems.append(f"row {number}: {name}: leaves the folder")
        elif not (folder / name).is_file():
            problems.append(f"row {number}: {name}: no such file")
        elif name in seen:
            problems.append(f"row {number}: {name}: already in row {seen[name]}")
        elif not row.get(labels[0]):
            problems.append(f"row {number}: {name}: no {labels[0]}")
        seen.setdefault(name, number)
    return problems


def _labels(name: str, values: list[str]) -> Labels:
    classes = sorted({v for v in values if v})
    if len(classes) > 20:
        raise BadInput(f"at most 20 values in column {name}", str(len(classes)), "Group the values, or leave the column out.")
    codes = np.array([classes.index(v) if v else UNKNOWN for v in values], np.int8)
    readable = tuple(f"{name}: {c}" for c in classes)
    return Labels(name, readable, codes)
