"""The linear baseline finds the process that made its data."""

import math

import numpy as np

from throughtime.data.series.autoregression import fit_autoregression, seasonal_scale


def process(length: int, noise: float = 0.1) -> np.ndarray:
    numbers = np.random.default_rng(0)
    x = np.zeros(length)
    for t in range(2, length):
        x[t] = 3 + 1.2 * x[t - 1] - 0.5 * x[t - 2] + noise * numbers.standard_normal()
    return x


def test_the_coefficients_of_a_process_are_found():
    assert np.allclose(fit_autoregression(process(5000), 2), [3, -0.5, 1.2], atol=0.15)


def test_under_a_trend_it_is_least_squares_with_a_free_intercept():
    """The same coefficients and forecasts as a regression with a column of ones."""
    for level, slope in ((0.0, 0.5), (1e4, 3.0), (-50.0, -0.2)):
        numbers = np.random.default_rng(1)
        x = level + slope * np.arange(600) + 5 * numbers.standard_normal(600)
        rows = np.lib.stride_tricks.sliding_window_view(x[:400], 13)
        regressors = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
        expected = np.linalg.lstsq(regressors, rows[:, -1], rcond=None)[0]
        found = fit_autoregression(x[:400], 12)
        later = np.lib.stride_tricks.sliding_window_view(x[400:], 12)
        assert np.allclose(found[1:], expected[1:], atol=1e-4)
        forecasts = [later @ weights[1:] + weights[0] for weights in (found, expected)]
        assert np.allclose(*forecasts, atol=0.02), (level, slope)


def test_the_residuals_have_a_mean_of_0():
    """What a free intercept is for: no forecast is on one side of the values throughout."""
    x = 100 + 2.0 * np.arange(300) + np.random.default_rng(2).standard_normal(300)
    rows = np.lib.stride_tricks.sliding_window_view(x, 6)
    intercept, *weights = fit_autoregression(x, 5)
    assert abs((rows[:, -1] - rows[:, :-1] @ np.array(weights) - intercept).mean()) < 1e-6


def test_a_constant_series_is_forecast_by_itself():
    intercept, *weights = fit_autoregression(np.full(50, 7.0), 4)
    assert intercept + 7.0 * sum(weights) == 7.0


def test_missing_values_are_left_out():
    x = process(5000)
    x[::50] = np.nan
    assert np.allclose(fit_autoregression(x, 2)[1:], [-0.5, 1.2], atol=0.05)


def test_too_little_data_give_the_last_value():
    for length in (0, 1, 7):
        assert fit_autoregression(process(length) if length > 1 else np.zeros(length), 4).tolist() == [
            0,
            0,
            0,
            0,
            1,
        ]


def test_the_seasonal_scale_is_the_mean_absolute_difference():
    assert seasonal_scale(np.array([1.0, 2.0, 4.0, np.nan, 5.0]), 1) == 1.5
    assert seasonal_scale(np.array([1.0, 2.0, 4.0, 7.0]), 2) == 4
    assert math.isnan(seasonal_scale(np.ones(9), 1)) and math.isnan(seasonal_scale(np.ones(2), 5))
