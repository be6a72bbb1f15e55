"""Your own pictures: a folder named the UTKFace way, or any folder with a table beside it, a ZIP of either
too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Generator, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import cache, shelf
from mlleak_core.data.faces import UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.pictures import read_all, refuse
from mlleak_core.data.shelf import Entry, Shelf
from mlleak_core.data.tables import Table, read_table

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
UTK_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_\d+")
UTK_RACES = ("White", "Black", "Asian", "Indian", "Other")
UTK_ODD = 0.01
"""Up to this share of files may be named otherwise (the published archive has some): they are left out, and
named.
"""
Reading = Callable[[Sequence[Entry], Sequence[str]], Generator[Step, None, NDArray[np.uint8]]]
LEAST = 40
"""Fewer faces than this make no training and test set worth a number."""
MOST_VALUES = 20
MOST_ROWS = 500_000
NOT_SAID = {"", "nan", "na", "n/a", "none", "null", "?"}
"""How tables write that a label is not known."""

OWN = Provenance(
    title="Your own folder",
    origin="Pictures you supplied; they stay on this machine.",
    terms="Yours to know: have the consent of the people pictured.",
    labels_are="What your table says.",
    labels_are_not="Facts about a person.",
)
UTK = Provenance(
    title="A UTKFace-style folder",
    origin="Files named age_gender_race_date; in UTKFace (Zhang et al. 2017) the labels were estimated and "
    "checked by hand.",
    terms="UTKFace is for non-commercial research.",
    labels_are="What the file names say.",
    labels_are_not="Facts about a person. Two photos of one person count as two people.",
)


def load_utkface(root: str) -> Generator[Step, None, Faces]:
    """A folder of files named `age_gender_race_date.jpg` (Zhang et al. 2017). Each file
    counts as one person.
    """
    return open_utkface(shelf.of_folder(root), _cached(root))


def load_table(root: str) -> Generator[Step, None, Faces]:
    """A folder with one CSV: `file, person`, then label columns; the first label is the task and has two
    values.
    """
    return open_table(shelf.of_folder(root), _cached(root))


def named_so(files: Shelf) -> bool:
    """Whether the pictures are named the UTKFace way, so that a table beside them is not needed."""
    names = [PurePosixPath(e.name).name for e in files.lying(PICTURES)]
    return bool(names) and sum(UTK_NAME.match(n) is None for n in names) <= UTK_ODD * len(names)


def open_utkface(files: Shelf, read: Reading) -> Generator[Step, None, Faces]:
    """The same for any shelf; `read` decodes the files. A file that stands in two folders counts once."""
    found = {PurePosixPath(e.name).name: e for e in reversed(files.lying(PICTURES))}
    named = sorted(found.items())
    if not named:
        raise BadInput(
            f"pictures in {files.title}", "none", f"Use files that end in {', '.join(sorted(PICTURES))}."
        )
    fits = [(name, entry, UTK_NAME.match(name)) for name, entry in named]
    odd = [name for name, _, match in fits if not match]
    if len(odd) > UTK_ODD * len(named):
        refuse([f"file: {name}: not age_gender_race_date" for name in odd], "UTKFace file names")
    kept = [(name, entry, match) for name, entry, match in fits if match]
    fields = np.array([[int(g) for g in match.groups()] for *_, match in kept]).reshape(-1, 3)
    _enough(len(kept), fields[:, 1], "gender")
    entries = [entry for _, entry, _ in kept]
    images = yield from read(entries, [f"file {i + 1}" for i in range(len(kept))])
    age = np.digitize(fields[:, 0], [30, 55]).astype(np.int8)
    return Faces(
        name="utkface",
        images=images,
        person=np.arange(len(kept)),
        people=tuple(entry.stem for entry in entries),
        task=Labels("gender", ("female", "male"), (1 - fields[:, 1]).astype(np.int8)),
        attributes=(
            Labels("Race label", UTK_RACES, fields[:, 2].astype(np.int8)),
            Labels("Age group", ("under 30", "30 to 54", "55 and over"), age, 1, "Age 30 and over"),
        ),
        headline=("Black", "Asian", "White", "Indian", "Age 30 and over"),
        provenance=dataclasses.replace(UTK, notes=_left_out(odd)),
    )


def _left_out(odd: Sequence[str]) -> tuple[str, ...]:
    return (f"Left out, since not named age_gender_race_date: {', '.join(odd)}.",) if odd else ()


def open_table(files: Shelf, read: Reading, most_rows: int = MOST_ROWS) -> Generator[Step, None, Faces]:
    """The same for any shelf; `read` decodes the files."""
    entry = _the_table(files)
    table = _checked(read_table(entry.read(), entry.name, most_rows), entry)
    names, people = table.column("file"), table.column("person")
    taken = _pictures(files, names, people, table, str(PurePosixPath(entry.name).parent))
    labels = [_labels(c, table.column(c)) for c in table.columns if c.lower() not in {"file", "person"}]
    task, attributes = labels[0], tuple(a for a in labels[1:] if len(a.classes) > 1)
    _enough(len(names), task.codes, task.name)
    images = yield from read(taken, [f"row {table.first + i}" for i in range(len(names))])
    who, person = np.unique(people, return_inverse=True)
    return Faces(
        name="folder",
        images=images,
        person=person.astype(np.int64),
        people=tuple(who.tolist()),
        task=task,
        attributes=attributes,
        headline=tuple(name for a in attributes for name in a.binaries())[:5],
        provenance=OWN,
    )


def tables_in(files: Shelf) -> list[Entry]:
    """Its CSV files."""
    return files.lying({".csv", ".tsv"})


def _the_table(files: Shelf) -> Entry:
    tables = tables_in(files)
    if len(tables) != 1:
        got = f"{len(tables)}: {', '.join(t.name for t in tables[:5])}" if tables else "0"
        raise BadInput(f"one CSV file in {files.title}", got, "Put exactly one table beside the pictures.")
    return tables[0]


def identity(root: str) -> str:
    """Names the files in a folder, at any depth, by name, time and size."""
    return fingerprint(shelf.stamps(root))


def _cached(root: str) -> Reading:
    """Reads pictures once and keeps them for as long as no file of the folder changes."""

    def read(files: Sequence[Entry], rows: Sequence[str]) -> Generator[Step, None, NDArray[np.uint8]]:
        key = fingerprint(str(disk.given(root)), shelf.stamps(root), [f.name for f in files])
        return cache.array(f"folder-{key}", lambda: read_all(files, rows))

    return read


def _enough(n: int, task: NDArray[np.int8] | NDArray[np.int64], name: str) -> None:
    if n < LEAST:
        raise BadInput(f"at least {LEAST} faces", str(n), "Add more pictures.")
    found = len(np.unique(task))
    if found != 2:
        got = "one class only" if found < 2 else f"{found} classes"
        raise BadInput(f"two classes of {name}", got, "Keep exactly two.")


def _checked(table: Table, entry: Entry) -> Table:
    """The table, once its header is sound."""
    columns, low = table.columns, [c.lower() for c in table.columns]
    header = ", ".join(columns)[:200] or "no header"
    if not {"file", "person"} <= set(low) or len(columns) < 3:
        remedy = f"Mend the header of {entry.name}."
        if len(columns) < 2:
            remedy += " Part the columns by commas."
        raise BadInput("columns file, person and at least one label", header, remedy)
    if len(set(low)) != len(low) or "" in low:
        raise BadInput("column names that differ", header, f"Rename the duplicates in {entry.name}.")
    return table


def _pictures(
    files: Shelf, names: Sequence[str], people: Sequence[str], table: Table, beside: str
) -> list[Entry]:
    """The files that the rows name; all that is wrong is raised at once, with its row."""
    first = next(c for c in table.columns if c.lower() not in {"file", "person"})
    task = table.column(first)
    problems: list[str] = []
    seen: dict[str, int] = {}
    found: list[Entry] = []
    for number, (name, person, label) in enumerate(zip(names, people, task, strict=True), start=table.first):
        entry = None if shelf.leaves(name) else files.find(name, beside)
        if not name or not person:
            problems.append(f"row {number}: no file or no person")
        elif shelf.leaves(name):
            problems.append(f"row {number}: {name}: leaves the folder")
        elif entry is None:
            problems.append(f"row {number}: {name}: no such file")
        elif entry.name in seen:
            problems.append(f"row {number}: {name}: already in row {seen[entry.name]}")
        elif label.lower() in NOT_SAID:
            problems.append(f"row {number}: {name}: no {first}")
        else:
            found.append(entry)
            seen[entry.name] = number
    refuse(problems, "a sound table")
    return found


def _labels(name: str, values: Sequence[str]) -> Labels:
    """A column as a labelling; what it does not say is UNKNOWN. `1.0` is the number 1, and case parts no
    classes.
    """
    said = [_level(v) for v in values]
    spelt: dict[str, str] = {}
    for value in sorted(v for v in said if v):
        spelt.setdefault(value.casefold(), value)
    classes = sorted(spelt)
    if len(classes) > MOST_VALUES:
        most = f"at most {MOST_VALUES} values in column {name}"
        raise BadInput(most, str(len(classes)), "Group the values, or leave the column out.")
    codes = np.array([classes.index(v.casefold()) if v else UNKNOWN for v in said], np.int8)
    return Labels(name, tuple(f"{name}: {spelt[c]}" for c in classes), codes)


def _level(value: str) -> str:
    if value.lower() in NOT_SAID:
        return ""
    return value[:-2] if re.fullmatch(r"-?\d+\.0", value) else value
