"""Every message of the interface, gathered from the code, and every file of translations brought up to date:
`make words`. What is new in a file has no translation yet; what nobody says any more is dropped.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from mlleak_core.language import FOLDER

ROOT = Path(__file__).parents[1]
SAYING = {"say": 1, "mark": 1, "plural": 2}
"""Functions whose first arguments are messages, and how many of them."""
HEAD = """# What the app says, in another language. `make words` brings it up to date with the code.
msgid ""
msgstr ""
"Language: {code}\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""
TEMPLATES = ("mlleak_core/classroom/looks", "mlleak_core/handouts/looks", "mlleak_core/report")


def messages() -> dict[str, tuple[str, int]]:
    """Every message and where it stands first: file and line."""
    found: dict[str, tuple[str, int]] = {}
    files = [ROOT / "app.py", *sorted(ROOT.glob("pages/**/*.py")), *sorted(ROOT.glob("mlleak_core/**/*.py"))]
    for file in files:
        for line, message in _of_code(file):
            found.setdefault(message, (str(file.relative_to(ROOT)), line))
    for folder in TEMPLATES:
        for file in sorted((ROOT / folder).glob("*.html")):
            for line, message in _of_template(file):
                found.setdefault(message, (str(file.relative_to(ROOT)), line))
    return found


def _of_code(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for given in node.args[: SAYING.get(name, 0)]:
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                yield node.lineno, given.value


def _of_template(file: Path) -> Iterator[tuple[int, str]]:
    extracted = babel_extract(io.BytesIO(file.read_bytes()), ("say",), (), {})
    for line, _, given, _ in extracted:
        message = given[0] if isinstance(given, tuple) else given
        if message:
            yield line, message


def updated(file: Path) -> Catalog:
    """A file of translations with every message of today, in the order of the code."""
    with file.open("rb") as lines:
        old = read_po(lines)
    new = Catalog(locale=old.locale, fuzzy=False)
    for message, place in messages().items():
        known = old.get(message)
        new.add(message, known.string if known else "", locations=[place])
    return new


def main() -> None:
    for file in sorted(FOLDER.glob("*.po")):
        catalogue = updated(file)
        written = io.BytesIO()
        write_po(written, catalogue, width=100, include_lineno=False, omit_header=True)
        file.write_bytes(HEAD.format(code=file.stem).encode() + written.getvalue())
        missing = sum(1 for m in catalogue if m.id and not m.string)
        print(f"{file.name}: {len(catalogue)} messages, {missing} without a translation")


if __name__ == "__main__":
    main()
