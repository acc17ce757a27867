"""NARMA-10: a nonlinear moving average with a memory of ten steps, driven by a known input."""

import numpy as np

from throughtime.data.series.series import SeriesSet, SeriesSource, make_series
from throughtime.errors import check_positive

_MEMORY = 10


class Narma10(SeriesSource):
    """y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + … + y_{t-9}) + 1.5 u_{t-9} u_t + 0.1,  u_t uniform in [0, 0.5].

    The input is a covariate that is known for the future: the row of y_{t+1} holds u_t. The first 200 steps are left
    out. Rarely a draw of inputs lets y grow without bound; the next draw is taken then. Source: A. F. Atiya & A. G.
    Parlos (2000), New results on recurrent network training, IEEE Transactions on Neural Networks 11, 697-709.

    Args:
        length: N, the points.
        seed: of the inputs.
    """

    def __init__(self, length: int = 10_000, seed: int = 1) -> None:
        check_positive(length=length)
        self.length = length
        self.seed = seed

    def __call__(self) -> SeriesSet:
        generator = np.random.default_rng(self.seed)
        y = np.array([np.inf])
        while not np.isfinite(y).all() or np.abs(y).max() > 2:
            u = generator.uniform(0, 0.5, self.length + 200)
            y = self._response(u)
        known = u[199:-1, None]  # the input of the step before
        return SeriesSet(
            (make_series("y", y[200:], known=known),), ("y",), known_names=("input",), description="NARMA-10"
        )

    @staticmethod
    def _response(u: np.ndarray) -> np.ndarray:
        y = np.zeros(len(u))
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(_MEMORY - 1, len(u) - 1):
                memory = y[t - _MEMORY + 1 : t + 1].sum()
                y[t + 1] = 0.3 * y[t] + 0.05 * y[t] * memory + 1.5 * u[t - _MEMORY + 1] * u[t] + 0.1
        return y
