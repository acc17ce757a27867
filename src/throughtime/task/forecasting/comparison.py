"""Comparison of a model's test forecasts with baselines, as a table.

The baselines are naive, seasonal naive, drift and a linear autoregression.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.data.window import Window
from throughtime.distributed.collectives import all_gather
from throughtime.task.forecasting.metrics import ForecastMetrics

COLUMNS = ("mae", "rmse", "smape", "mase")


class Comparison:
    """Metrics of the baselines from the same origins, with the same history.

    A season longer than the history has no baseline.

    Args:
        artifacts: what the data fitted: seasons and the linear autoregression.
        new_metrics: makes empty metrics.
    """

    def __init__(self, artifacts: Mapping[str, Any], new_metrics: Callable[[], ForecastMetrics]) -> None:
        self.seasons = [m for m in artifacts["seasons"] if 1 < m <= artifacts["input_sizes"]["look_back"]]
        self.coefficients = artifacts["autoregression"]
        order = self.coefficients.shape[-1] - 1
        names = ["naive", *(f"seasonal naive {m}" for m in self.seasons), "drift", f"autoregression {order}"]
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
        # A series that training did not have has no coefficients; those of the first are as good as any.
        known = window.series.where(window.series < len(self.coefficients), 0)
        forecasts = [
            naive(history, steps),
            *(seasonal_naive(history, steps, season) for season in self.seasons),
            drift(history, steps),
            autoregression(history, steps, self.coefficients.to(history.device)[known]),
        ]
        for metrics, forecast in zip(self.measured.values(), forecasts, strict=True):
            metrics.update(rows, forecast, truth, mask)

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


def naive(history: Float[Tensor, "T B C"], horizon: int) -> Float[Tensor, "S B C"]:
    """The last value: x̂_{t+s} = x_t."""
    return history[-1:].expand(horizon, -1, -1)


def seasonal_naive(history: Float[Tensor, "T B C"], horizon: int, season: int) -> Float[Tensor, "S B C"]:
    """The value one season before: x̂_{t+s} = x_{t+s-m}, repeated where the horizon is longer than the season."""
    last = history[-season:]
    return last.repeat(-(-horizon // season), 1, 1)[:horizon]


def drift(history: Float[Tensor, "T B C"], horizon: int) -> Float[Tensor, "S B C"]:
    """The line through the first and the last value of the history: x̂_{t+s} = x_t + s (x_t - x_1) / (T - 1)."""
    slope = (history[-1] - history[0]) / max(len(history) - 1, 1)
    steps = torch.arange(1, horizon + 1, device=history.device, dtype=history.dtype)
    return history[-1] + steps[:, None, None] * slope


def autoregression(
    history: Float[Tensor, "T B C"], horizon: int, coefficients: Float[Tensor, "B C P"]
) -> Float[Tensor, "S B C"]:
    """x̂_t = a_0 + a_1 x_{t-p} + … + a_p x_{t-1}, step by step (`throughtime.data.series.autoregression`).

    It is computed in double precision: a level far from 0 would take the digits of a small intercept.
    """
    coefficients = coefficients.double()
    order = coefficients.shape[-1] - 1
    intercept, weights = coefficients[..., 0], coefficients[..., 1:].permute(2, 0, 1)
    values = history[-order:].double()
    for _ in range(horizon):
        following = intercept + (weights * values[-order:]).sum(0)
        values = torch.cat([values, following[None]])
    return values[order:].to(history.dtype)
