"""Tables of points: columns x, y and pen, for one ink or with an id column for many."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from throughtime.data.labelled.tables import TableColumn, read_cells, read_text
from throughtime.data.strokes.ink import Ink, read_points
from throughtime.errors import UserError

PEN_MARKS = ("end", "down", "up")
ENDS = ("pen", "pen_up", "penup", "end", "eos")
DOWNS = ("pen_down", "pendown", "down")


class StrokeColumns(NamedTuple):
    """Columns of a table of points, each a name in the header or a number from 1; None for the usual names.

    Attributes:
        x, y: the coordinates.
        pen: marks of 0 and 1; without such a column, an ink is one stroke.
        time: of each point.
        id: names the ink of a row; without such a column, a file is one ink.
        label: the class of the ink.
        group: the name of the column of groups.
        separator: between columns; None to find it.
        pen_marks: the meaning of a 1: `end`, the pen is lifted after this point; `down`, it is on the paper; `up`, it
            is in the air. None: `down` in a column with that name, else `end`.
    """

    x: int | str | None = None
    y: int | str | None = None
    pen: int | str | None = None
    time: int | str | None = None
    id: int | str | None = None
    label: int | str | None = None
    group: str | None = None
    separator: str | None = None
    pen_marks: str | None = None


class _Row(NamedTuple):
    line: int
    x: str
    y: str
    pen: str | None
    time: str | None
    label: str | None
    group: str | None


def read_stroke_table(file: Path, columns: StrokeColumns, encoding: str) -> Iterator[Ink]:
    """The inks of a table, in the order in which they begin; a file without names has x, y and pen in this order.

    Raises:
        UserError: a column is missing, a row has another number of columns, a cell is no number, a mark of the pen is
            neither 0 nor 1, or an ink has two labels; it names the line.
    """
    rows: dict[str | None, list[_Row]] = {}
    marks = columns.pen_marks or ("down" if str(columns.pen).lower() in DOWNS else None)
    places = _columns(file, columns, encoding)
    for line, cells in read_cells(file, places, encoding, columns.separator, equal=True):
        x, y, end, down, time, id, label, group = cells
        if id == "":
            raise UserError(f"{file}, line {line}: the id is empty; each point belongs to an ink")
        pen = end if end is not None else down
        rows.setdefault(id, []).append(_Row(line, x, y, pen, time, label, group))
        marks = marks or ("end" if down is None else "down")
    if not rows:
        raise UserError(f"{file} has no points; a table of strokes has a row for each point")
    for id, own in rows.items():
        place = str(file) if id is None else f"{file}, line {own[0].line} (id {id})"
        yield _ink(own, marks, str(file) if id is None else f"{file}:{id}", place, file)


def _columns(file: Path, columns: StrokeColumns, encoding: str) -> list[TableColumn]:
    """The columns that are looked for: x, y, two kinds of pen, time, id, label and group."""
    if columns.x is None and columns.y is None:
        first = next(line for line in read_text(file, encoding).split("\n") if line.strip())
        cells = first.split(columns.separator) if columns.separator else re.split("[,;\t]", first)
        if all(re.fullmatch(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*|\s*nan\s*", cell) for cell in cells):
            columns = columns._replace(x=1, y=2)
            if columns.pen is None and len(cells) > 2:
                columns = columns._replace(pen=3)
    return [
        TableColumn("data.source.x", columns.x, ("x",)),
        TableColumn("data.source.y", columns.y, ("y",)),
        TableColumn("data.source.pen", columns.pen, ENDS, columns.pen is not None),
        TableColumn("data.source.pen", None, DOWNS if columns.pen is None else (), False),
        TableColumn("data.source.time", columns.time, ("time", "t", "timestamp"), columns.time is not None),
        TableColumn("data.source.id", columns.id, ("id", "ink", "sample"), columns.id is not None),
        TableColumn("data.source.label", columns.label, ("label", "class", "target"), False),
        TableColumn("data.group", columns.group, (), False),
    ]


def _ink(rows: list[_Row], marks: str, name: str, place: str, file: Path) -> Ink:
    facts: dict[str, str] = {}
    for fact in ("label", "group"):
        given = {getattr(row, fact): row.line for row in reversed(rows) if getattr(row, fact)}
        if len(given) > 1:
            (one, _), (other, line) = sorted(given.items(), key=lambda pair: pair[1])[:2]
            raise UserError(
                f"{file}, line {line}: one ink has the {fact}s {one} and {other}; give it one of them"
            )
        if given:
            (facts[fact],) = given
    points = read_points([(row.line, (row.x, row.y)) for row in rows], file, ("x", "y"))
    times = None
    if rows[0].time is not None:
        times = read_points([(row.line, (row.time,)) for row in rows], file, ("time",))[:, 0]
    ends = np.zeros(len(rows), dtype=bool)
    drawn = np.ones(len(rows), dtype=bool)
    if rows[0].pen is not None:
        pen = np.array([_mark(row, file) for row in rows])
        if marks == "end":
            ends = pen
        else:
            drawn = pen if marks == "down" else ~pen
            ends[:-1] = drawn[:-1] & ~drawn[1:]
    ends[-1] = True
    cuts = np.flatnonzero(ends)[:-1] + 1
    parts = [part[drawn[part]] for part in np.split(np.arange(len(rows)), cuts)]
    kept = [part for part in parts if len(part)]
    if not kept:
        raise UserError(f"{place}: the pen is never down; see data.source.pen_marks")
    strokes = [points[part] for part in kept]
    return Ink(strokes, None if times is None else [times[part] for part in kept], facts, name, place)


def _mark(row: _Row, file: Path) -> bool:
    try:
        mark = float(row.pen)
    except ValueError:
        mark = None
    if mark not in (0.0, 1.0):
        raise UserError(f"{file}, line {row.line}: the pen is {row.pen!r}; a mark of the pen is 0 or 1")
    return mark == 1.0
