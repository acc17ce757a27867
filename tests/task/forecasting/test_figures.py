"""Figures show the forecasts, gaps included, at their steps; tables hold the test's metrics."""

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch

from throughtime.task.forecasting.figures import (
    Example,
    ForecastTables,
    plot_errors,
    plot_forecasts,
    plot_residuals,
)
from throughtime.task.forecasting.metrics import ForecastMetrics

SMALL = (
    "task=forecasting",
    "data=airpassengers",
    "cell.hidden_size=4",
    "model.size=4",
    "model.segment_length=6",
    "trainer.max_steps=4",
    "trainer.val_check_interval=2",
)


def test_figures_of_both_splits_are_in_tensorboard_at_their_steps(command, tensorboard, tmp_path):
    ended = command("train.py", *SMALL)
    assert ended.returncode == 0, ended.stderr
    (run,) = (tmp_path / "runs" / "forecasting").iterdir()
    (tags,) = tensorboard("/data/plugin/images/tags", folder=run).values()
    names = {"forecast", "error_by_step", "residuals"}
    assert {f"{split}/{name}" for split in ("val", "test") for name in names} <= set(tags)
    shown = tensorboard("/data/plugin/images/images?run=.&tag=val/forecast", folder=run)
    assert [image["step"] for image in shown] == [2, 4]
    assert {file.name for file in (run / "figures").iterdir()} == {f"{name}.png" for name in names}


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
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "95 %", "80 %", "forecast"]


def test_every_axis_has_a_label_with_its_unit():
    errors = plot_errors([{"mae": 1.0, "rmse": 2.0}], "standardised")
    residuals = plot_residuals(np.array([[1.0, -1.0]]))
    forecasts = plot_forecasts([Example("a", np.zeros(6), np.arange(4.0), {})])
    for axes in (*errors.axes, *residuals.axes, *forecasts.axes):
        assert axes.get_xlabel() and axes.get_ylabel() and axes.get_title()
    assert errors.axes[0].get_ylabel() == "error, in standard deviations"
    assert [text.get_text() for text in residuals.legends[0].get_texts()] == ["95 %", "80 %", "median"]


def test_errors_and_residuals_are_drawn_for_each_step():
    (axes,) = plot_errors([{"mae": 1.0, "rmse": 2.0}, {"mae": 3.0, "rmse": 4.0}]).axes
    assert [list(line.get_ydata()) for line in axes.get_lines()] == [[1.0, 3.0], [2.0, 4.0]]
    residuals = np.array([[1.0, -1.0, np.nan], [np.nan, np.nan, np.nan]])
    spread, by_step = plot_residuals(residuals).axes
    assert sum(patch.get_height() for patch in spread.patches) == 2
    assert np.array_equal(by_step.get_lines()[0].get_ydata(), [0, np.nan], equal_nan=True)


def test_series_that_were_not_measured_have_no_row(tmp_path):
    metrics = ForecastMetrics(2, torch.ones(3), torch.ones(3))
    metrics.update(torch.tensor([[1]]), torch.zeros(2, 1, 1), torch.tensor([1.0, 3.0])[:, None, None])
    artifacts = {"scaler": {"names": ["a", "b"]}, "channels": ["value"]}
    task = pl.LightningModule()
    task.measured, task.artifacts = {"test": metrics}, artifacts
    trainer = pl.Trainer(
        default_root_dir=tmp_path, logger=False, enable_checkpointing=False, accelerator="cpu"
    )
    ForecastTables().on_test_end(trainer, task)
    series = pd.read_csv(tmp_path / "test_series.csv")
    assert series["series"].tolist() == ["b"] and series["mae"].tolist() == [2]
    assert pd.read_csv(tmp_path / "test_steps.csv")["mae"].tolist() == [1, 3]
