"""One reader for every table that a person brings: whatever program saved it, and refused in words where it
cannot be.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlleak_core import disk
from mlleak_core.contract import BadInput, fingerprint
from mlleak_core.language import mark, say

MOST_BYTES = 256 * 2**20
MOST_ROWS = 2_000_000
MOST_COLUMNS = 5000
SEPARATORS = ",;\t|"
NOT_TEXT = {
    b"PK\x03\x04": mark("an Excel workbook or another ZIP"),
    b"\xd0\xcf\x11\xe0": mark("an old Excel workbook"),
    b"\x1f\x8b": mark("a compressed file"),
    b"%PDF": mark("a PDF"),
}
SHOWN = 20
"""Bad rows, or other things, that are named."""
INDEX = re.compile(r"^(unnamed: \d+)?$", re.IGNORECASE)
"""How a column of row numbers is headed by the programs that write one."""


@dataclass(frozen=True)
class Table:
    """columns: the header, blanks stripped. rows: as many cells each. first: the line of the first row.

    comma: whether numbers may be written with a decimal comma, as where semicolons part the cells.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first: int = 2
    comma: bool = False

    def place(self, name: str) -> int:
        """Where the column of that name stands, whatever its case; -1 where there is none."""
        low = [column.lower() for column in self.columns]
        return low.index(name.lower()) if name.lower() in low else -1

    def column(self, name: str) -> list[str]:
        at = self.place(name)
        return [row[at] for row in self.rows]

    def number(self, cell: str) -> float:
        """A cell as a number. Raises ValueError."""
        return float(cell.replace(",", ".") if self.comma else cell)


def rows_named(rows: Sequence[int]) -> str:
    """ "row 3, row 5 and 2 more": the first twenty in full."""
    first = [say("row {n}", n=row) for row in rows[:SHOWN]]
    named = functools.reduce(lambda a, b: say("{a}, {b}", a=a, b=b), first)
    more = len(rows) - SHOWN
    return say("{rows} and {n} more", rows=named, n=more) if more > 0 else named


def identity(path: str) -> str:
    """Names a file by path, time and size."""
    file = disk.given(path)
    return fingerprint(str(file), *((file.stat().st_mtime_ns, file.stat().st_size) if file.is_file() else ()))


def read_table(blob: bytes, name: str, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> Table:
    """A CSV's bytes as a table: any usual encoding, separator and line end. Raises BadInput.

    Columns of row numbers and empty ones at the end are dropped, and so are rows of nothing but empty cells.
    """
    if len(blob) > most_bytes:
        got = f"{len(blob) / 2**20:.0f} MB"
        raise BadInput(
            say("a table of at most {most} MB in {name}", most=most_bytes >> 20, name=name),
            got,
            say("Split it."),
        )
    for sign, kind in NOT_TEXT.items():
        if blob.startswith(sign):
            raise BadInput(say("a CSV file in {name}", name=name), say(kind), say("Save it as CSV."))
    text, first = _past_separator_line(decoded(blob, name, say("CSV in UTF-8")))
    separator = _separator(text)
    cells = _cells(text, separator, name, most_rows)
    if not cells:
        raise BadInput(
            say("a header and rows in {name}", name=name), say("no header"), say("Save the table again.")
        )
    return _tidy(cells, first + 1, separator == ";")


def decoded(blob: bytes, name: str, wanted: str) -> str:
    """The text, by its byte order mark, else as UTF-8, else in the encoding that fits best. wanted: as what
    to save it where there is none. Raises BadInput.
    """
    try:
        if blob.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = blob.decode("utf-16")
        else:
            text = blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text = _guessed(blob, name, wanted, error)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise BadInput(
            say("text in {name}", name=name),
            say("bytes of zero in row {line}", line=line),
            say("Save it as {wanted}.", wanted=wanted),
        )
    return text


def _guessed(blob: bytes, name: str, wanted: str, error: UnicodeDecodeError) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(
        blob, cp_isolation=["cp1252", "cp1250", "cp1251", "mac_roman", "shift_jis", "gb18030"]
    ).best()
    if best is None:
        line = blob[: error.start].count(b"\n") + 1
        raise BadInput(
            say("text in UTF-8 in {name}", name=name),
            say("other bytes in row {line}", line=line),
            say("Save it as {wanted}.", wanted=wanted),
        ) from error
    return str(best)


def _past_separator_line(text: str) -> tuple[str, int]:
    """Excel's own first line `sep=;` is no header. Returns the rest, and the header's line."""
    match = re.match(r"^sep=.\s*?(\r\n|\r|\n)", text, re.IGNORECASE)
    return (text[match.end() :], 2) if match else (text, 1)


def _separator(text: str) -> str:
    """What parts the cells of the header, quoted ones left aside."""
    header = re.sub(r'"[^"]*"', "", re.split(r"\r\n|\r|\n", text.lstrip("\r\n"), maxsplit=1)[0])
    return max(SEPARATORS, key=header.count)


def _cells(text: str, separator: str, name: str, most_rows: int) -> list[list[str]]:
    import pandas as pd

    try:
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skipinitialspace=True,
            skip_blank_lines=True,
            nrows=most_rows + 2,
            index_col=False,
            engine="c",
        )
    except pd.errors.EmptyDataError:
        return []
    except (ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors
        said = str(error).replace("Error tokenizing data. C error: ", "").replace("line", "row").strip()[:100]
        remedy = say("Look for a quote that is never closed, or a row with too many cells.")
        raise BadInput(
            say("rows of equally many cells in {name}", name=name), said or say("none"), remedy
        ) from error
    if len(frame) > most_rows + 1:
        raise BadInput(
            say("at most {most_rows:,} rows in {name}", most_rows=most_rows, name=name),
            say("more"),
            say("Split the table."),
        )
    if frame.shape[1] > MOST_COLUMNS:
        raise BadInput(
            say("at most {most_columns:,} columns in {name}", most_columns=MOST_COLUMNS, name=name),
            f"{frame.shape[1]:,}",
            say("Leave some out."),
        )
    return frame.fillna("").to_numpy(dtype=object).tolist()  # type: ignore[no-any-return]


def _tidy(cells: Sequence[Sequence[str]], first: int, comma: bool) -> Table:
    """Blanks stripped, empty rows and columns and a leading column of row numbers left out."""
    stripped = [[str(cell).strip() for cell in row] for row in cells]
    header, body = stripped[0], [row for row in stripped[1:] if any(row)]
    filled = [bool(name) or any(row[i] for row in body) for i, name in enumerate(header)]
    if INDEX.match(header[0]) and len(header) > 1:
        filled[0] = False
    kept = [i for i, there in enumerate(filled) if there]
    rows = tuple(tuple(row[i] for i in kept) for row in body)
    return Table(tuple(header[i] for i in kept), rows, first, comma)
