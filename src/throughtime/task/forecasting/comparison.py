"""Comparison of a model's test forecasts with baselines, as a table."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.data.window import Window
from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive
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
            self.measured[name] = metrics.over_all_ranks()

    def table(self, model: ForecastMetrics) -> str:
        """A line for the model and for each baseline, at most 80 columns wide."""
        lines = [f"{'test':<22}" + "".join(f"{name:>12}" for name in COLUMNS)]
        for name, metrics in {"this model": model, **self.measured}.items():
            values = metrics.overall()
            if values:
                lines.append(f"{name:<22}" + "".join(f"{values[column]:>12.4g}" for column in COLUMNS))
        return "\n".join(lines)
