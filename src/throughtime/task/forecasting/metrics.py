"""Metrics of forecasts: errors, pinball loss, CRPS and coverage, overall, by step ahead and by series."""

import math
from collections.abc import Mapping
from copy import copy
from functools import reduce
from itertools import pairwise
from operator import add

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.distributed.collectives import all_gather
from throughtime.head.quantile import LEVELS

UNITS = ("original", "standardised")


class ForecastMetrics:
    """Sums over forecasts, for each series (row) and step ahead, from which every metric follows.

    With e = x - x̂, q_a the forecast quantile of level a, s the training deviation and d MASE's scale of a series:

        mae |e| · mse e² · rmse √mse · nrmse √mean (e/s)² · mase |e|/d · smape 200 |e| / (|x|+|x̂|), in percent
        pinball mean over LEVELS of max(a (x-q_a), (a-1)(x-q_a)) · crps 2 ∫ pinball da, by the trapezoidal rule
        coverage_80, coverage_95: the fraction of values within the interval

    mae, mse, rmse, pinball and crps are in the units of the data, or in standardised ones, e/s, as much of the
    literature has them. A series for which d is not defined is left out of MASE.

    Args:
        horizon: S.
        scale: s of each row.
        mase_scale: d of each row, NaN where there is none.
        units: one of `UNITS`.
    """

    def __init__(
        self,
        horizon: int,
        scale: Float[Tensor, " R"],
        mase_scale: Float[Tensor, " R"],
        units: str = "original",
    ) -> None:
        self.scale, self.mase_scale = scale.double(), mase_scale.double()
        self.units = units
        self.horizon = horizon
        self.sums: dict[str, Tensor] = {}

    def update(
        self,
        rows: Int[Tensor, "B C"],
        point: Float[Tensor, "S B C"],
        truth: Float[Tensor, "S B C"],
        mask: Bool[Tensor, "S B C"] | None = None,
        quantiles: Float[Tensor, "Q S B C"] | None = None,
    ) -> None:
        """Add forecasts, all in the data's units; `quantiles` are those of `LEVELS`."""
        mask = torch.ones_like(truth, dtype=torch.bool) if mask is None else mask
        unit = self.scale.to(point.device)[rows]
        divisor = unit if self.units == "standardised" else torch.ones_like(unit)
        mase_scale = self.mase_scale.to(point.device)[rows]
        truth, point = truth.double(), point.double()
        error = (truth - point).abs()
        self._add("count", rows, mask.double(), mask)
        self._add("absolute", rows, error / divisor, mask)
        self._add("square", rows, (error / divisor).square(), mask)
        self._add("standard_square", rows, (error / unit).square(), mask)
        magnitude = truth.abs() + point.abs()
        self._add("symmetric", rows, 200 * error / magnitude.clamp(min=1e-300), mask)
        scaled = mask & ~mase_scale.isnan()
        self._add("scaled", rows, error / mase_scale, scaled)
        self._add("scaled_count", rows, scaled.double(), scaled)
        if quantiles is not None:
            self._add_quantiles(rows, quantiles.double(), truth, mask, divisor)

    def _add_quantiles(
        self,
        rows: Int[Tensor, "B C"],
        quantiles: Float[Tensor, "Q S B C"],
        truth: Float[Tensor, "S B C"],
        mask: Bool[Tensor, "S B C"],
        divisor: Float[Tensor, "B C"],
    ) -> None:
        pinball, crps = torch.zeros_like(truth), torch.zeros_like(truth)
        for level, weight, quantile in zip(LEVELS, trapezoid(LEVELS), quantiles, strict=True):
            above = (truth - quantile) / divisor
            loss = torch.maximum(level * above, (level - 1) * above)
            pinball += loss / len(LEVELS)
            crps += 2 * weight * loss
        self._add("pinball", rows, pinball, mask)
        self._add("crps", rows, crps, mask)
        for name, place in (("covered_95", 0), ("covered_80", 1)):
            inside = (truth >= quantiles[place]) & (truth <= quantiles[-1 - place])
            self._add(name, rows, inside.double(), mask)

    def _add(self, name: str, rows: Int[Tensor, "B C"], terms: Tensor, mask: Tensor) -> None:
        total = self.sums.get(name)
        if total is None:
            total = torch.zeros(len(self.scale), self.horizon, dtype=torch.float64, device=terms.device)
        by_lane = terms.masked_fill(~mask, 0).flatten(1).T
        self.sums[name] = total.index_add(0, rows.flatten(), by_lane)

    def __add__(self, other: "ForecastMetrics") -> "ForecastMetrics":
        """The sums of both, of the same series."""
        both = copy(self)
        both.sums = {
            name: sum(part.sums[name] for part in (self, other) if name in part.sums)
            for name in {**self.sums, **other.sums}
        }
        return both

    def over_all_ranks(self) -> "ForecastMetrics":
        """The sums of all ranks."""
        return reduce(add, map(self._with_sums, all_gather(self.sums)))

    def _with_sums(self, sums: dict[str, Tensor]) -> "ForecastMetrics":
        metrics = copy(self)
        metrics.sums = sums
        return metrics

    def overall(self) -> dict[str, float]:
        """Every metric over all points, and nrmse of the first and the last step ahead; {} before any update."""
        if not self.sums:
            return {}
        steps = self.by_step()
        ends = {"nrmse_first": steps[0]["nrmse"], "nrmse_last": steps[-1]["nrmse"]}
        return derive({name: float(total.sum()) for name, total in self.sums.items()}) | ends

    def by_step(self) -> list[dict[str, float]]:
        """Every metric for each step ahead, of all series together."""
        return self._each({name: total.sum(0) for name, total in self.sums.items()})

    def by_series(self) -> list[dict[str, float]]:
        """Every metric for each row, of all steps together."""
        return self._each({name: total.sum(1) for name, total in self.sums.items()})

    @staticmethod
    def _each(totals: Mapping[str, Tensor]) -> list[dict[str, float]]:
        columns = {name: total.tolist() for name, total in totals.items()}
        places = range(len(columns["count"]))
        return [derive({name: column[place] for name, column in columns.items()}) for place in places]


def derive(sums: Mapping[str, float]) -> dict[str, float]:
    """The metrics that follow from sums; NaN where nothing was counted."""

    def mean(name: str, count: str = "count") -> float:
        return sums[name] / sums[count] if sums[count] else math.nan

    metrics = {
        "mae": mean("absolute"),
        "mse": mean("square"),
        "rmse": math.sqrt(mean("square")),
        "nrmse": math.sqrt(mean("standard_square")),
        "smape": mean("symmetric"),
        "mase": mean("scaled", "scaled_count"),
    }
    if "pinball" in sums:
        metrics |= {"pinball": mean("pinball"), "crps": mean("crps")}
        metrics |= {"coverage_80": mean("covered_80"), "coverage_95": mean("covered_95")}
    return metrics


def trapezoid(levels: tuple[float, ...]) -> list[float]:
    """The weight of each level in an integral from 0 to 1: half the way to its neighbours, and all of it outwards."""
    ends = [0.0, *((a + b) / 2 for a, b in pairwise(levels)), 1.0]
    return [b - a for a, b in pairwise(ends)]
