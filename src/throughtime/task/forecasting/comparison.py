"""Comparison of a model's test forecasts with baselines, as a table."""

from collections.abc import Callable, Mapping
from functools import cache, reduce
from operator import add
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.data.series.autoregression import multi_step
from throughtime.data.series.store import SeriesStore
from throughtime.data.window import Window
from throughtime.distributed.collectives import all_gather
from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive
from throughtime.task.forecasting.metrics import ForecastMetrics

COLUMNS = ("mae", "rmse", "smape", "mase")


class Comparison:
    """Metrics of the baselines from the same origins.

    The naive ones have the same history as the model: a season longer than it has no baseline. The linear
    autoregression looks back as far as its order, where the series are given.

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
        self.seasons = [m for m in artifacts["seasons"] if 1 < m <= artifacts["input_sizes"]["look_back"]]
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
        forecasts = [
            naive(history, steps),
            *(seasonal_naive(history, steps, season) for season in self.seasons),
            drift(history, steps),
            self._autoregression(window, history, steps),
        ]
        for metrics, forecast in zip(self.measured.values(), forecasts, strict=True):
            metrics.update(rows, forecast, truth, mask)

    def _autoregression(
        self, window: Window, history: Float[Tensor, "T B C"], horizon: int
    ) -> Float[Tensor, "S B C"]:
        if self.store is not None and self.order > len(history):
            places, origins = window.series.cpu().numpy(), window.origin.cpu().numpy()
            longer = self.store.history_before(places, origins, self.order)
            history = torch.from_numpy(longer).to(history.device)
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
            self.measured[name] = reduce(add, all_gather(metrics))

    def table(self, model: ForecastMetrics) -> str:
        """A line for the model and for each baseline, at most 80 columns wide."""
        lines = [f"{'test':<22}" + "".join(f"{name:>12}" for name in COLUMNS)]
        for name, metrics in {"this model": model, **self.measured}.items():
            values = metrics.overall()
            if values:
                lines.append(f"{name:<22}" + "".join(f"{values[column]:>12.4g}" for column in COLUMNS))
        return "\n".join(lines)
