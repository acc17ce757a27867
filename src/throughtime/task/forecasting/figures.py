"""Figures and tables of forecasts: logged at each validation, and written into the run's folder after the test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Integer
from lightning.pytorch import Callback
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from throughtime.callback.logging import log_figure, takes_figures
from throughtime.errors import check_positive
from throughtime.files import make_subfolder, write_text

TRUTH, FORECAST = "#222222", "#1f77b4"

FIGURE_WINDOWS = 128
"""The number of windows that residuals are drawn from, evenly spaced over a split."""


@dataclass(frozen=True)
class Example:
    """One forecast to be drawn, of one channel of one series from one origin.

    Attributes:
        title: the series and the origin.
        history: the last steps before the origin.
        point: the forecast `[S]`.
        intervals: lower and upper ends `[2, S]` by their coverage in percent, the wider one first.
        truth: the observed values `[S]`, NaN where missing.
    """

    title: str
    history: Float[np.ndarray, " T"]
    point: Float[np.ndarray, " S"]
    intervals: Mapping[int, Float[np.ndarray, "2 S"]]
    truth: Float[np.ndarray, " S"] | None = None


class ForecastFigures(Callback):
    """Draws `forecast`, `error_by_step` and `residuals` at each validation (IMAGES) and as PNG files after the test.

    The windows are the same each time, evenly spaced over the split, so that figures differ by what was learned.

    Args:
        count: the forecasts that are drawn.
    """

    def __init__(self, count: int = 4) -> None:
        check_positive(count=count)
        self.count = count

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not takes_figures(trainer):
            return
        for name, figure in self.figures(trainer, pl_module, "val").items():
            log_figure(trainer, f"val/{name}", figure)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        folder = Path(trainer.default_root_dir) / "figures"
        make_subfolder(folder)
        for name, figure in self.figures(trainer, pl_module, "test").items():
            log_figure(trainer, f"test/{name}", figure, folder / f"{name}.png")

    def figures(self, trainer: pl.Trainer, task: pl.LightningModule, split: str) -> dict[str, Figure]:
        """The three figures of a split, by name."""
        data: Any = trainer.datamodule
        chosen = figure_windows(data.windows[split])
        batch = task.transfer_batch_to_device(
            data.windows_of(chosen, FIGURE_WINDOWS).batch(chosen), task.device, 0
        )
        with torch.no_grad():
            forecast = task.forecast(batch.inputs, task.adapted(chosen))
        window = batch.inputs
        truth = window.original(batch.targets)
        if batch.mask is not None:
            truth = truth.masked_fill(~batch.mask, torch.nan)
        values = {
            "history": window.original_history(),
            "point": forecast.point,
            "quantiles": forecast.quantiles,
            "truth": truth,
        }
        arrays = {name: value.float().cpu().numpy() for name, value in values.items()}
        lanes = np.unique(np.linspace(0, len(chosen) - 1, self.count).round().astype(int))
        return {
            "forecast": plot_forecasts([_example(data, chosen[lane], int(lane), arrays) for lane in lanes]),
            "error_by_step": plot_errors(task.measured[split].by_step(), task.units),
            "residuals": plot_residuals((arrays["truth"] - arrays["point"]).reshape(len(forecast.point), -1)),
        }


def figure_windows(pairs: Integer[np.ndarray, "n 2"]) -> Integer[np.ndarray, "m 2"]:
    """The windows that figures are drawn of, evenly spaced."""
    if not len(pairs):
        return pairs
    return pairs[np.unique(np.linspace(0, len(pairs) - 1, FIGURE_WINDOWS).round().astype(int))]


def _example(data: Any, pair: np.ndarray, lane: int, arrays: dict[str, np.ndarray]) -> Example:
    """The first channel of one lane."""
    series, origin = data.series.series[pair[0]], int(pair[1])
    quantiles = arrays["quantiles"][:, :, lane, 0]
    return Example(
        title=f"{series.name} from {str(series.times[origin])[:16]}",
        history=arrays["history"][-2 * len(quantiles[0]) :, lane, 0],
        point=arrays["point"][:, lane, 0],
        intervals={95: quantiles[[0, -1]], 80: quantiles[[1, -2]]},
        truth=arrays["truth"][:, lane, 0],
    )


class ForecastTables(Callback):
    """Write the test metrics of each step ahead (`test_steps.csv`) and of each series (`test_series.csv`)."""

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = pl_module.measured["test"]
        if not trainer.is_global_zero or not metrics.sums:
            return
        folder = Path(trainer.default_root_dir)
        steps = pd.DataFrame(metrics.by_step())
        steps.insert(0, "step", range(1, len(steps) + 1))
        write_text(folder / "test_steps.csv", steps.to_csv(index=False, float_format="%.8g"))
        names = [*pl_module.artifacts["scaler"]["names"], "(other series)"]
        rows = pd.DataFrame(metrics.by_series())
        rows.insert(0, "series", [name for name in names for _ in pl_module.artifacts["channels"]])
        rows.insert(1, "channel", [channel for _ in names for channel in pl_module.artifacts["channels"]])
        measured = rows.dropna(subset="mae")
        write_text(folder / "test_series.csv", measured.to_csv(index=False, float_format="%.8g"))


def new_figure(width: float, height: float) -> Figure:
    """An empty figure that needs no display and no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plot_forecasts(examples: Sequence[Example]) -> Figure:
    """Each forecast with its intervals against the truth, one below the other."""
    figure = new_figure(9.0, 2.6 * max(len(examples), 1))
    for place, example in enumerate(examples):
        axes = figure.add_subplot(len(examples), 1, place + 1)
        ahead = np.arange(1, len(example.point) + 1)
        past = example.history if example.truth is None else np.append(example.history, example.truth[:1])
        start = 1 - len(example.history)
        axes.plot(np.arange(start, start + len(past)), past, color=TRUTH, linewidth=1)
        if example.truth is not None:
            axes.plot(ahead, example.truth, color=TRUTH, linewidth=1, label="truth")
        for shade, (coverage, (low, high)) in zip((0.15, 0.3), example.intervals.items(), strict=False):
            axes.fill_between(
                ahead, low, high, color=FORECAST, alpha=shade, linewidth=0, label=f"{coverage} %"
            )
        axes.plot(ahead, example.point, color=FORECAST, linewidth=1.5, label="forecast")
        axes.axvline(0.5, color="grey", linewidth=0.5)
        axes.set_title(example.title, fontsize=9)
        axes.set_ylabel("value, in the data's unit", fontsize=8)
        if place == len(examples) - 1:
            axes.set_xlabel("steps from the origin")
    if figure.axes:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", fontsize=8, ncols=4, frameon=False)
    return figure


UNIT_LABELS = {"original": "in the data's unit", "standardised": "in standard deviations"}


def plot_errors(steps: Sequence[Mapping[str, float]], units: str = "original") -> Figure:
    """Mean absolute and root mean squared error for each step ahead.

    Args:
        steps: `mae` and `rmse` of each step.
        units: of both, `original` or `standardised`.
    """
    figure = new_figure(7.0, 4.0)
    axes = figure.add_subplot()
    ahead = np.arange(1, len(steps) + 1)
    for name in ("mae", "rmse"):
        axes.plot(ahead, [step[name] for step in steps], label=name.upper())
    axes.set_title("error by step of the horizon", fontsize=10)
    axes.set_xlabel("step of the horizon")
    axes.set_ylabel(f"error, {UNIT_LABELS[units]}")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def plot_residuals(residuals: Float[np.ndarray, "S n"]) -> Figure:
    """The distribution of truth minus forecast, over all steps and at each step ahead."""
    figure = new_figure(9.0, 3.5)
    spread, by_step = figure.subplots(1, 2)
    finite = residuals[np.isfinite(residuals)]
    spread.hist(finite, bins=50, color=FORECAST)
    spread.axvline(0, color=TRUTH, linewidth=0.5)
    spread.set_title("residuals of all steps", fontsize=10)
    spread.set_xlabel("truth − forecast, in the data's unit")
    spread.set_ylabel("number of forecast steps")
    ahead = np.arange(1, len(residuals) + 1)
    rows = [row[np.isfinite(row)] for row in residuals]
    for low, high, shade in ((2.5, 97.5, 0.15), (10, 90, 0.3)):
        ends = np.array([np.percentile(row, (low, high)) if len(row) else (np.nan, np.nan) for row in rows])
        by_step.fill_between(
            ahead,
            ends[:, 0],
            ends[:, 1],
            color=FORECAST,
            alpha=shade,
            linewidth=0,
            label=f"{high - low:.0f} %",
        )
    medians = [np.median(row) if len(row) else np.nan for row in rows]
    by_step.plot(ahead, medians, color=FORECAST, label="median")
    by_step.axhline(0, color=TRUTH, linewidth=0.5)
    by_step.set_title("residuals by step", fontsize=10)
    by_step.set_xlabel("step of the horizon")
    by_step.set_ylabel("truth − forecast, in the data's unit")
    figure.legend(loc="outside lower right", fontsize=8, ncols=3, frameon=False)
    return figure
