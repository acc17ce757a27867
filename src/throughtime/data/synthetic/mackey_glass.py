"""The Mackey-Glass equation: a delayed feedback, chaotic from a delay of about 17."""

import numpy as np
from jaxtyping import Float

from throughtime.data.series.series import SeriesSet, SeriesSource, make_series
from throughtime.errors import check_positive

_SUBSTEPS = 10
"""Integration steps in a unit of time, of 0.1 each."""

_DECAY = 0.1
"""γ."""


class MackeyGlass(SeriesSource):
    """dx/dt = β x(t-τ) / (1 + x(t-τ)^n) - γ x(t),  β = 0.2, γ = 0.1, n = 10.

    Integrated by the classical Runge-Kutta method (Kutta 1901) in steps of 0.1, the delayed value between two steps
    being their mean, and observed once a unit of time. The history before the start is 1.2 with a small disturbance
    by the seed; the first 1,000 units are left out. Source: M. C. Mackey & L. Glass (1977), Oscillation and chaos in
    physiological control systems, Science 197, 287-289; as a task of 84 steps ahead: H. Jaeger & H. Haas (2004),
    Harnessing nonlinearity, Science 304, 78-80.

    Args:
        length: N, the points.
        delay: τ, in units of time.
        seed: of the disturbance.
    """

    def __init__(self, length: int = 10_000, delay: int = 17, seed: int = 1) -> None:
        check_positive(length=length, delay=delay)
        self.length = length
        self.delay = delay
        self.seed = seed

    def __call__(self) -> SeriesSet:
        description = f"Mackey-Glass, delay {self.delay}"
        return SeriesSet((make_series("x", self._values()),), ("x",), description=description)

    def _values(self) -> Float[np.ndarray, " N"]:
        lag, washout, h = self.delay * _SUBSTEPS, 1000 * _SUBSTEPS, 1 / _SUBSTEPS
        steps = washout + self.length * _SUBSTEPS
        history = 1.2 + 0.01 * np.random.default_rng(self.seed).standard_normal(lag + 1)
        x = history.tolist()
        for t in range(lag, lag + steps):
            before, after = _production(x[t - lag]), _production(x[t - lag + 1])
            between = _production((x[t - lag] + x[t - lag + 1]) / 2)
            first = before - _DECAY * x[t]
            second = between - _DECAY * (x[t] + h / 2 * first)
            third = between - _DECAY * (x[t] + h / 2 * second)
            fourth = after - _DECAY * (x[t] + h * third)
            x.append(x[t] + h / 6 * (first + 2 * second + 2 * third + fourth))
        return np.array(x[lag + washout + 1 :: _SUBSTEPS][: self.length])


def _production(delayed: float) -> float:
    return 0.2 * delayed / (1 + delayed**10)
