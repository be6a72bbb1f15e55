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
from mlleak_core.language import mark, say

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
UTK_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_\d+")
UTK_RACES = (mark("White"), mark("Black"), mark("Asian"), mark("Indian"), mark("Other"))
UTK_AGES = (mark("under 30"), mark("30 to 54"), mark("55 and over"))
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
    title=mark("Your own folder"),
    origin=mark("Pictures you supplied; they stay on this machine."),
    terms=mark("Yours to know: have the consent of the people pictured."),
    labels_are=mark("What your table says."),
    labels_are_not=mark("Facts about a person."),
)
UTK = Provenance(
    title=mark("A UTKFace-style folder"),
    origin=mark(
        "Files named age_gender_race_date; in UTKFace (Zhang et al. 2017) the labels were estimated and "
        "checked by hand."
    ),
    terms=mark("UTKFace is for non-commercial research."),
    labels_are=mark("What the file names say."),
    labels_are_not=mark("Facts about a person. Two photos of one person count as two people."),
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
            say("pictures in {title}", title=files.title),
            say("none"),
            say("Use files that end in {endings}.", endings=", ".join(sorted(PICTURES))),
        )
    fits = [(name, entry, UTK_NAME.match(name)) for name, entry in named]
    odd = [name for name, _, match in fits if not match]
    if len(odd) > UTK_ODD * len(named):
        refuse(
            [say("file: {name}: not age_gender_race_date", name=name) for name in odd],
            say("UTKFace file names"),
        )
    kept = [(name, entry, match) for name, entry, match in fits if match]
    fields = np.array([[int(g) for g in match.groups()] for *_, match in kept]).reshape(-1, 3)
    _enough(len(kept), fields[:, 1], say("gender"))
    entries = [entry for _, entry, _ in kept]
    images = yield from read(entries, [say("file {n}", n=i + 1) for i in range(len(kept))])
    age = np.digitize(fields[:, 0], [30, 55]).astype(np.int8)
    return Faces(
        name="utkface",
        images=images,
        person=np.arange(len(kept)),
        people=tuple(entry.stem for entry in entries),
        task=Labels(mark("gender"), (mark("female"), mark("male")), (1 - fields[:, 1]).astype(np.int8)),
        attributes=(
            Labels(mark("Race label"), UTK_RACES, fields[:, 2].astype(np.int8)),
            Labels(mark("Age group"), UTK_AGES, age, 1, mark("Age 30 and over")),
        ),
        headline=("Black", "Asian", "White", "Indian", "Age 30 and over"),
        provenance=dataclasses.replace(UTK, notes=_left_out(odd)),
    )


def _left_out(odd: Sequence[str]) -> tuple[str, ...]:
    if not odd:
        return ()
    return (say("Left out, since not named age_gender_race_date: {names}.", names=", ".join(odd)),)


def open_table(files: Shelf, read: Reading, most_rows: int = MOST_ROWS) -> Generator[Step, None, Faces]:
    """The same for any shelf; `read` decodes the files."""
    entry = _the_table(files)
    table = _checked(read_table(entry.read(), entry.name, most_rows), entry)
    names, people = table.column("file"), table.column("person")
    taken = _pictures(files, names, people, table, str(PurePosixPath(entry.name).parent))
    labels = [_labels(c, table.column(c)) for c in table.columns if c.lower() not in {"file", "person"}]
    task, attributes = labels[0], tuple(a for a in labels[1:] if len(a.classes) > 1)
    _enough(len(names), task.codes, task.name)
    images = yield from read(taken, [say("row {n}", n=table.first + i) for i in range(len(names))])
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
        raise BadInput(
            say("one CSV file in {title}", title=files.title),
            got,
            say("Put exactly one table beside the pictures."),
        )
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
        raise BadInput(say("at least {least} faces", least=LEAST), str(n), say("Add more pictures."))
    found = len(np.unique(task))
    if found != 2:
        got = say("one class only") if found < 2 else say("{found} classes", found=found)
        raise BadInput(say("two classes of {name}", name=name), got, say("Keep exactly two."))


def _checked(table: Table, entry: Entry) -> Table:
    """The table, once its header is sound."""
    columns, low = table.columns, [c.lower() for c in table.columns]
    header = ", ".join(columns)[:200] or say("no header")
    if not {"file", "person"} <= set(low) or len(columns) < 3:
        remedy = say("Mend the header of {name}.", name=entry.name)
        if len(columns) < 2:
            remedy = say("Mend the header of {name}. Part the columns by commas.", name=entry.name)
        raise BadInput(say("columns file, person and at least one label"), header, remedy)
    if len(set(low)) != len(low) or "" in low:
        raise BadInput(
            say("column names that differ"), header, say("Rename the duplicates in {name}.", name=entry.name)
        )
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
            problems.append(say("row {n}: no file or no person", n=number))
        elif shelf.leaves(name):
            problems.append(say("row {n}: {name}: leaves the folder", n=number, name=name))
        elif entry is None:
            problems.append(say("row {n}: {name}: no such file", n=number, name=name))
        elif entry.name in seen:
            again = say("row {n}: {name}: already in row {row}", n=number, name=name, row=seen[entry.name])
            problems.append(again)
        elif label.lower() in NOT_SAID:
            problems.append(say("row {n}: {name}: no {column}", n=number, name=name, column=first))
        else:
            found.append(entry)
            seen[entry.name] = number
    refuse(problems, say("a sound table"))
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
        most = say("at most {most_values} values in column {name}", most_values=MOST_VALUES, name=name)
        raise BadInput(most, str(len(classes)), say("Group the values, or leave the column out."))
    codes = np.array([classes.index(v.casefold()) if v else UNKNOWN for v in said], np.int8)
    return Labels(name, tuple(f"{name}: {spelt[c]}" for c in classes), codes)


def _level(value: str) -> str:
    if value.lower() in NOT_SAID:
        return ""
    return value[:-2] if re.fullmatch(r"-?\d+\.0", value) else value
