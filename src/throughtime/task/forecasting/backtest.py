"""Backtest: forecasts from rolling origins of the test part, in one CSV file."""

from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning.pytorch import LightningDataModule, LightningModule

from throughtime.data.series.series import SeriesSet
from throughtime.data.series.windows import window_pairs
from throughtime.errors import check_positive
from throughtime.files import write_text
from throughtime.task.base import TaskPart
from throughtime.task.forecasting.metrics import LEVELS


class Backtest(TaskPart):
    """Write `backtest.csv`: a row for each series, origin, step ahead and channel.

    The last origins of the test part are taken, `stride` steps apart. With `refit_steps` the trained weights are first
    trained on, at each origin, with all windows that end before it; the scaler and the calibration stay. The intervals
    are those of the test.

    Args:
        origins: how many; 0 for none.
        stride: steps between two of them; None for the horizon.
        refit_steps: optimiser steps at each origin; 0 to use the trained weights as they are.
        refit_learning_rate: of these steps (Adam).
    """

    def __init__(
        self,
        origins: int = 8,
        stride: int | None = None,
        refit_steps: int = 0,
        refit_learning_rate: float = 1e-4,
    ) -> None:
        check_positive(
            **{
                "task.backtest.origins": origins + 1,
                "task.backtest.stride": 1 if stride is None else stride,
                "task.backtest.refit_steps": refit_steps + 1,
                "task.backtest.refit_learning_rate": refit_learning_rate,
            }
        )
        self.origins = origins
        self.stride = stride
        self.refit_steps = refit_steps
        self.refit_learning_rate = refit_learning_rate

    def run(self, task: LightningModule, data: LightningDataModule, folder: str | Path) -> None:
        """Forecast from every origin with this task and write the file into the run's folder."""
        chosen = self.choose(data)
        if not len(chosen):
            return
        loader = data.windows_of(chosen, len(chosen))
        trained = {name: value.clone() for name, value in task.state_dict().items()}
        tables = []
        times = np.array([data.series.series[series].times[origin] for series, origin in chosen])
        for time in np.unique(times):
            if self.refit_steps:
                task.load_state_dict(trained)
                self._refit(task, data, time)
            pairs = chosen[times == time]
            batch = task.transfer_batch_to_device(loader.batch(pairs), task.device, 0)
            forecast = task.forecast(batch.inputs, task.adapted(pairs))
            truth = batch.inputs.original(batch.targets)
            if batch.mask is not None:
                truth = truth.masked_fill(~batch.mask, torch.nan)
            tables.append(forecast_table(data.series, pairs, forecast, truth))
        task.load_state_dict(trained)
        text = pd.concat(tables).to_csv(index=False, float_format="%.8g")
        write_text(Path(folder) / "backtest.csv", text)

    def choose(self, data: LightningDataModule) -> np.ndarray:
        """Series and origin of every forecast, `[n, 2]`."""
        stride = data.horizon if self.stride is None else self.stride
        test = data.windows["test"]
        parts = [test[test[:, 0] == series] for series in np.unique(test[:, 0])]
        parts = [part[::-1][::stride][: self.origins][::-1] for part in parts]
        return np.concatenate(parts) if parts else np.zeros((0, 2), dtype=np.int64)

    def _refit(self, task: LightningModule, data: LightningDataModule, time: np.generic) -> None:
        spans = [(0, int(np.searchsorted(series.times, time))) for series in data.series]
        pairs = window_pairs(data.store, spans, data.look_back, data.horizon, data.stride)
        if not len(pairs):
            return
        loader = data.windows_of(pairs, data.batch_size, shuffle=True, seed=self.refit_steps)
        with torch.inference_mode(False), torch.enable_grad():
            optimizer = torch.optim.Adam(task.parameters(), lr=self.refit_learning_rate)
            task.train()
            for _, batch in zip(range(self.refit_steps), chain.from_iterable(repeat(loader)), strict=False):
                optimizer.zero_grad()
                loss, _ = task.chunk_loss("train", task.transfer_batch_to_device(batch, task.device, 0))
                loss.backward()
                torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
                optimizer.step()
            task.eval()


def forecast_table(
    series_set: SeriesSet, pairs: np.ndarray, forecast: Any, truth: torch.Tensor | None = None
) -> pd.DataFrame:
    """Forecasts as rows: series, channel, origin, step, time, forecast, its intervals, and the truth where known.

    Args:
        series_set: the series that were forecast.
        pairs: series and origin of each lane, `[B, 2]`.
        forecast: the forecasts (`Forecast`).
        truth: `[S, B, C]`, NaN where not observed.
    """
    rows = []
    named = dict(zip(LEVELS, forecast.quantiles.cpu().numpy(), strict=True))
    point = forecast.point.cpu().numpy()
    for lane, (place, origin) in enumerate(pairs.tolist()):
        series = series_set.series[place]
        times = shown_times(series.times, series_set.time_zone)
        for channel, name in enumerate(series_set.channels):
            columns = {
                "series": series.name,
                "channel": name,
                "origin": times[origin - 1] if origin else "",
                "step": np.arange(1, len(point) + 1),
                "time": times[origin : origin + len(point)],
                "forecast": point[:, lane, channel],
                "lower_95": named[0.025][:, lane, channel],
                "lower_80": named[0.1][:, lane, channel],
                "upper_80": named[0.9][:, lane, channel],
                "upper_95": named[0.975][:, lane, channel],
            }
            if truth is not None:
                columns["truth"] = truth[:, lane, channel].cpu().numpy()
            rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def shown_times(times: np.ndarray, time_zone: str | None) -> np.ndarray:
    """Times in UTC as local times with their offsets, such as 2023-10-29 02:00:00+01:00; unchanged without a zone."""
    if time_zone is None:
        return times
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(time_zone)
    return local.map(str).to_numpy(dtype=object)
