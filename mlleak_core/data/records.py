"""Records that are not pictures: patients, visits, purchases, any table with a label column."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
import urllib.request
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlleak_core import disk
from mlleak_core.contract import BadInput, Step
from mlleak_core.data.faces import Provenance
from mlleak_core.data.shelf import DAMAGED
from mlleak_core.data.tables import MOST_BYTES, Table, read_table, rows_named
from mlleak_core.disk import DAMAGE, data_home
from mlleak_core.language import mark, say

LOCATION_URL = "https://github.com/privacytrustlab/datasets/raw/master/dataset_location.tgz"
LOCATION_SHA256 = "927203f85a868f8ee17a0ded1dc61699efe602167beabe34fbf45b4b1de94b33"
LEAST, MOST_CLASSES = 100, 200
CLINIC = Provenance(
    title=mark("Breast-cancer records"),
    origin=mark("Wolberg, Street and Mangasarian, 1995; bundled with scikit-learn."),
    terms=mark("Public, CC BY 4.0."),
    labels_are=mark("The diagnosis of one patient each: real records, measured from images of cell nuclei."),
    labels_are_not=mark("They carry no names."),
)
DIAGNOSES = (mark("malignant"), mark("benign"))
"""In the order of their codes."""
LOCATION = Provenance(
    title=mark("Location-30"),
    origin=mark("Foursquare check-ins in Bangkok (Yang et al. 2016), as prepared by Shokri et al. 2017."),
    terms=mark("Public research data."),
    labels_are=mark("Which of 446 places a user visited; the class is a cluster of users."),
    labels_are_not=mark("They carry no names."),
)
HUNDRED = Provenance(
    title=mark("Purchase-100"),
    origin=mark("As prepared by Shokri et al. 2017; supplied by you."),
    terms=mark("Research use."),
    labels_are=mark("Clusters of shoppers or procedures."),
    labels_are_not=mark("They carry no names."),
)
OWN = Provenance(
    title=mark("Your own table"),
    origin=mark("Supplied by you; it stays on this machine."),
    terms=mark("Yours to know."),
    labels_are=mark("What your column says."),
    labels_are_not=mark("More than that."),
)


@dataclass(frozen=True, eq=False)
class Records:
    """A table of records: x [n, d] float32, y [n] indexes `classes`; `columns` names the d features."""

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.int64]
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.x)


def clinic_identity() -> str:
    return "clinic"


def location_identity() -> str:
    return "location"


def _reading(records: Callable[[], Records]) -> Generator[Step, None, Records]:
    yield Step(0, 1, say("reading records"))
    return records()


def clinic() -> Generator[Step, None, Records]:
    """Breast-cancer diagnoses from 569 fine-needle aspirates (Wolberg et al. 1995), as bundled with
    scikit-learn.
    """
    return _reading(_clinic)


def location() -> Generator[Step, None, Records]:
    """Location-30: who visited which of 446 places in Bangkok, in 30 clusters of users
    (Shokri et al. 2017).
    """
    return _reading(_location)


def purchase(path: str) -> Generator[Step, None, Records]:
    """Purchase-100 (Shokri et al. 2017) from a file of your own."""
    return _reading(lambda: _hundred("purchase", disk.given(path)))


def texas(path: str) -> Generator[Step, None, Records]:
    """Texas-100 (Shokri et al. 2017) from a file of your own."""
    return _reading(lambda: _hundred("texas", disk.given(path)))


def table(path: str) -> Generator[Step, None, Records]:
    """Any CSV with a header and a column `label`; the other columns must be numbers."""
    return _reading(lambda: _table(disk.given(path)))


def _clinic() -> Records:
    """Breast-cancer diagnoses from 569 fine-needle aspirates (Wolberg et al. 1995), as bundled with
    scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return Records(
        name="clinic",
        x=_standardised(found.data),
        y=found.target.astype(np.int64),
        classes=DIAGNOSES,
        columns=tuple(found.feature_names),
        provenance=CLINIC,
    )


def _location() -> Records:
    """Location-30: who visited which of 446 places in Bangkok, in 30 clusters of users
    (Shokri et al. 2017).
    """
    file = data_home() / "location30" / "dataset_location.tgz"
    if not file.is_file():
        _fetch(LOCATION_URL, file)
    if hashlib.sha256(file.read_bytes()).hexdigest() != LOCATION_SHA256:
        expected = say("{name} with sha256 {sum}…", name=file.name, sum=LOCATION_SHA256[:12])
        raise BadInput(expected, say("another file"), say("Delete it and download it again."))
    grid = _grid(_member(file, "bangkok"))
    return Records(
        name="location",
        x=grid[:, 1:].astype(np.float32),
        y=grid[:, 0].astype(np.int64) - 1,
        classes=tuple(f"group {i + 1}" for i in range(30)),
        columns=tuple(f"place {i + 1}" for i in range(grid.shape[1] - 1)),
        provenance=LOCATION,
    )


def _hundred(kind: str, path: Path) -> Records:
    """Purchase-100 or Texas-100 as they circulate: npz of features and labels, or the authors' tgz."""
    title = {"purchase": "Purchase-100", "texas": "Texas-100"}[kind]
    if not path.is_file():
        raise BadInput(
            say("the {kind}-100 file", kind=kind), repr(str(path)), say("Give the path of the npz or tgz.")
        )
    if path.suffix == ".npz":
        x, y = _npz(path)
    elif kind == "texas":
        x = _grid(_member(path, "feats"))
        y = _grid(_member(path, "labels"))[:, 0]
    else:
        grid = _grid(_member(path, "dataset_purchase"))
        x, y = grid[:, 1:], grid[:, 0]
    x, y = _paired(x, y, path.name)
    classes, codes = np.unique(y, return_inverse=True)
    return _checked(
        Records(
            name=kind,
            x=x.astype(np.float32),
            y=codes.astype(np.int64),
            classes=tuple(f"class {c:g}" if isinstance(c, np.number) else f"class {c}" for c in classes),
            columns=tuple(f"feature {i + 1}" for i in range(x.shape[1])),
            provenance=dataclasses.replace(HUNDRED, title=title),
        )
    )


def _paired(x: NDArray[Any], y: NDArray[Any], name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features [n, d] and a label each [n], every claim about them checked. Raises BadInput."""
    if y.ndim == 2:
        y = y[:, 0] if y.shape[1] == 1 else y.argmax(1)
    if x.ndim != 2 or not x.shape[1]:
        raise BadInput(
            say("a table of features, a row a record, in {name}", name=name),
            say("shape {shape}", shape=x.shape),
            say("Save it that way."),
        )
    if y.ndim != 1 or len(y) != len(x):
        got = say("{n:,} records and labels of shape {shape}", n=len(x), shape=y.shape)
        raise BadInput(
            say("one label a record in {name}", name=name),
            got,
            say("Save features and labels of the same records."),
        )
    for what, values in ((mark("features"), x), (mark("labels"), y)):
        if values.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))
            if len(bad):
                raise BadInput(
                    say("finite {what} in {name}", what=say(what), name=name),
                    say("none in {rows}", rows=rows_named([int(i) + 1 for i in bad])),
                    say("Mend or remove them."),
                )
    return x, y


def _table(path: Path) -> Records:
    """Any CSV with a header and a column `label`; the other columns must be numbers."""
    if not path.is_file():
        raise BadInput(say("a CSV file"), repr(str(path)), say("Give the path of an existing table."))
    with path.open("rb") as file:
        table = read_table(file.read(MOST_BYTES + 1), path.name)
    low = [c.lower() for c in table.columns]
    if low.count("label") != 1 or len(low) < 2:
        header = ", ".join(table.columns)[:120] or say("no header")
        raise BadInput(say("a header with one column `label` and features"), header, say("Mend the header."))
    _enough(len(table.rows))
    at = low.index("label")
    values = _features(table, at)
    classes, codes = np.unique([row[at] for row in table.rows], return_inverse=True)
    return _checked(
        Records(
            name="csv",
            x=_standardised(values),
            y=codes.astype(np.int64),
            classes=tuple(map(str, classes)),
            columns=tuple(c for i, c in enumerate(table.columns) if i != at),
            provenance=OWN,
        )
    )


def _features(table: Table, at: int) -> NDArray[np.float64]:
    """The numbers of a table, its column `at` being the label: [n, d]. Every bad row is raised at once."""
    values = np.zeros((len(table.rows), len(table.columns) - 1))
    problems = []
    for i, row in enumerate(table.rows):
        try:
            values[i] = [table.number(cell) for k, cell in enumerate(row) if k != at]
        except ValueError:
            problems.append(table.first + i)
            continue
        if not row[at] or not np.isfinite(values[i]).all():
            problems.append(table.first + i)
    if problems:
        raise BadInput(
            say("numbers in every column but label, and a label"),
            rows_named(problems),
            say("Mend or remove these rows."),
        )
    return values


def _enough(records: int) -> None:
    if records < LEAST:
        raise BadInput(say("at least {least} records", least=LEAST), str(records), say("Add more rows."))


def _checked(records: Records) -> Records:
    _enough(len(records))
    if not 2 <= len(records.classes) <= MOST_CLASSES:
        raise BadInput(
            say("2 to {most_classes} classes", most_classes=MOST_CLASSES),
            str(len(records.classes)),
            say("Group the labels."),
        )
    return records


def _standardised(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean 0 and deviation 1, column by column, reckoned in double precision."""
    return ((x - x.mean(0)) / np.maximum(x.std(0), 1e-9)).astype(np.float32)


def _npz(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return arrays["features"], arrays["labels"]
    except (AttributeError, *DAMAGE, *DAMAGED) as error:
        kind = type(error).__name__
        raise BadInput(
            say("an npz with plain arrays `features` and `labels`"), kind, say("Save it that way.")
        ) from error


def _member(path: Path, name: str) -> bytes:
    """A file inside a tar, read in memory; nothing is unpacked to disk."""
    try:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and Path(entry.name).name == name:
                    return archive.extractfile(entry).read()  # type: ignore[union-attr]
    except (tarfile.TarError, *DAMAGED) as error:
        kind = type(error).__name__
        raise BadInput(
            say("a tar archive with a file {name}", name=name), kind, say("Download it again.")
        ) from error
    raise BadInput(
        say("a file {name} in {archive}", name=name, archive=path.name),
        say("none"),
        say("Check the archive."),
    )


def _grid(text: bytes) -> NDArray[np.float32]:
    if not text.strip():
        raise BadInput(say("rows of numbers"), say("an empty file"), say("Check the file."))
    try:
        return np.loadtxt(io.BytesIO(text.replace(b'"', b"")), delimiter=",", dtype=np.float32, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(say("rows of numbers"), str(error)[:80], say("Check the file.")) from error


def _fetch(url: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=60) as reply:
            draft = target.with_suffix(".part")
            draft.write_bytes(reply.read())
            draft.replace(target)
    except OSError as error:
        remedy = say("Set MLLEAK_DATA_HOME to a folder that holds location30/.")
        raise BadInput(f"{target}", say("no such file, and the download failed"), remedy) from error
