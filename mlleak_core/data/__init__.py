"""Where records come from. One file a source; `load` opens any of them by its name."""

from __future__ import annotations

from collections.abc import Generator

from mlleak_core.contract import BadInput, Step
from mlleak_core.data import folder, lfw, synthetic
from mlleak_core.data.faces import SIDE, UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.split import Split

__all__ = ["SIDE", "SOURCES", "UNKNOWN", "Faces", "Labels", "Provenance", "Split", "load"]

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
    raise BadInput(f"data to be one of {', '.join(SOURCES)}", repr(name[:80]), "Choose one of these.")
