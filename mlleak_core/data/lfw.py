"""Labeled Faces in the Wild (Huang et al. 2007), with Kumar et al.'s (2009) attribute labels."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import threading
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from os.path import isfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import cache
from mlleak_core.data.faces import UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.pictures import read_all
from mlleak_core.disk import cache_home, data_home
from mlleak_core.language import mark, say

CROP = (0.22, 0.24, 0.78, 0.80)
"""The face and some hair, as shares of the funneled picture; copies of LFW circulate at 250 and at 150
pixels.
"""

RACES = (mark("White"), mark("Black"), mark("Asian"), mark("Indian"))
NOT = {
    mark("Youth"): mark("not Youth"),
    mark("Senior"): mark("not Senior"),
    mark("Smiling"): mark("not Smiling"),
    mark("Eyeglasses"): mark("not Eyeglasses"),
    mark("Sunglasses"): mark("not Sunglasses"),
}
"""What the other class of an attribute is called."""
NOT_RACE = {
    mark("White (all faces)"): mark("not White"),
    mark("Black (all faces)"): mark("not Black"),
    mark("Asian (all faces)"): mark("not Asian"),
    mark("Indian (all faces)"): mark("not Indian"),
}
ATTRIBUTES = (*RACES, *NOT)
KUMAR_URL = "https://www.cs.columbia.edu/CAVE/databases/pubfig/download/lfw_attributes.txt"
ARCHIVE_BYTES = 243_346_528
WHOLE = 0.99
"""From this share of its pictures on a copy counts as whole; single ones are missing from some."""

PROVENANCE = Provenance(
    title=mark("Labeled Faces in the Wild (funneled)"),
    origin=mark(
        "Huang, Ramesh, Berg and Learned-Miller, 2007: news photos of public figures, collected from the web."
    ),
    terms=mark(
        "Public research data. The people pictured were not asked. Downloaded to your own machine, never "
        "bundled."
    ),
    labels_are=mark(
        "Gender labels were made by hand. Race and the other attributes are the opinion of Kumar "
        "et al.'s "
        "(2009) "
        "classifiers about how a person looks in one photo; 1 means one of the confident two thirds."
    ),
    labels_are_not=mark(
        "They are not facts about a person: not identity, not ancestry, not how anybody describes themselves."
    ),
    notes=(
        mark("A few people have very many photos, so everything is split by person."),
        mark(
            "Race, as in Black or Asian, is read on the faces whose label two classifiers agree on (Kumar's "
            "and, where "
            "the table has it, DeepFace's): clear cases, easier than all. 'Black (all faces)' counts every "
            "other face "
            "as not Black, doubtful ones too."
        ),
    ),
)
PARTLY = mark(
    "Only {here:,} of {labelled:,} labelled pictures are on this machine: figures differ from those of all."
)


def identity() -> str:
    """Names the crop and the labels that are there."""
    there = [(data_home() / "lfw" / f).is_file() for f in ("lfw_labels.csv.gz", "lfw_attributes.txt")]
    return fingerprint(CROP, there)


def load() -> Generator[Step, None, Faces]:
    """All labelled LFW faces; downloads them first where `disk.data_home()` lacks them."""
    home = data_home() / "lfw" / "lfw_home"
    if not (home / "lfw_funneled").is_dir():
        yield from _download(data_home() / "lfw")
    records, listing = _records(data_home() / "lfw")
    photos = [_photo(str(home), r) for r in records]
    present = [i for i, r in enumerate(records) if r["male"] in {"0", "1"} and isfile(photos[i])]  # noqa: PTH113
    if len(present) < 0.5 * len(records):
        raise BadInput(
            say("the pictures of {n} labelled rows", n=len(records)),
            say("{n} of them", n=len(present)),
            say("Check {folder}.", folder=home / "lfw_funneled"),
        )
    key = fingerprint("lfw", CROP, str(home.resolve()), listing, len(present))
    images = yield from cache.array(
        f"lfw-{key}",
        lambda: read_all(
            [Path(photos[i]) for i in present], [say("row {n}", n=i + 2) for i in present], CROP
        ),
    )
    yield Step(1, 1, say("reading labels"))
    faces = _faces([records[i] for i in present], images)
    return _noted(faces, len(present), sum(r["male"] in {"0", "1"} for r in records))


def _noted(faces: Faces, here: int, labelled: int) -> Faces:
    """Half a data set must not pass for the whole: what is missing is said."""
    if here >= WHOLE * labelled:
        return faces
    note = say(PARTLY, here=here, labelled=labelled)
    notes = (note, *faces.provenance.notes)
    return dataclasses.replace(faces, provenance=dataclasses.replace(faces.provenance, notes=notes))


def _photo(home: str, row: dict[str, str]) -> str:
    """A string: thirteen thousand `Path`s would double what a load takes."""
    return f"{home}/lfw_funneled/{row['person']}/{row['person']}_{int(row['imagenum']):04d}.jpg"


def _faces(rows: list[dict[str, str]], images: NDArray[np.uint8]) -> Faces:
    people, person = np.unique([r["person"] for r in rows], return_inverse=True)

    def codes(column: str) -> NDArray[np.int8]:
        return np.array([int(float(r.get(column) or UNKNOWN)) for r in rows], np.int8)

    plain = tuple(Labels(a, (other, a), codes(f"{a}_kumar_conf")) for a, other in NOT.items())
    doubtful = tuple(
        Labels(name, (other, name), codes(f"{race}_kumar_conf"))
        for race, (name, other) in zip(RACES, NOT_RACE.items(), strict=True)
    )
    return Faces(
        name="lfw",
        images=images,
        person=person.astype(np.int64),
        people=tuple(people),
        task=Labels(mark("gender"), (mark("female"), mark("male")), codes("male")),
        attributes=(Labels(mark("Race label"), RACES, _agreed_race(rows)), *plain, *doubtful),
        headline=("Asian", "Black", "White", "Eyeglasses", "Smiling"),
        provenance=PROVENANCE,
    )


def _agreed_race(rows: list[dict[str, str]]) -> NDArray[np.int8]:
    """Kumar's confident race where DeepFace says the same or nothing, else UNKNOWN."""

    def code(row: dict[str, str]) -> int:
        race, second = row.get("race_kumar", ""), row.get("race_deepface", "")
        return RACES.index(race) if race in RACES and second.lower() in {"", race.lower()} else UNKNOWN

    return np.array([code(r) for r in rows], np.int8)


def _records(home: Path) -> tuple[list[dict[str, str]], str]:
    """The label rows and the name of the file they came from: the combined table, else Kumar's own file."""
    combined, kumar = home / "lfw_labels.csv.gz", home / "lfw_attributes.txt"
    if combined.is_file():
        with gzip.open(combined, "rt", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        needed = {"person", "imagenum", "male", *(f"{a}_kumar_conf" for a in ATTRIBUTES)}
        if not rows or not needed <= rows[0].keys():
            missing = ", ".join(sorted(needed - (rows[0].keys() if rows else set())))
            raise BadInput(
                say("columns of LFW labels in {name}", name=combined.name),
                say("none of: {missing}", missing=missing),
                say("Restore the file."),
            )
        return rows, combined.name
    if kumar.is_file():
        return list(_kumar_rows(kumar)), kumar.name
    raise BadInput(
        say("labels in {home}", home=home),
        say("neither lfw_labels.csv.gz nor lfw_attributes.txt"),
        say("Put one there, e.g. from {kumar_url}", kumar_url=KUMAR_URL),
    )


def _kumar_rows(path: Path) -> Iterator[dict[str, str]]:
    """Kumar's real-valued scores as rows of the combined table: 1 = in the most confident two thirds of the
    positives.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next((line for line in lines if line.lstrip("# \t").startswith("person\t")), "")
    columns = header.lstrip("# \t").split("\t")
    if not {"person", "imagenum", "Male", *ATTRIBUTES} <= set(columns):
        raise BadInput(
            say("a header line with person, imagenum, Male … in {name}", name=path.name),
            say("none"),
            say("Download the file again."),
        )
    table = [
        dict(zip(columns, line.split("\t"), strict=False))
        for line in lines
        if line and not line.startswith("#")
    ]
    scores = {a: np.array([float(r[a]) for r in table]) for a in ATTRIBUTES}
    confident = {a: s >= np.quantile(s[s > 0], 1 / 3) if (s > 0).any() else s > 0 for a, s in scores.items()}
    for i, row in enumerate(table):
        named = [race for race in RACES if confident[race][i]]
        yield {
            "person": row["person"].replace(" ", "_"),
            "imagenum": row["imagenum"],
            "male": str(int(float(row["Male"]) > 0)),
            "race_kumar": max(named, key=lambda race: scores[race][i], default="") if named else "",
            **{f"{a}_kumar_conf": str(int(confident[a][i])) for a in ATTRIBUTES},
        }


def _download(target: Path) -> Generator[Step, None, None]:
    """Fetch LFW through scikit-learn in a thread and report how much of the archive has arrived."""
    from sklearn.datasets import fetch_lfw_people

    failure: list[BaseException] = []

    def fetch() -> None:
        try:
            fetch_lfw_people(data_home=str(target), min_faces_per_person=200, download_if_missing=True)
            labels = target / "lfw_attributes.txt"
            if not labels.is_file() and not (target / "lfw_labels.csv.gz").is_file():
                with urllib.request.urlopen(KUMAR_URL, timeout=60) as reply:
                    labels.write_bytes(reply.read())
        except Exception as error:  # noqa: BLE001  reported to the caller below
            failure.append(error)

    worker = threading.Thread(target=fetch, name="lfw-download", daemon=True)
    worker.start()
    archive = target / "lfw_home" / "lfw-funneled.tgz"
    while worker.is_alive():
        worker.join(0.5)
        arrived = archive.stat().st_size if archive.exists() else 0
        yield Step(arrived // 2**20, ARCHIVE_BYTES // 2**20, say("downloading LFW (MB)"))
    if failure:
        raise BadInput(
            say("LFW in {target}", target=target),
            say(
                "no folder lfw_home/lfw_funneled, and the download failed ({problem})",
                problem=type(failure[0]).__name__,
            ),
            say(
                "Set MLLEAK_DATA_HOME to a folder that holds lfw/, or connect to the internet. "
                "Cache: {cache}",
                cache=cache_home(),
            ),
        )
