"""Tables of the features of frames: a row a frame, a column a feature, and perhaps one for the tag of the frame."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.data.labelled.tables import read_text
from throughtime.errors import UserError

FEW = 12
"""Columns that a message lists."""


class FeatureTable(NamedTuple):
    """The frames of one table.

    Attributes:
        channels: the names of the features; x1, x2, … of a table without a header.
        values: a row a frame.
        tags: of each frame, as they are written; None where no column of tags was asked for, or there is none.
        lines: the line of each frame, from 1.
        tag_name: of the column of tags; None where there is none.
    """

    channels: tuple[str, ...]
    values: Float[np.ndarray, "n F"]
    tags: list[str] | None
    lines: list[int]
    tag_name: str | None


def read_feature_table(
    file: Path,
    leave_out: Sequence[str] = (),
    tag_column: str | int | None = None,
    tagged: bool = True,
    encoding: str = "utf-8",
    key: str = "data.source.encoding",
) -> FeatureTable:
    """The frames of a table with commas, semicolons or tabs between its columns; also .gz.

    Args:
        file: the table.
        leave_out: names of columns that are no features, such as a time stamp.
        tag_column: the name or the number (from 1, or from the end: -1 is the last) of the column of tags.
        tagged: whether there must be tags; else the table may lack a column of this name.
        encoding: of the file.
        key: the setting of the encoding, which errors name.

    Raises:
        UserError: a row has another number of columns than the first, or a value that is no finite number, or a column
            is missing; it names the file and the line.
    """
    text = read_text(file, encoding, key)
    first = next(line for line in text.split("\n") if line.strip())
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.split("\n"), delimiter=separator, skipinitialspace=True)
    header: list[str] | None = None
    kept: list[int] = []
    tag_place: int | None = None
    rows: list[list[float]] = []
    tags: list[str] = []
    lines: list[int] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        cells = [cell.strip() for cell in cells]
        place = f"{file}, line {reader.line_num}"
        if header is None:
            named = _is_header(cells, tag_column)
            header = cells if named else [f"x{number + 1}" for number in range(len(cells))]
            tag_place = _tag_place(header, tag_column, tagged, place)
            kept = _feature_places(header, leave_out, tag_place, named, place)
            if named:
                continue
        if len(cells) != len(header):
            raise UserError(
                f"{place} has {len(cells)} columns, but the first line has {len(header)}; complete the row, or leave "
                "it out"
            )
        rows.append([_number(cells[column], header[column], place) for column in kept])
        if tag_place is not None:
            tags.append(_tag(cells[tag_place], header[tag_place], place))
        lines.append(reader.line_num)
    if not rows:
        raise UserError(f"{file} has no frame after its first line; leave it out, or give it a row a frame")
    channels = tuple(header[column] for column in kept)
    values = np.array(rows, dtype=np.float32)
    if tag_place is None:
        return FeatureTable(channels, values, None, lines, None)
    return FeatureTable(channels, values, tags, lines, header[tag_place])


def _is_header(cells: Sequence[str], tag_column: str | int | None) -> bool:
    """Whether a first row names the columns: one of them, besides a column of tags by its number, is no number."""
    tag = None
    if isinstance(tag_column, int) and tag_column != 0:
        tag = tag_column - 1 if tag_column > 0 else len(cells) + tag_column
    return any(_as_number(cell) is None for place, cell in enumerate(cells) if place != tag)


def _tag_place(header: Sequence[str], given: str | int | None, tagged: bool, place: str) -> int | None:
    if given is None:
        return None
    if isinstance(given, int):
        if not tagged:
            return None
        found = given - 1 if given > 0 else len(header) + given
        if given == 0 or not 0 <= found < len(header):
            raise UserError(
                f"data.tag_column={given}: {place} has {len(header)} columns; give a number from 1, or from the end "
                "(-1 is the last)"
            )
        return found
    if given in header:
        return header.index(given)
    if tagged:
        raise UserError(f"data.tag_column={given}: {place} has no such column; it has {_listed(header)}")
    return None


def _feature_places(
    header: Sequence[str], leave_out: Sequence[str], tag_place: int | None, named: bool, place: str
) -> list[int]:
    unknown = next((name for name in leave_out if name not in header), None)
    if unknown is not None and named:
        raise UserError(f"leave_out: {place} has no column {unknown}; it has {_listed(header)}")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{place} has two columns named {twice or 'nothing'}; give each a name of its own")
    kept = [column for column, name in enumerate(header) if column != tag_place and name not in leave_out]
    if not kept:
        raise UserError(f"{place} has no column of features; it has {_listed(header)}")
    return kept


def _number(cell: str, column: str, place: str) -> float:
    value = _as_number(cell)
    if value is None or not math.isfinite(value):
        raise UserError(
            f"{place}: {column} is {cell!r}, which is no finite number; correct it, leave the row out, or name columns "
            "that are no features in leave_out"
        )
    return value


def _as_number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _tag(cell: str, column: str, place: str) -> str:
    if not cell:
        raise UserError(f"{place}: {column} is empty; give the frame its tag, or leave the row out")
    return cell


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header[:FEW]) + (", …" if len(header) > FEW else "")
