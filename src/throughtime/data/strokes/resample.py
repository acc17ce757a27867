"""Resampling of strokes at equal steps of length or of time, by linear interpolation."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

from throughtime.data.strokes.ink import Instants, Stroke
from throughtime.errors import UserError, check_choice, check_positive

KINDS = ("length", "time", "none")

MOST = 1_000_000
"""Points of one ink."""


class Resampler:
    """Points at equal steps along each stroke, whose ends are kept.

    Args:
        kind: equal steps of `length`, of `time`, or `none`: the points as they are.
        points: T of an ink, shared among its strokes in proportion to their length or time; None for a spacing instead.
        spacing: the longest step: of length in units of normalised ink, of time in seconds, or in points where the
            files tell no time.

    Raises:
        UserError: an argument is not known, or neither or both of points and spacing are given.
    """

    def __init__(
        self, kind: str = "length", points: int | None = 32, spacing: float | int | None = None
    ) -> None:
        check_choice(KINDS, **{"data.source.resample": kind})
        if kind != "none" and (points is None) == (spacing is None):
            raise UserError(
                f"data.source.points={points} and data.source.spacing={spacing}: give one of the two, and null for the "
                "other"
            )
        if points is not None:
            check_positive(**{"data.source.points": points})
            if points > MOST:
                raise UserError(
                    f"data.source.points={points} is above its limit of {MOST:,}; give a smaller number"
                )
        if spacing is not None:
            check_positive(**{"data.source.spacing": spacing})
        self.kind = kind
        self.points = points
        self.spacing = spacing

    def __call__(
        self, strokes: Sequence[Stroke], times: Sequence[Instants] | None, place: str
    ) -> list[Stroke]:
        """The strokes with other points.

        Args:
            strokes: normalised.
            times: of their points; None for equal steps from point to point.
            place: of the ink, for errors.

        Raises:
            UserError: there are more strokes than points, or too many points; time goes back.
        """
        if self.kind == "none":
            return list(strokes)
        passed = [
            _lengths(stroke) if self.kind == "length" else _passed(stroke, own, place)
            for stroke, own in zip(strokes, times or [None] * len(strokes), strict=True)
        ]
        totals = np.array([own[-1] for own in passed])
        if self.points is None:
            steps = totals / self.spacing
            if steps.sum() > MOST:
                raise UserError(
                    f"{place}: data.source.spacing={self.spacing} makes more than {MOST:,} points of this ink; give a "
                    "larger spacing"
                )
            counts = np.where(totals > 0, np.ceil(steps - 1e-9).astype(np.int64).clip(1) + 1, 1)
        else:
            counts = self._shares(totals, place)
        return [
            _at(stroke, own, int(count)) for stroke, own, count in zip(strokes, passed, counts, strict=True)
        ]

    def _shares(self, totals: Float[np.ndarray, " S"], place: str) -> Integer[np.ndarray, " S"]:
        """The points of each stroke: two for its ends, or one for a dot, and the others in proportion."""
        least = np.where(totals > 0, 2, 1)
        left = self.points - int(least.sum())
        if left < 0:
            raise UserError(
                f"{place}: an ink of {len(totals)} strokes needs {least.sum()} points or more, and "
                f"data.source.points={self.points}"
            )
        if totals.sum() == 0:
            least[-1] += left
            return least
        exact = left * totals / totals.sum()
        counts = np.floor(exact + 1e-9).astype(np.int64)
        counts[np.argsort(counts - exact, kind="stable")[: left - counts.sum()]] += 1
        return least + counts


def _lengths(stroke: Stroke) -> Float[np.ndarray, " n"]:
    """The length of a stroke up to each of its points."""
    return np.concatenate([[0.0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])


def _passed(stroke: Stroke, times: Instants | None, place: str) -> Float[np.ndarray, " n"]:
    """The time from the beginning of a stroke to each of its points."""
    if times is None:
        return np.arange(len(stroke), dtype=np.float64)
    if (np.diff(times) < 0).any():
        number = int(np.argmax(np.diff(times) < 0)) + 2
        raise UserError(
            f"{place}: time goes back at point {number} of a stroke; put the points in their order, or set "
            "data.source.resample=length"
        )
    return times - times[0]


def _at(stroke: Stroke, passed: Float[np.ndarray, " n"], count: int) -> Stroke:
    """The points of a stroke at equal steps; of a single point, or of the first one, as many as are asked for."""
    places = np.linspace(0, passed[-1], count)
    return np.stack([np.interp(places, passed, axis) for axis in stroke.T], axis=1)
