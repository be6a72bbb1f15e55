"""How pages are written from templates: everything is escaped, and a name that nobody gave is an error."""

from __future__ import annotations

from pathlib import Path

import jinja2

from mlleak_core.language import say


def environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder; they say messages as the code does."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.globals["say"] = say
    return found
