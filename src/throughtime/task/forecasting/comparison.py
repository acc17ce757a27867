"""The test forecasts beside those that need no learning, as a table."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.data.window import Window
from throughtime.distributed.collectives import all_gather
from throughtime.task.forecasting.baselines import autoregression, drift, naive, seasonal_naive
from throughtime.task.forecasting.metrics import ForecastMetrics

COLUMNS = ("mae", "rmse", "smape", "mase")


class Comparison:
    """Baselines from the same origins, with the same history: a season longer than the history has no line.

    Args:
        artifacts: what the data fitted: seasons and the linear autoregression.
        new_measures: makes measures with nothing in them.
    """

    def __init__(self, artifacts: Mapping[str, Any], new_metrics: Callable[[], ForecastMetrics]) -> None:
        self.seasons = [m for m in artifacts["seasons"] if 1 < m <= artifacts["input_sizes"]["look_back"]]
        self.coefficients = artifacts["autoregression"].float()
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
        """Let every baseline forecast these windows."""
        steps, history = len(truth), window.original_history()
        # A series that training did not have has no coefficients; those of the first are as good as any.
        known = window.series.where(window.series < len(self.coefficients), 0)
        forecasts = [
            naive(history, steps),
            *(seasonal_naive(history, steps, season) for season in self.seasons),
            drift(history, steps),
            autoregression(history, steps, self.coefficients.to(history.device)[known]),
        ]
        for measures, forecast in zip(self.measured.values(), forecasts, strict=True):
            measures.update(rows, forecast, truth, mask)

    def gather(self) -> None:
        """Take into account what the other ranks have measured, of their share of the windows."""
        for name, measures in self.measured.items():
            self.measured[name] = reduce(add, all_gather(measures))

    def table(self, model: ForecastMetrics) -> str:
        """A line a forecast, at most 80 columns wide."""
        lines = [f"{'test':<22}" + "".join(f"{name:>12}" for name in COLUMNS)]
        for name, measures in {"this model": model, **self.measured}.items():
            values = measures.overall()
            if values:
                lines.append(f"{name:<22}" + "".join(f"{values[column]:>12.4g}" for column in COLUMNS))
        return "\n".join(lines)
