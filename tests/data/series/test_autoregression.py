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
