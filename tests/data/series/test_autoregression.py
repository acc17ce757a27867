"""The linear baseline finds the process that made its data."""

import math

import numpy as np

from throughtime.data.series.autoregression import (
    Origins,
    candidate_orders,
    choose_order,
    fit_autoregression,
    lag_moments,
    multi_step,
    seasonal_scale,
)


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


def with_gaps(length: int) -> np.ndarray:
    x = process(length) + 20
    x[[3, 40, 41, length // 2]] = np.nan
    return x


def test_the_moments_of_lags_are_those_of_the_rows_without_a_missing_value():
    x = with_gaps(300)
    rows = np.lib.stride_tricks.sliding_window_view(x, 8)
    rows = rows[~np.isnan(rows).any(1)]
    count, sums, products = lag_moments(x, 7)
    assert count == len(rows)
    assert np.allclose(sums, rows.sum(0)) and np.allclose(products, rows.T @ rows)


def test_it_is_least_squares_at_every_order_also_between_gaps():
    for order in (1, 5, 40):
        x = with_gaps(700)
        rows = np.lib.stride_tricks.sliding_window_view(x, order + 1)
        rows = rows[~np.isnan(rows).any(1)]
        regressors = np.column_stack([np.ones(len(rows)), rows[:, :-1]])
        expected = np.linalg.lstsq(regressors, rows[:, -1], rcond=None)[0]
        assert np.allclose(fit_autoregression(x, order), expected, atol=1e-5), order


def test_steps_ahead_are_the_autoregression_on_its_own_forecasts():
    for order, horizon in ((1, 4), (3, 9), (7, 3)):
        coefficients = np.random.default_rng(order).standard_normal(order + 1) / order
        values = list(np.random.default_rng(1).standard_normal(order))
        steps = multi_step(coefficients, horizon)
        expected = steps[:, 0] + steps[:, 1:] @ np.array(values)
        for _ in range(horizon):
            values.append(coefficients[0] + float(coefficients[1:] @ np.array(values[-order:])))
        assert np.allclose(values[order:], expected)


def test_candidates_reach_as_far_as_the_data_allow():
    assert candidate_orders([60, 10], (7, 19, 999)) == [1, 2, 3, 4, 6, 7, 8, 12, 16, 19, 20]
    assert candidate_orders([2]) == [1] and candidate_orders([]) == [1]
    assert candidate_orders([10**9])[-1] ** 3 <= 1e10
    assert 100 < candidate_orders([10**6] * 1000)[-1] < 300


def origins_of(values: np.ndarray, start: int, horizon: int) -> Origins:
    places = np.arange(start, len(values) - horizon + 1)
    return Origins(
        lambda steps: values[places[:, None] + np.arange(-steps, 0)],
        values[places[:, None] + np.arange(horizon)],
        1.0,
    )


def test_the_order_with_the_least_error_at_the_origins_is_chosen():
    """A series that repeats after 30 steps needs as many lags."""
    season = np.tile(np.random.default_rng(0).standard_normal(30), 20)
    values = season + 0.01 * np.random.default_rng(1).standard_normal(600)
    at = origins_of(values, 450, 12)
    orders = [1, 8, 24, 30, 140]
    errors = []
    for order in orders:
        steps = multi_step(fit_autoregression(values[:450], order), 12)
        errors.append(np.abs(at.history(order) @ steps[:, 1:].T + steps[:, 0] - at.targets).mean())
    assert choose_order([values[:450]], [at], orders) == orders[int(np.argmin(errors))] >= 30


def test_missing_targets_do_not_count_and_without_any_target_none_is_chosen():
    values = process(400)
    at = origins_of(values, 300, 4)
    spoiled = at.targets.copy()
    spoiled[::2] = np.nan
    kept = Origins(lambda steps: at.history(steps)[1::2], at.targets[1::2], 1.0)
    chosen = [choose_order([values[:300]], [one], [1, 2, 9]) for one in (at._replace(targets=spoiled), kept)]
    assert chosen[0] == chosen[1]
    nothing = Origins(lambda steps: np.zeros((0, steps)), np.zeros((0, 4)), 1.0)
    assert choose_order([values[:300]], [nothing], [1, 2]) is None


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
