"""Comparison of a model's test forecasts with baselines, as a table."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.data.series.autoregression import multi_step
from throughtime.data.series.store import SeriesStore
from throughtime.data.window import Window
from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive
from throughtime.task.forecasting.metrics import ForecastMetrics

COLUMNS = ("mae", "rmse", "smape", "mase")


class Comparison:
    """Metrics of the baselines from the same origins.

    Seasonal naive and the linear autoregression look back as far as they need to, beyond the model's look-back too,
    where the series are given; without them a season longer than the look-back has no baseline.

    Args:
        artifacts: what the data fitted: seasons and the linear autoregression.
        new_metrics: makes empty metrics.
        store: the series, in the order of training; None for baselines that have the windows alone.
    """

    def __init__(
        self,
        artifacts: Mapping[str, Any],
        new_metrics: Callable[[], ForecastMetrics],
        store: SeriesStore | None = None,
    ) -> None:
        self.store = store
        longest = artifacts["input_sizes"]["look_back"] if store is None else math.inf
        self.seasons = [m for m in artifacts["seasons"] if 1 < m <= longest]
        self.coefficients = artifacts["autoregression"]
        self.order = self.coefficients.shape[-1] - 1
        names = [
            "naive",
            *(f"seasonal naive {m}" for m in self.seasons),
            "drift",
            f"autoregression {self.order}",
        ]
        self._steps = cache(self._steps_ahead)
        self.measured = {name: new_metrics() for name in names}

    def update(
        self,
        rows: Int[Tensor, "B C"],
        window: Window,
        truth: Float[Tensor, "S B C"],
        mask: Bool[Tensor, "S B C"] | None,
    ) -> None:
        """Forecast these windows by every baseline and add the results to its metrics."""
        steps, history = len(truth), window.original_history()
        longer = self._longer(window, history)
        forecasts = [
            naive(history, steps),
            *(seasonal_naive(longer, steps, season).to(history.dtype) for season in self.seasons),
            drift(history, steps),
            self._autoregression(window, longer, steps).to(history.dtype),
        ]
        for metrics, forecast in zip(self.measured.values(), forecasts, strict=True):
            metrics.update(rows, forecast, truth, mask)

    def _longer(self, window: Window, history: Float[Tensor, "T B C"]) -> Float[Tensor, "N B C"]:
        """The history as far as any baseline looks back."""
        needed = max(self.order, *self.seasons, 0)
        if self.store is None or needed <= len(history):
            return history
        places, origins = window.series.cpu().numpy(), window.origin.cpu().numpy()
        return torch.from_numpy(self.store.history_before(places, origins, needed)).to(history.device)

    def _autoregression(
        self, window: Window, history: Float[Tensor, "T B C"], horizon: int
    ) -> Float[Tensor, "S B C"]:
        forecast = history.new_empty(horizon, *history.shape[1:])
        for series in window.series.unique().tolist():
            lanes = window.series == series
            # A series that training did not have has no coefficients; those of the first are as good as any.
            known = series if series < len(self.coefficients) else 0
            forecast[:, lanes] = autoregression(history[:, lanes], self._steps(known, horizon))
        return forecast

    def _steps_ahead(self, series: int, horizon: int) -> Float[Tensor, "C S P"]:
        channels = self.coefficients[series].double().cpu().numpy()
        return torch.from_numpy(np.stack([multi_step(channel, horizon) for channel in channels]))

    def gather(self) -> None:
        """Add the metrics of all ranks."""
        for name, metrics in self.measured.items():
            self.measured[name] = metrics.over_all_ranks()

    def table(self, model: ForecastMetrics) -> str:
        """A line for the model and for each baseline, at most 80 columns wide."""
        lines = [f"{'test':<22}" + "".join(f"{name:>12}" for name in COLUMNS)]
        for name, metrics in {"this model": model, **self.measured}.items():
            values = metrics.overall()
            if values:
                lines.append(f"{name:<22}" + "".join(f"{values[column]:>12.4g}" for column in COLUMNS))
        return "\n".join(lines)
