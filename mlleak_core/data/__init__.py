"""Records and who they are of. One file a source; `source.load` opens any of them by its name."""

from mlleak_core.data.faces import SIDE, UNKNOWN, Faces, Labels, Provenance
from mlleak_core.data.split import Split

__all__ = ["SIDE", "UNKNOWN", "Faces", "Labels", "Provenance", "Split"]
