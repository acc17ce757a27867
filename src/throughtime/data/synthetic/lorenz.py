"""Lorenz's three equations of convection, chaotic."""

import numpy as np
from jaxtyping import Float

from throughtime.data.series.series import SeriesSet, SeriesSource, make_series
from throughtime.errors import check_positive

_SUBSTEPS = 5
"""Integration steps between two observations."""


class Lorenz(SeriesSource):
    """dx/dt = σ (y - x),  dy/dt = x (ρ - z) - y,  dz/dt = x y - β z,  σ = 10, ρ = 28, β = 8/3.

    Three channels without units, integrated by the classical Runge-Kutta method (Kutta 1901) in steps of 0.01 and
    observed every 0.05 units of time, from a start near (1, 1, 1) by the seed; the first 50 units are left out.
    Source: E. N. Lorenz (1963), Deterministic nonperiodic flow, Journal of the Atmospheric Sciences 20, 130-141.

    Args:
        length: N, the points.
        seed: of the start.
    """

    def __init__(self, length: int = 10_000, seed: int = 1) -> None:
        check_positive(length=length)
        self.length = length
        self.seed = seed

    def __call__(self) -> SeriesSet:
        return SeriesSet(
            (make_series("lorenz", self._values()),), ("x", "y", "z"), description="Lorenz's equations"
        )

    def _values(self) -> Float[np.ndarray, "N 3"]:
        washout = 1000
        state = 1 + 0.1 * np.random.default_rng(self.seed).standard_normal(3)
        observed = np.empty((self.length, 3))
        for point in range(-washout, self.length):
            if point >= 0:
                observed[point] = state
            for _ in range(_SUBSTEPS):
                state = _step(state, 0.01)
        return observed


def _step(state: Float[np.ndarray, "3"], h: float) -> Float[np.ndarray, "3"]:
    first = _slope(state)
    second = _slope(state + h / 2 * first)
    third = _slope(state + h / 2 * second)
    fourth = _slope(state + h * third)
    return state + h / 6 * (first + 2 * second + 2 * third + fourth)


def _slope(state: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    x, y, z = state
    return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])
