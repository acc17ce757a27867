"""The pictures of forecasting, drawn without a screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

TRUTH, FORECAST = "#222222", "#1f77b4"


@dataclass(frozen=True)
class Example:
    """One forecast to be drawn: of one channel of one series from one origin.

    Attributes:
        title: what it is a forecast of.
        history: the last steps before the origin.
        point: the forecast `[S]`.
        intervals: lower and upper ends `[2, S]` by their coverage in percent, the wider one first.
        truth: what came `[S]`, NaN where it is not known.
    """

    title: str
    history: Float[np.ndarray, " T"]
    point: Float[np.ndarray, " S"]
    intervals: Mapping[int, Float[np.ndarray, "2 S"]]
    truth: Float[np.ndarray, " S"] | None = None


def new_figure(width: float, height: float) -> Figure:
    """A figure that needs no window system and no global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plot_forecasts(examples: Sequence[Example]) -> Figure:
    """Each forecast with its intervals against the truth, one below the other."""
    figure = new_figure(9.0, 2.6 * max(len(examples), 1))
    for place, example in enumerate(examples):
        axes = figure.add_subplot(len(examples), 1, place + 1)
        ahead = np.arange(1, len(example.point) + 1)
        axes.plot(np.arange(1 - len(example.history), 1), example.history, color=TRUTH, linewidth=1)
        if example.truth is not None:
            axes.plot(ahead, example.truth, color=TRUTH, linewidth=1, label="truth")
        for shade, (coverage, (low, high)) in zip((0.15, 0.3), example.intervals.items(), strict=False):
            axes.fill_between(
                ahead, low, high, color=FORECAST, alpha=shade, linewidth=0, label=f"{coverage} %"
            )
        axes.plot(ahead, example.point, color=FORECAST, linewidth=1.5, label="forecast")
        axes.axvline(0.5, color="grey", linewidth=0.5)
        axes.set_title(example.title, fontsize=9)
        axes.legend(loc="upper left", fontsize=7, ncols=4, frameon=False)
        if place == len(examples) - 1:
            axes.set_xlabel("steps from the origin")
    return figure


def plot_errors(steps: Sequence[Mapping[str, float]]) -> Figure:
    """Mean absolute and root mean squared error for each step ahead."""
    figure = new_figure(7.0, 4.0)
    axes = figure.add_subplot()
    ahead = np.arange(1, len(steps) + 1)
    for name in ("mae", "rmse"):
        axes.plot(ahead, [step[name] for step in steps], label=name.upper())
    axes.set_xlabel("step of the horizon")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def plot_residuals(residuals: Float[np.ndarray, "S n"]) -> Figure:
    """Truth minus forecast: how they are spread, and how far apart at each step ahead."""
    figure = new_figure(9.0, 3.5)
    spread, by_step = figure.subplots(1, 2)
    finite = residuals[np.isfinite(residuals)]
    spread.hist(finite, bins=50, color=FORECAST)
    spread.axvline(0, color=TRUTH, linewidth=0.5)
    spread.set_xlabel("truth - forecast")
    ahead = np.arange(1, len(residuals) + 1)
    rows = [row[np.isfinite(row)] for row in residuals]
    for low, high, shade in ((2.5, 97.5, 0.15), (10, 90, 0.3)):
        ends = np.array([np.percentile(row, (low, high)) if len(row) else (np.nan, np.nan) for row in rows])
        by_step.fill_between(ahead, ends[:, 0], ends[:, 1], color=FORECAST, alpha=shade, linewidth=0)
    by_step.plot(ahead, [np.median(row) if len(row) else np.nan for row in rows], color=FORECAST)
    by_step.axhline(0, color=TRUTH, linewidth=0.5)
    by_step.set_xlabel("step of the horizon")
    return figure
