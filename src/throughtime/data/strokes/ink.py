"""Digital ink: the strokes of a pen, with all that a file says of them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.errors import UserError

Stroke = Float[np.ndarray, "_ 2"]
"""The points (x, y) of one stroke in their order, from the pen's landing to its lifting."""

Instants = Float[np.ndarray, " _"]
"""The time of each point of a stroke."""


class Ink(NamedTuple):
    """One drawing, such as a digit, a word or a gesture.

    Attributes:
        strokes: at least one.
        times: of the points of each stroke; None where the file does not tell them.
        facts: texts that the file says of it, by their names in lower case, such as label and writer.
        name: of its file, and of its place there.
        place: the same as an error says it.
    """

    strokes: list[Stroke]
    times: list[Instants] | None
    facts: Mapping[str, str]
    name: str
    place: str


def read_points(
    rows: Sequence[tuple[int, Sequence[str]]], file: Path, columns: Sequence[str]
) -> Float[np.ndarray, "n C"]:
    """The numbers of some rows of text.

    Args:
        rows: the line, from 1, and the cells of each point.
        file: for errors.
        columns: the names of the C numbers of a point.

    Raises:
        UserError: a row has another number of cells, or a cell is no finite number; it names the line.
    """
    for line, cells in rows:
        if len(cells) != len(columns):
            raise UserError(
                f"{file}, line {line}: a point has {_counted(len(columns))} ({', '.join(columns)}), and this line has "
                f"{len(cells)}"
            )
    try:
        points = np.array([cells for _, cells in rows], dtype=np.float64).reshape(len(rows), len(columns))
    except ValueError:
        points = None
    if points is not None and np.isfinite(points).all():
        return points
    for line, cells in rows:
        for column, cell in zip(columns, cells, strict=True):
            check_number(cell, f"{file}, line {line}", column)
    raise UserError(f"{file}: the points from line {rows[0][0]} on are no numbers")


def check_number(text: str, place: str, name: str) -> float:
    """The finite number that a text is.

    Raises:
        UserError: it is none; naming the place and what the number is of.
    """
    try:
        number = float(text)
    except ValueError:
        raise UserError(f"{place}: {name} is {text!r}, which is no number") from None
    if not math.isfinite(number):
        raise UserError(f"{place}: {name} is {text}; give a finite number, or leave the point out")
    return number


def _counted(count: int) -> str:
    return f"{count} number" + ("" if count == 1 else "s")
