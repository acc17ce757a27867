"""Pictures show what they are given, gaps included."""

import numpy as np

from throughtime.task.forecasting.plots import Example, plot_errors, plot_forecasts, plot_residuals


def test_a_forecast_is_drawn_with_its_intervals_and_its_truth():
    point = np.arange(4.0)
    truth = np.array([0.5, np.nan, 2.5, 3.5])
    intervals = {95: np.stack([point - 2, point + 2]), 80: np.stack([point - 1, point + 1])}
    figure = plot_forecasts(
        [Example("a", np.zeros(6), point, intervals, truth), Example("b", np.zeros(0), point, {})]
    )
    first, second = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in first.get_lines()}
    assert np.array_equal(lines["forecast"], point) and np.array_equal(lines["truth"], truth, equal_nan=True)
    assert [area.get_label() for area in first.collections] == ["95 %", "80 %"]
    assert not second.collections and second.get_title() == "b"


def test_errors_and_residuals_are_drawn_for_each_step():
    (axes,) = plot_errors([{"mae": 1.0, "rmse": 2.0}, {"mae": 3.0, "rmse": 4.0}]).axes
    assert [list(line.get_ydata()) for line in axes.get_lines()] == [[1.0, 3.0], [2.0, 4.0]]
    residuals = np.array([[1.0, -1.0, np.nan], [np.nan, np.nan, np.nan]])
    spread, by_step = plot_residuals(residuals).axes
    assert sum(patch.get_height() for patch in spread.patches) == 2
    assert np.array_equal(by_step.get_lines()[0].get_ydata(), [0, np.nan], equal_nan=True)
