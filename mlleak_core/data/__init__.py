"""Where records come from. One file a source; `load` opens any of them by its name, except uploads: those live in the workbench."""

from __future__ import annotations

from collections.abc import Generator

from mlleak_core.contract import BadInput, Step, fingerprint
from mlleak_core.data import folder, lfw, synthetic, upload
from mlleak_core.data.faces import SIDE, UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.split import Split
from mlleak_core.places import data_home

__all__ = ["SIDE", "SOURCES", "UNKNOWN", "Faces", "Labels", "Provenance", "Split", "identity", "load"]

SOURCES = ("synthetic", "lfw", "utkface:PATH", "folder:PATH")


def load(name: str) -> Generator[Step, None, Faces]:
    """Open a source: `synthetic`, `lfw`, `utkface:PATH` or `folder:PATH`."""
    kind, _, path = name.partition(":")
    match kind, bool(path):
        case "synthetic", False:
            return synthetic.load()
        case "lfw", False:
            return lfw.load()
        case "utkface", True:
            return folder.load_utkface(path)
        case "folder", True:
            return folder.load_table(path)
        case upload.KIND, True:
            raise BadInput(
                "pictures that this server remembers", "none of that name", "Upload them again: they live in memory only."
            )
    raise BadInput(f"data to be one of {', '.join(SOURCES)}", repr(name[:80]), "Choose one of these.")


def identity(name: str) -> str:
    """A name for the records behind a source that changes when they do; cheap, nothing is decoded."""
    kind, _, path = name.partition(":")
    if kind == "synthetic":
        return fingerprint(synthetic.VERSION, synthetic.PEOPLE, synthetic.PHOTOS)
    if kind == "lfw":
        return fingerprint(lfw.CROP, [(data_home() / "lfw" / f).is_file() for f in ("lfw_labels.csv.gz", "lfw_attributes.txt")])
    if kind == upload.KIND:
        return path
    return fingerprint(folder.stamps(path))
