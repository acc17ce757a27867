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


def to_sequence(strokes: Sequence[Stroke], positions: bool = False) -> Float[np.ndarray, "T F"]:
    """The points of all strokes as (Δx, Δy, pen up), and with `positions` x and y beside them."""
    points = np.concatenate(strokes)
    pen = np.zeros(len(points))
    pen[np.cumsum([len(stroke) for stroke in strokes]) - 1] = 1
    differences = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    columns = [differences, pen[:, None], *([points] if positions else [])]
    return np.concatenate(columns, axis=1).astype(np.float32)


def to_strokes(sequence: Float[np.ndarray, "T F"]) -> list[Stroke]:
    """The inverse of `to_sequence`; a last stroke need not have ended."""
    points = sequence[:, :2].astype(np.float64).cumsum(0)
    ends = np.flatnonzero(sequence[:, 2] > 0.5) + 1
    return [stroke for stroke in np.split(points, ends) if len(stroke)]
