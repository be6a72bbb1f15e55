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
from mlleak_core.data.tables import MOST_BYTES, Table, read_table
from mlleak_core.disk import DAMAGE, data_home

LOCATION_URL = "https://github.com/privacytrustlab/datasets/raw/master/dataset_location.tgz"
LOCATION_SHA256 = "927203f85a868f8ee17a0ded1dc61699efe602167beabe34fbf45b4b1de94b33"
LEAST, MOST_CLASSES = 100, 200
CLINIC = Provenance(
    title="Breast-cancer records",
    origin="Wolberg, Street and Mangasarian, 1995; bundled with scikit-learn.",
    terms="Public, CC BY 4.0.",
    labels_are="The diagnosis of one patient each: real records, measured from images of cell nuclei.",
    labels_are_not="They carry no names.",
)
LOCATION = Provenance(
    title="Location-30",
    origin="Foursquare check-ins in Bangkok (Yang et al. 2016), as prepared by Shokri et al. 2017.",
    terms="Public research data.",
    labels_are="Which of 446 places a user visited; the class is a cluster of users.",
    labels_are_not="They carry no names.",
)
HUNDRED = Provenance(
    title="Purchase-100",
    origin="As prepared by Shokri et al. 2017; supplied by you.",
    terms="Research use.",
    labels_are="Clusters of shoppers or procedures.",
    labels_are_not="They carry no names.",
)
OWN = Provenance(
    title="Your own table",
    origin="Supplied by you; it stays on this machine.",
    terms="Yours to know.",
    labels_are="What your column says.",
    labels_are_not="More than that.",
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
    yield Step(0, 1, "reading records")
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
        classes=tuple(found.target_names),
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
        expected = f"{file.name} with sha256 {LOCATION_SHA256[:12]}…"
        raise BadInput(expected, "another file", "Delete it and download it again.")
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
        raise BadInput(f"the {kind}-100 file", repr(str(path)), "Give the path of the npz or tgz.")
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
            f"a table of features, a row a record, in {name}", f"shape {x.shape}", "Save it that way."
        )
    if y.ndim != 1 or len(y) != len(x):
        got = f"{len(x):,} records and labels of shape {y.shape}"
        raise BadInput(f"one label a record in {name}", got, "Save features and labels of the same records.")
    for what, values in (("features", x), ("labels", y)):
        if values.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(1))
            if len(bad):
                rows = ", ".join(f"row {i + 1}" for i in bad[:20])
                more = f" and {len(bad) - 20} more" if len(bad) > 20 else ""
                raise BadInput(f"finite {what} in {name}", f"none in {rows}{more}", "Mend or remove them.")
    return x, y


def _table(path: Path) -> Records:
    """Any CSV with a header and a column `label`; the other columns must be numbers."""
    if not path.is_file():
        raise BadInput("a CSV file", repr(str(path)), "Give the path of an existing table.")
    with path.open("rb") as file:
        table = read_table(file.read(MOST_BYTES + 1), path.name)
    low = [c.lower() for c in table.columns]
    if low.count("label") != 1 or len(low) < 2:
        header = ", ".join(table.columns)[:120] or "no header"
        raise BadInput("a header with one column `label` and features", header, "Mend the header.")
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
        more = f" and {len(problems) - 20} more" if len(problems) > 20 else ""
        rows = ", ".join(f"row {number}" for number in problems[:20])
        raise BadInput(
            "numbers in every column but label, and a label", rows + more, "Mend or remove these rows."
        )
    return values


def _enough(records: int) -> None:
    if records < LEAST:
        raise BadInput(f"at least {LEAST} records", str(records), "Add more rows.")


def _checked(records: Records) -> Records:
    _enough(len(records))
    if not 2 <= len(records.classes) <= MOST_CLASSES:
        raise BadInput(f"2 to {MOST_CLASSES} classes", str(len(records.classes)), "Group the labels.")
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
            "an npz with plain arrays `features` and `labels`", kind, "Save it that way."
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
        raise BadInput(f"a tar archive with a file {name}", kind, "Download it again.") from error
    raise BadInput(f"a file {name} in {path.name}", "none", "Check the archive.")


def _grid(text: bytes) -> NDArray[np.float32]:
    if not text.strip():
        raise BadInput("rows of numbers", "an empty file", "Check the file.")
    try:
        return np.loadtxt(io.BytesIO(text.replace(b'"', b"")), delimiter=",", dtype=np.float32, ndmin=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput("rows of numbers", str(error)[:80], "Check the file.") from error


def _fetch(url: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=60) as reply:
            draft = target.with_suffix(".part")
            draft.write_bytes(reply.read())
            draft.replace(target)
    except OSError as error:
        remedy = "Set MLLEAK_DATA_HOME to a folder that holds location30/."
        raise BadInput(f"{target}", "no such file, and the download failed", remedy) from error
