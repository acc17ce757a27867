"""A linear autoregression by least squares: the baseline that a network must beat."""

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import sliding_window_view

RIDGE = 1e-10
"""The weight of the penalty, relative to the mean variance of a regressor; it keeps the normal equations solvable."""


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
    if len(values) <= order:
        return persistence
    rows = sliding_window_view(values, order + 1)
    rows = rows[~np.isnan(rows).any(1)]
    if len(rows) < 2 * order:
        return persistence
    means = rows.mean(0)
    centred = rows - means
    regressors, targets = centred[:, :-1], centred[:, -1]
    gram = regressors.T @ regressors
    penalty = RIDGE * np.trace(gram) / order * np.eye(order)
    weights = np.linalg.lstsq(gram + penalty, regressors.T @ targets, rcond=None)[0]
    return np.concatenate([[means[-1] - means[:-1] @ weights], weights])


def seasonal_scale(values: Float[np.ndarray, " N"], season: int) -> float:
    """The mean absolute difference of values one season apart: what MASE divides by (NaN where it is none or 0).

    Source: R. J. Hyndman & A. B. Koehler (2006), Another look at measures of forecast accuracy, International Journal
    of Forecasting 22, 679-688.
    """
    differences = np.abs(values[season:] - values[:-season])
    differences = differences[~np.isnan(differences)]
    mean = float(differences.mean()) if len(differences) else 0.0
    return mean if mean > 0 else float("nan")
