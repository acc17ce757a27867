"""Size, position and slant of ink."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from throughtime.data.strokes.ink import Stroke
from throughtime.errors import check_choice

SIZES = ("larger", "height", "width", "both", "none")
POSITIONS = ("box", "mean", "start", "none")


class InkNormaliser(NamedTuple):
    """Bring ink to one slant, one size and one position, in this order.

    Means are over the length of the strokes, so they do not depend on the speed of the pen. A side of length 0, as of a
    horizontal line, stays.

    Attributes:
        size: the side of the box around the ink that becomes 1: the `larger` one, its `height`, its `width`, or `both`,
            each by itself; `none` to leave it.
        position: the point that becomes 0: the middle of the `box`, the `mean` of the ink, its `start`; or `none`.
        deslant: whether ink is sheared along x until cov(x, y) over its vertical length is 0.
    """

    size: str = "larger"
    position: str = "box"
    deslant: bool = False

    def check(self) -> "InkNormaliser":
        """Itself; raise `UserError` for a size or a position that is not known."""
        check_choice(SIZES, **{"data.source.size": self.size})
        check_choice(POSITIONS, **{"data.source.position": self.position})
        return self

    def __call__(self, strokes: Sequence[Stroke]) -> list[Stroke]:
        """The normalised strokes."""
        strokes = [np.asarray(stroke, dtype=np.float64) for stroke in strokes]
        points = np.concatenate(strokes)
        origin = (points.min(0) + points.max(0)) / 2  # large coordinates would lose digits
        strokes = [stroke - origin for stroke in strokes]
        if self.deslant:
            shear = _slant(strokes)
            strokes = [stroke - np.outer(stroke[:, 1], (shear, 0)) for stroke in strokes]
            origin = origin - (shear * origin[1], 0)
        sides = self._sides(np.concatenate(strokes))
        strokes = [stroke / sides for stroke in strokes]
        middle = -origin / sides if self.position == "none" else self._middle(strokes)
        return [stroke - middle for stroke in strokes]

    def _sides(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, " 2"]:
        """The lengths (x, y) that become 1."""
        width, height = sides = np.ptp(points, axis=0)
        chosen = {
            "larger": sides.max(),
            "height": height or width,
            "width": width or height,
            "both": sides,
            "none": 1.0,
        }[self.size]
        chosen = np.broadcast_to(np.asarray(chosen, dtype=np.float64), 2)
        return np.where(chosen > 0, chosen, 1.0)

    def _middle(self, strokes: Sequence[Stroke]) -> Float[np.ndarray, " 2"]:
        if self.position == "start":
            return strokes[0][0]
        if self.position == "mean":
            return _mean(strokes)
        points = np.concatenate(strokes)
        return (points.min(0) + points.max(0)) / 2


def _mean(strokes: Sequence[Stroke]) -> Float[np.ndarray, " 2"]:
    """The mean of the points of ink, uniformly over the length of its strokes."""
    middles, steps = _lines(strokes)
    lengths = np.hypot(*steps.T)
    if not lengths.any():
        return np.concatenate(strokes).mean(0)
    return lengths @ middles / lengths.sum()


def _slant(strokes: Sequence[Stroke]) -> float:
    """cov(x, y) / var(y) over the ink, uniformly over its vertical length |dy|, which no slant changes."""
    middles, steps = _lines(strokes)
    weights = np.abs(steps[:, 1])
    if not weights.any():
        return 0.0
    weights = weights / weights.sum()
    away = middles - weights @ middles
    # Of a line of step s around its middle, the covariance is s s^T / 12.
    covariance = (away.T * weights) @ away + (steps.T * weights) @ steps / 12
    return float(covariance[0, 1] / covariance[1, 1])


def _lines(strokes: Sequence[Stroke]) -> tuple[Float[np.ndarray, "m 2"], Float[np.ndarray, "m 2"]]:
    """The middles and the steps of all lines from point to point."""
    steps = np.concatenate([np.diff(stroke, axis=0) for stroke in strokes])
    return np.concatenate([stroke[:-1] for stroke in strokes]) + steps / 2, steps
