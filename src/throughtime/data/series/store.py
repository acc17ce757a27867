"""Store of scaled series: flat arrays from which windows and lanes are gathered."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from throughtime.data.series.scaler import Scaler
from throughtime.data.series.series import SeriesSet
from throughtime.data.window import Window
from throughtime.errors import check_choice

NORMALISATIONS = ("none", "last", "mean", "standard", "seasonal")


class Cut(NamedTuple):
    """A window with the targets that belong to it, in relative units; a target that is not observed is 0."""

    window: Window
    targets: Float[Tensor, "S B C"]
    mask: Bool[Tensor, "S B C"]


class SeriesStore:
    """Flat float32 arrays of N steps in all.

    As an input, a missing value is the last one observed before it (the mean where there is none), which looks into no
    future; with `indicator` the input also says that it was missing. As a target it does not count.

    Args:
        series_set: the series.
        scaler: fitted on the training part.
        indicator: whether inputs have a mark of what is missing.

    Attributes:
        values, observed: `[N, C]`; starts, lengths: of each series `[n]`; indices: the number of each
            series for the model.
    """

    def __init__(self, series_set: SeriesSet, scaler: Scaler, indicator: bool = False) -> None:
        self.indicator = indicator
        self.lengths = np.array([len(series) for series in series_set], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        self.indices = np.array([scaler.index(series.name) for series in series_set], dtype=np.int64)
        pairs = [scaler.location_and_scale_of(series) for series in series_set]
        self.location = np.stack([location for location, _ in pairs])
        self.scale = np.stack([scale for _, scale in pairs])
        raw = [
            (series.values - location) / scale
            for series, (location, scale) in zip(series_set, pairs, strict=True)
        ]
        self.observed = ~np.isnan(np.concatenate(raw))
        self.values = np.concatenate([forward_fill(values) for values in raw]).astype(np.float32)
        self.past = _scaled([series.past for series in series_set], scaler.covariates["past"])
        self.known = _scaled([series.known for series in series_set], scaler.covariates["known"])

    @property
    def history(self) -> Float[np.ndarray, "N I"]:
        """The inputs of a step: values, marks of missing ones, past covariates."""
        marks = [(~self.observed).astype(np.float32)] if self.indicator else []
        return np.concatenate([self.values, *marks, self.past], axis=1)

    def cut(
        self,
        series: Integer[np.ndarray, " B"],
        origins: Integer[np.ndarray, " B"],
        look_back: int,
        horizon: int,
        normalisation: str = "none",
        season: int = 1,
    ) -> Cut:
        """Windows at these origins. Before the beginning of a series its first step is repeated.

        Args:
            series, origins: which series of the set, and the first step to forecast.
            look_back, horizon: T and S; steps beyond the end of a series repeat its last one and do not count.
            normalisation: what else is taken off a window: its `last` value, its `mean`, or mean and deviation
                (`standard`), all of its history alone; or `seasonal`: of each step the value one season before.
            season: in steps.
        """
        check_choice(NORMALISATIONS, **{"data.normalisation": normalisation})
        steps = origins + np.arange(-look_back, horizon)[:, None]
        ends = self.lengths[series]
        places = self.starts[series] + np.clip(steps, 0, ends - 1)
        past = places[:look_back]
        values = self.values[past]
        if normalisation == "seasonal":
            anchor, spread = self._season_before(series, steps, look_back, season), np.ones_like(values[0])
        else:
            level, spread = window_level(values, normalisation)
            anchor = np.broadcast_to(level, (len(steps), *level.shape))
        parts = [(values - anchor[:look_back]) / spread]
        if self.indicator:
            parts.append((~self.observed[past]).astype(np.float32))
        parts.append(self.past[past])
        ahead = places[look_back:]
        mask = self.observed[ahead] & (steps[look_back:] < ends)[..., None]
        targets = np.where(mask, (self.values[ahead] - anchor[look_back:]) / spread, 0).astype(np.float32)
        location, scale = self.location[series], self.scale[series]
        window = Window(
            history=torch.from_numpy(np.concatenate(parts, axis=2)),
            known=torch.from_numpy(self.known[places]),
            series=torch.from_numpy(self.indices[series]),
            origin=torch.from_numpy(origins.astype(np.int64)),
            location=torch.from_numpy(location + scale * anchor).float(),
            scale=torch.from_numpy(scale * spread).float(),
        )
        return Cut(window, torch.from_numpy(targets), torch.from_numpy(mask))

    def history_before(
        self, series: Integer[np.ndarray, " B"], origins: Integer[np.ndarray, " B"], steps: int
    ) -> Float[np.ndarray, "T B C"]:
        """The values before these origins in the data's units, padded and filled as those of `cut`."""
        before = np.clip(origins + np.arange(-steps, 0)[:, None], 0, self.lengths[series] - 1)
        values = self.values[self.starts[series] + before].astype(np.float64)
        return self.location[series] + self.scale[series] * values

    def _season_before(
        self,
        series: Integer[np.ndarray, " B"],
        steps: Integer[np.ndarray, "TS B"],
        look_back: int,
        season: int,
    ) -> Float[np.ndarray, "TS B C"]:
        """Of each step the value one season before it; ahead of the origin as many seasons as it takes to be known.

        Where the series is not that old, a step of history is its own anchor and a step ahead has the last value.
        """
        origin = steps[look_back : look_back + 1] if len(steps) > look_back else steps[-1:] + 1
        seasons = np.maximum((steps - origin) // season, 0) + 1
        before = steps - seasons * season
        before = np.where(before < 0, np.minimum(np.maximum(steps, 0), np.maximum(origin - 1, 0)), before)
        return self.values[self.starts[series] + before]

    def with_observed_target(
        self, series: int, origins: Integer[np.ndarray, " n"], horizon: int
    ) -> Integer[np.ndarray, " m"]:
        """The origins that have at least one observed target."""
        start = self.starts[series]
        observed = self.observed[start : start + self.lengths[series]].any(1)
        before = np.concatenate([[0], np.cumsum(observed)])
        return origins[before[origins + horizon] > before[origins]]


def window_level(
    values: Float[np.ndarray, "T B C"], normalisation: str
) -> tuple[Float[np.ndarray, "B C"], Float[np.ndarray, "B C"]]:
    """Location and scale by which the values of a window are normalised."""
    nought, one = np.zeros_like(values[0]), np.ones_like(values[0])
    if normalisation == "last":
        return values[-1], one
    if normalisation == "mean":
        return values.mean(0), one
    if normalisation == "standard":
        return values.mean(0), values.std(0) + np.float32(1e-3)
    return nought, one


def forward_fill(values: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "N C"]:
    """Forward fill: each missing value is replaced by the last one before it, by 0 where there is none."""
    steps = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(steps, axis=0) if len(values) else steps
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0) if len(values) else values
    return np.where(last >= 0, held, 0.0)


def _scaled(columns: list[np.ndarray], location_scale: Float[np.ndarray, "2 P"]) -> Float[np.ndarray, "N P"]:
    location, scale = location_scale
    return ((np.concatenate(columns) - location) / scale).astype(np.float32)
