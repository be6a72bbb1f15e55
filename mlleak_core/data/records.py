"""Records that are not pictures: patients, visits, purchases, any table with a label column."""

from __future__ import annotations

import csv
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

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data.faces import Provenance
from mlleak_core.disk import data_home

LOCATION_URL = "https://github.com/privacytrustlab/datasets/raw/master/dataset_location.tgz"
LOCATION_SHA256 = "927203f85a868f8ee17a0ded1dc61699efe602167beabe34fbf45b4b1de94b33"
LEAST, MOST_CLASSES = 100, 200


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


def identity(path: str) -> str:
    """Names a file by path, time and size."""
    file = Path(path).expanduser()
    return fingerprint(str(file), *((file.stat().st_mtime_ns, file.stat().st_size) if file.is_file() else ()))


def clinic_identity() -> str:
    return "clinic"


def location_identity() -> str:
    return "location"


def _reading(records: Callable[[], Records]) -> Generator[Step, None, Records]:
    yield Step(0, 1, "reading records")
    return records()


def clinic() -> Generator[Step, None, Records]:
    """Breast-cancer diagnoses from 569 fine-needle aspirates (Wolberg et al. 1995), as bundled with scikit-learn."""
    return _reading(_clinic)


def location() -> Generator[Step, None, Records]:
    """Location-30: who visited which of 446 places in Bangkok, in 30 clusters of users (Shokri et al. 2017)."""
    return _reading(_location)


def purchase(path: str) -> Generator[Step, None, Records]:
    """Purchase-100 (Shokri et al. 2017) from a file of your own."""
    return _reading(lambda: _hundred("purchase", Path(path).expanduser()))


def texas(path: str) -> Generator[Step, None, Records]:
    """Texas-100 (Shokri et al. 2017) from a file of your own."""
    return _reading(lambda: _hundred("texas", Path(path).expanduser()))


def table(path: str) -> Generator[Step, None, Records]:
    """Any CSV with a header and a column `label`; the other columns must be numbers."""
    return _reading(lambda: _table(Path(path).expanduser()))


def _clinic() -> Records:
    """Breast-cancer diagnoses from 569 fine-needle aspirates (Wolberg et al. 1995), as bundled with scikit-learn."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return Records(
        "clinic", _standardised(found.data), found.target.astype(np.int64), tuple(found.target_names), tuple(found.feature_names),
        Provenance("Breast-cancer records", "Wolberg, Street and Mangasarian, 1995; bundled with scikit-learn.", "Public, CC BY 4.0.",
                   "The diagnosis of one patient each: real records, measured from images of cell nuclei.", "They carry no names."),
    )  # fmt: skip


def _location() -> Records:
    """Location-30: who visited which of 446 places in Bangkok, in 30 clusters of users (Shokri et al. 2017)."""
    file = data_home() / "location30" / "dataset_location.tgz"
    if not file.is_file():
        _fetch(LOCATION_URL, file)
    if hashlib.sha256(file.read_bytes()).hexdigest() != LOCATION_SHA256:
        raise BadInput(f"{file.name} with sha256 {LOCATION_SHA256[:12]}…", "another file", "Delete it and download it again.")
    grid = _grid(_member(file, "bangkok"))
    return Records(
        "location", grid[:, 1:].astype(np.float32), grid[:, 0].astype(np.int64) - 1, tuple(f"group {i + 1}" for i in range(30)),
        tuple(f"place {i + 1}" for i in range(grid.shape[1] - 1)),
        Provenance("Location-30", "Foursquare check-ins in Bangkok (Yang et al. 2016), as prepared by Shokri et al. 2017.",
                   "Public research data.", "Which of 446 places a user visited; the class is a cluster of users.", "They carry no names."),
    )  # fmt: skip


def _hundred(kind: str, path: Path) -> Records:
    """Purchase-100 or Texas-100 in the forms that circulate: npz of features and labels, or the authors' tgz."""
    if not path.is_file():
        raise BadInput(f"the {kind}-100 file", repr(str(path)), "Give the path of the npz or tgz.")
    x: NDArray[np.float32]
    y: NDArray[Any]
    if path.suffix == ".npz":
        x, y = _npz(path)
    elif kind == "texas":
        x, y = _grid(_member(path, "feats")), _grid(_member(path, "labels"))[:, 0]
    else:
        grid = _grid(_member(path, "dataset_purchase"))
        x, y = grid[:, 1:], grid[:, 0]
    classes, codes = np.unique(y, return_inverse=True)
    title = {"purchase": "Purchase-100", "texas": "Texas-100"}[kind]
    return _checked(
        Records(kind, x.astype(np.float32), codes.astype(np.int64), tuple(f"class {c:g}" for c in classes),
                tuple(f"feature {i + 1}" for i in range(x.shape[1])),
                Provenance(title, "As prepared by Shokri et al. 2017; supplied by you.", "Research use.", "Clusters of shoppers or procedures.",
                           "They carry no names."))
    )  # fmt: skip


def _table(path: Path) -> Records:
    """Any CSV with a header and a column `label`; the other columns must be numbers."""
    if not path.is_file():
        raise BadInput("a CSV file", repr(str(path)), "Give the path of an existing table.")
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = list(csv.reader(file))
    header = rows[0] if rows else []
    if header.count("label") != 1 or len(header) < 2:
        raise BadInput(
            "a header with one column `label` and features", ", ".join(header)[:120] or "no header", "Mend the header."
        )
    at, body, problems = header.index("label"), rows[1:], list[str]()
    values = np.zeros((len(body), len(header) - 1), np.float32)
    for number, row in enumerate(body, start=2):
        try:
            values[number - 2] = [float(v) for i, v in enumerate(row) if i != at]
            if len(row) != len(header) or not np.isfinite(values[number - 2]).all():
                raise ValueError
        except ValueError:
            problems.append(f"row {number}")
    if problems:
        more = f" and {len(problems) - 20} more" if len(problems) > 20 else ""
        raise BadInput("numbers in every column but label", ", ".join(problems[:20]) + more, "Mend or remove these rows.")
    classes, codes = np.unique([r[at] for r in body], return_inverse=True)
    own = Provenance(
        "Your own table",
        "Supplied by you; it stays on this machine.",
        "Yours to know.",
        "What your column says.",
        "More than that.",
    )
    columns = tuple(c for i, c in enumerate(header) if i != at)
    return _checked(Records("csv", _standardised(values), codes.astype(np.int64), tuple(map(str, classes)), columns, own))


def _checked(records: Records) -> Records:
    if len(records) < LEAST:
        raise BadInput(f"at least {LEAST} records", str(len(records)), "Add more rows.")
    if not 2 <= len(records.classes) <= MOST_CLASSES:
        raise BadInput(f"2 to {MOST_CLASSES} classes", str(len(records.classes)), "Group the labels.")
    return records


def _standardised(x: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float32]:
    return ((x - x.mean(0)) / np.maximum(x.std(0), 1e-9)).astype(np.float32)


def _npz(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x, y = arrays["features"], arrays["labels"]
    except (KeyError, ValueError, OSError) as error:
        raise BadInput("an npz with plain arrays `features` and `labels`", type(error).__name__, "Save it that way.") from error
    return x.astype(np.float32), (y.argmax(1) if y.ndim == 2 else y).astype(np.int64)


def _member(path: Path, name: str) -> bytes:
    """A file inside a tar, read in memory; nothing is unpacked to disk."""
    try:
        with tarfile.open(path) as archive:
            for entry in archive:
                if entry.isfile() and Path(entry.name).name == name:
                    return archive.extractfile(entry).read()  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f"a tar archive with a file {name}", type(error).__name__, "Download it again.") from error
    raise BadInput(f"a file {name} in {path.name}", "none", "Check the archive.")


def _grid(text: bytes) -> NDArray[np.float32]:
    try:
        return np.loadtxt(io.BytesIO(text.replace(b'"', b"")), delimiter=",", dtype=np.float32, ndmin=2)
    except ValueError as error:
        raise BadInput("rows of numbers", str(error)[:80], "Check the file.") from error


def _fetch(url: str, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=60) as reply:
            draft = target.with_suffix(".part")
            draft.write_bytes(reply.read())
            draft.replace(target)
    except OSError as error:
        raise BadInput(
            f"{target}", "no such file, and the download failed", "Set MLLEAK_DATA_HOME to a folder that holds location30/."
        ) from error
