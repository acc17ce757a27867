"""Text files of labelled sequences, also .gz, and the columns of tables in them: CSV, TSV and the like."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from throughtime.data.encoding import decode
from throughtime.errors import UserError

LONGEST_CELL = 1 << 30
"""Characters of a cell; Python's own limit of 131,072 is shorter than a gene."""

FEW = 12
"""Columns that a message lists."""


class TableColumn(NamedTuple):
    """A column that is looked for.

    Attributes:
        key: the setting that names it.
        given: its name in the header, its number from 1 (or from the end: -1 is the last), or None.
        usual: the names by which it is found where none is given.
        required: whether a table without it is an error.
    """

    key: str
    given: int | str | None
    usual: tuple[str, ...] = ()
    required: bool = True


def read_bytes(file: Path) -> bytes:
    """The content of a file, unpacked where it is a .gz.

    Raises:
        UserError: the file cannot be read, or is damaged.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(
            f"{file} cannot be read: {error.strerror}; it must be a file that you may read"
        ) from None
    if file.name.lower().endswith(".gz"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{file} is no gzip file, or is damaged ({error})") from error
    return content


def read_text(file: Path, encoding: str = "utf-8", key: str = "data.source.encoding") -> str:
    """The whole text of a file, also of a .gz, with every line end as a line feed.

    Args:
        file: its name.
        encoding: any text encoding of Python.
        key: the setting of the encoding, which errors name.

    Raises:
        UserError: the file cannot be read, is empty or damaged, or has a byte that is no text in this encoding.
    """
    text = "".join(decode([read_bytes(file)], encoding, str(file), key))
    if not text.strip():
        raise UserError(f"{file} is empty; leave it out, or give a file with sequences in it")
    return text


def check_separator(separator: str | None) -> None:
    """Raise `UserError` unless a separator of tables is one character."""
    if separator is not None and (len(separator) != 1 or separator in '"\n\r'):
        raise UserError(
            f"data.source.separator={separator!r} must be one character, such as ';', or null to find it"
        )


def suffix_of(file: Path) -> str:
    """The suffix of a file's name in lower case, without `.gz`."""
    name = file.name.lower().removesuffix(".gz")
    return Path(name).suffix


def read_cells(
    file: Path,
    columns: Sequence[TableColumn],
    encoding: str = "utf-8",
    separator: str | None = None,
    header: bool | None = None,
    equal: bool = False,
) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """The line, from 1, and the stripped cells of some columns, of each row of a table; None for a column it lacks.

    Quotes enclose cells, but in a table with tabs, where they are letters. Empty lines are left out.

    Args:
        file: CSV, TSV and the like, also .gz.
        columns: what is read.
        encoding: of the file.
        separator: between cells; None for a tab, a semicolon or a comma as the first line has it.
        header: whether the first line names the columns; None to find out from the columns that are asked for.
        equal: whether all rows must have as many columns as the first line.

    Raises:
        UserError: a required column is missing, or a row is too short or is not closed; it names the file and the line.
    """
    text = read_text(file, encoding)
    separator = separator or _separator(file, text)
    csv.field_size_limit(LONGEST_CELL)
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(
        _lines(text),
        delimiter=separator,
        quoting=quoting,
        skipinitialspace=True,
        strict=quoting != csv.QUOTE_NONE,
    )
    places: list[int | None] | None = None
    width, line = 0, 1
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            cells = [cell.strip() for cell in cells]
            if places is None:
                named = _has_names(cells, columns) if header is None else header
                places = [_place(file, column, cells, named) for column in columns]
                width = len(cells)
                if named:
                    continue
            if equal and len(cells) > width:
                raise UserError(
                    f"{file}, line {first}: the row has {_counted(len(cells))}, but the first line has {width}; a cell "
                    "may have a separator in it"
                )
            for column, place in zip(columns, places, strict=True):
                if place is not None and place >= len(cells):
                    raise UserError(
                        f"{file}, line {first}: the row has {_counted(len(cells))}, so it lacks column {place + 1} "
                        f"({column.key}); complete the row, or leave it out"
                    )
            yield first, tuple(None if place is None else cells[place] for place in places)
    except csv.Error as error:
        raise UserError(
            f"{file}, line {line}: the row cannot be read ({error}); a quote may not be closed"
        ) from None


def _lines(text: str) -> Iterator[str]:
    """The lines of a text as files have them: a form feed or a separator of Unicode ends none."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _separator(file: Path, text: str) -> str:
    line = next(line for line in text.split("\n") if line.strip())
    if suffix_of(file) in (".tsv", ".tab") or "\t" in line:
        return "\t"
    return ";" if ";" in line and "," not in line else ","


def _has_names(cells: Sequence[str], columns: Sequence[TableColumn]) -> bool:
    """Whether a first line is a header: a column is given by a name, or is found by a usual one."""
    lower = {cell.lower() for cell in cells}
    return any(
        isinstance(column.given, str)
        or (column.given is None and any(name in lower for name in column.usual))
        for column in columns
    )


def _place(file: Path, column: TableColumn, cells: Sequence[str], named: bool) -> int | None:
    """The index of a column in a table whose first line is given; None where it lacks one that is not required."""
    listed = ", ".join(cells[:FEW]) + (", …" if len(cells) > FEW else "")
    if isinstance(column.given, int):
        place = column.given - 1 if column.given > 0 else len(cells) + column.given
        if column.given != 0 and 0 <= place < len(cells):
            return place
        if not column.required and column.given != 0:
            return None
        raise UserError(
            f"{column.key}={column.given}: {file} has {_counted(len(cells))}; give a number from 1 to "
            f"{len(cells)}, or from the end (-1 is the last)"
        )
    wanted = column.usual if column.given is None else (column.given, column.given.lower())
    if named:
        lower = [cell.lower() for cell in cells]
        for name in wanted:
            for heads in (cells, lower):
                if name in heads:
                    return heads.index(name)
    if not column.required:
        return None
    if column.given is not None:
        raise UserError(
            f"{column.key}={column.given}: {file} has no such column; its first line has {listed}"
        )
    raise UserError(
        f"{column.key}: no column of {file} is named {' or '.join(column.usual[:3])}, and its first line has "
        f"{listed}; give the column's name, or its number from 1"
    )


def _counted(count: int) -> str:
    return f"{count} column" + ("" if count == 1 else "s")
