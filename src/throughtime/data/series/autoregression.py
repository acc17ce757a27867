"""A linear autoregression by least squares, of an order chosen on validation: the baseline that a network must beat."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

RIDGE = 1e-10
"""The weight of the penalty, relative to the mean variance of a regressor; it keeps the normal equations solvable."""

MOST_PRODUCTS = 1e10
"""order³ of all channels together, beyond which no order is a candidate: a few seconds of work."""


class Origins(NamedTuple):
    """Forecasts of one channel to be measured: what was known at each origin, and what came after.

    Attributes:
        history: of a number of steps that is asked for, `[B, T]`, without a missing value.
        targets: `[B, S]`, NaN where missing.
        scale: the unit of the errors.
    """

    history: Callable[[int], Float[np.ndarray, "B T"]]
    targets: Float[np.ndarray, "B S"]
    scale: float


def fit_autoregression(values: Float[np.ndarray, " N"], order: int) -> Float[np.ndarray, " P"]:
    """Coefficients a of x_t = a_0 + a_1 x_{t-order} + … + a_order x_{t-1}, by least squares with a free intercept.

    Each column of lags and the target are centred by their own means, so that the level and the trend of the series
    leave the penalty on the weights as it is. Rows with a missing value are left out. Where fewer than 2 · order of
    them are left, the forecast is the last value.

    Args:
        values: NaN where missing.
        order: the steps that are looked back.
    """
    persistence = np.zeros(order + 1)
    persistence[-1] = 1.0
    count, sums, products = lag_moments(values - _mean(values), order)
    if count < max(2 * order, 1):
        return persistence
    centred = products - np.outer(sums, sums) / count
    gram, moments = centred[:-1, :-1], centred[:-1, -1]
    penalty = RIDGE * np.trace(gram) / order * np.eye(order)
    try:
        weights = np.linalg.solve(gram + penalty, moments)
    except np.linalg.LinAlgError:  # a constant
        weights = np.linalg.lstsq(gram + penalty, moments, rcond=None)[0]
    means = sums / count + _mean(values)
    return np.concatenate([[means[-1] - means[:-1] @ weights], weights])


def _mean(values: Float[np.ndarray, " N"]) -> float:
    observed = values[~np.isnan(values)]
    return float(observed.mean()) if len(observed) else 0.0


def lag_moments(
    values: Float[np.ndarray, " N"], order: int
) -> tuple[int, Float[np.ndarray, " P"], Float[np.ndarray, "P P"]]:
    """The rows x_{t-order}, …, x_t without a missing value: their number, their sum and Σ_t of their outer products.

    Of R rows that follow one another the products are found in O(R · order + order²) from
    G_{i+1,j+1} = G_{i,j} + x_{R+i} x_{R+j} - x_i x_j.
    """
    count, sums, products = 0, np.zeros(order + 1), np.zeros((order + 1, order + 1))
    edges = np.flatnonzero(np.diff(np.concatenate([[True], np.isnan(values), [True]])))
    for start, stop in edges.reshape(-1, 2).tolist():
        x, rows = values[start:stop], stop - start - order
        if rows < 1:
            continue
        count += rows
        sums += np.convolve(x, np.ones(rows), "valid")
        found = np.empty((order + 1, order + 1))
        found[0] = found[:, 0] = np.correlate(x, x[:rows], "valid")
        for lag in range(order):
            entering, leaving = x[rows + lag] * x[rows:], x[lag] * x[:order]
            found[lag + 1, 1:] = found[lag, :-1] + entering - leaving
        products += found
    return count, sums, products


def multi_step(coefficients: Float[np.ndarray, " P"], horizon: int) -> Float[np.ndarray, "S P"]:
    """The coefficients w_s of x̂_{t+s} = w_s0 + w_s1 x_{t-order} + … + w_s,order x_{t-1}, s = 0, …, S-1.

    They are those of the autoregression repeated on its own forecasts: with a the coefficients of one step,
    w_s = Σ_{k=1}^{s} a_{order+1-k} w_{s-k} + (a_0, 0 … 0, a_1, …, a_{order-s}).
    """
    order = len(coefficients) - 1
    backwards = coefficients[:0:-1]
    steps = np.zeros((horizon, order + 1))
    for step in range(horizon):
        used = min(step, order)
        steps[step] = backwards[:used] @ steps[step - used : step][::-1]
        steps[step, 0] += coefficients[0]
        steps[step, 1 + used :] += coefficients[1 : order + 1 - used]
    return steps


def candidate_orders(lengths: Sequence[int], others: Iterable[int] = ()) -> list[int]:
    """Orders 1, 2, 3, 4, 6, 8, 12, … up to the longest that the data allow, that one, and those of `others` below it.

    The longest has twice as many rows as lags in the longest training part, and at most `MOST_PRODUCTS` to compute.

    Args:
        lengths: the training steps of each channel.
        others: such as the lengths of the seasons.
    """
    longest = max(
        1, min(max(lengths, default=0) // 3, int((MOST_PRODUCTS / max(len(lengths), 1)) ** (1 / 3)))
    )
    octaves = range(longest.bit_length())
    grid = {2**octave for octave in octaves} | {3 * 2**octave for octave in octaves} | {longest, *others}
    return sorted(order for order in grid if 1 <= order <= longest)


def choose_order(
    trained: Sequence[Float[np.ndarray, " _"]], origins: Sequence[Origins], candidates: Sequence[int]
) -> int | None:
    """The order whose forecasts have the least mean absolute error at the origins; None where nothing is measured.

    Args:
        trained: the training values of each channel, NaN where missing; nothing else is fitted on.
        origins: the forecasts of each channel that are measured: those of the validation part.
        candidates: orders.
    """
    errors = {}
    for order in candidates:
        total, count = 0.0, 0
        for values, at in zip(trained, origins, strict=True):
            if not at.targets.size:
                continue
            steps = multi_step(fit_autoregression(values, order), at.targets.shape[1])
            error = np.abs(at.history(order) @ steps[:, 1:].T + steps[:, 0] - at.targets) / at.scale
            observed: Bool[np.ndarray, "B S"] = ~np.isnan(at.targets)
            total, count = total + float(error[observed].sum()), count + int(observed.sum())
        if count and np.isfinite(total):
            errors[order] = total / count
    return min(errors, key=errors.__getitem__, default=None)


def seasonal_scale(values: Float[np.ndarray, " N"], season: int) -> float:
    """The mean absolute difference of values one season apart: what MASE divides by (NaN where it is none or 0).

    Source: R. J. Hyndman & A. B. Koehler (2006), Another look at measures of forecast accuracy, International Journal
    of Forecasting 22, 679-688.
    """
    differences = np.abs(values[season:] - values[:-season])
    differences = differences[~np.isnan(differences)]
    mean = float(differences.mean()) if len(differences) else 0.0
    return mean if mean > 0 else float("nan")
