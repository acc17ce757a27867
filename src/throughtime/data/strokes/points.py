"""Ink as a sequence of points: (Δx, Δy, pen up), and back.

The first difference is that from the origin, so the sums of the differences are the points. The pen is up, 1, at the
last point of a stroke (Graves 2013, arXiv 1308.0850).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from throughtime.data.strokes.ink import Stroke

CHANNELS = ("Δx", "Δy", "pen up")
POSITIONS = ("x", "y")


REACH = 0.25
"""Step between the cells of the picture around a point, in sizes of normalised ink."""

PARTS = 2
"""Parts of a segment between two points, at whose ends its ink is."""


def to_sequence(
    strokes: Sequence[Stroke], positions: bool = False, context: int = 0
) -> Float[np.ndarray, "T F"]:
    """The points of all strokes as (Δx, Δy, pen up), and beside them x and y (`positions`) and pictures of a side."""
    points = np.concatenate(strokes)
    pen = np.zeros(len(points))
    pen[np.cumsum([len(stroke) for stroke in strokes]) - 1] = 1
    differences = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    columns = [differences, pen[:, None], *([points] if positions else [])]
    if context:
        columns.append(pictures(strokes, context))
    return np.concatenate(columns, axis=1).astype(np.float32)


def pictures(strokes: Sequence[Stroke], side: int) -> Float[np.ndarray, "T C"]:
    """A picture of all ink, in `side` x `side` cells around each point, row by row from the lower left.

        m_tc = max_s exp(-|p_s - (p_t + o_c)|² / 2σ²)

    p_s are places along all strokes, o_c the middle of a cell, on a grid with steps of `REACH`, and σ half a step. A
    picture does not depend on the direction and the order in which the strokes are drawn.

    Source: the context bitmaps of Jaeger, Manke, Reichert & Waibel 2001, "Online handwriting recognition: the NPen++
    recognizer", IJDAR 3:169.
    """
    points = np.concatenate(strokes).astype(np.float32)
    ends = [(stroke[:-1], stroke[1:]) if len(stroke) > 1 else (stroke, stroke) for stroke in strokes]
    before, after = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    shares = np.linspace(0, 1, PARTS + 1)[:, None, None]
    ink = (before + shares * (after - before)).reshape(-1, 2).astype(np.float32)
    steps = (np.arange(side) - (side - 1) / 2) * REACH
    cells = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2).astype(np.float32)
    middles = (points[:, None] + cells).reshape(-1, 2)
    squares = (middles**2).sum(1) + ((ink**2).sum(1)[:, None] - 2 * ink @ middles.T).min(0)
    return np.exp(-np.maximum(squares, 0) / (2 * (REACH / 2) ** 2)).reshape(len(points), -1)


def to_strokes(sequence: Float[np.ndarray, "T F"]) -> list[Stroke]:
    """The inverse of `to_sequence`; a last stroke need not have ended."""
    points = sequence[:, :2].astype(np.float64).cumsum(0)
    ends = np.flatnonzero(sequence[:, 2] > 0.5) + 1
    return [stroke for stroke in np.split(points, ends) if len(stroke)]
