"""Forecast from a file of history: the options and the work of `scripts/predict.py`."""

import argparse
import inspect
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from throughtime.data.series.calendar import with_calendar
from throughtime.data.series.scaler import scaler_from_state
from throughtime.data.series.series import Series, SeriesSet
from throughtime.data.series.store import Cut, SeriesStore, forward_fill
from throughtime.data.series.table_series import TableSeries, series_names
from throughtime.data.series.time_grid import time_range
from throughtime.data.window import Window
from throughtime.errors import UserError, check_positive
from throughtime.files import output_file
from throughtime.task.forecasting.backtest import forecast_table
from throughtime.task.forecasting.figures import Example, plot_forecasts
from throughtime.task.forecasting.task import Forecast, Forecasting

RECENT = 10
"""Horizons of the history whose forecasts the intervals are adapted to."""

_BATCH_SIZE = 256  # series of a batch

LONGEST_FORECAST = 1_000_000
"""Steps that are forecast at most."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `scripts/predict.py`."""
    parser.add_argument("input", type=Path, help="the history to forecast from, CSV or Parquet")
    parser.add_argument("--output", type=Path, help="where the CSV goes (default: the terminal)")
    parser.add_argument("--horizon", type=int, help="steps to forecast (default: as many as were trained)")
    parser.add_argument("--future", type=Path, help="known covariates of the steps ahead")
    parser.add_argument("--plot", action="store_true", help="draw a PNG beside the output")


def predict(
    task: Forecasting,
    history: Path,
    output: Path | None = None,
    horizon: int | None = None,
    future: Path | None = None,
    plot: bool = False,
) -> None:
    """Write the forecasts that follow a file of history, a row for each series, channel and step ahead.

    Args:
        task: trained, in evaluation mode.
        history: CSV or Parquet, with the columns of the training data; a wide table without times, too.
        output: where the CSV goes; None for the terminal.
        horizon: how many steps; None for as many as were trained. Fewer are the first of those; more are forecast piece
            by piece, each piece reading the point forecasts before it, so that its intervals hold for that piece alone.
        future: the known covariates of the steps ahead, in the columns of the history; needed where there are any but
            the calendar's.
        plot: whether a PNG of the first forecasts is drawn, beside the output (`forecast.png` without one).

    Raises:
        UserError: a column is missing, or the file is not such a history.
    """
    trained = task.artifacts["input_sizes"]["horizon"]
    horizon = trained if horizon is None else horizon
    check_positive(**{"--horizon": horizon})
    if horizon > LONGEST_FORECAST:
        raise UserError(
            f"--horizon={horizon} is above its limit of {LONGEST_FORECAST:,} steps; give a smaller number"
        )
    whole = -(-horizon // trained) * trained
    needed = whole - trained + task.model.steps_read(horizon - (whole - trained))
    read = read_history(task.artifacts, history)
    print("; ".join((f"history {history}, {len(read)} series", *read.notes)), file=sys.stderr)
    series = extend(read, task.artifacts, whole, future, needed)
    forecast = roll(task, series, whole)
    forecast = Forecast(forecast.point[:horizon], forecast.quantiles[:, :horizon])
    series = _shortened(series, whole - horizon)
    pairs = np.array([(place, len(one) - horizon) for place, one in enumerate(series)])
    table = forecast_table(series, pairs, forecast).drop(columns="origin")
    text = table.to_csv(index=False, float_format="%.8g")
    if output is None:
        sys.stdout.write(text)
    else:
        with output_file(output) as file:
            file.write(text.encode())
    if plot:
        picture = Path("forecast.png") if output is None else output.with_suffix(".png")
        with output_file(picture) as file:
            plot_forecasts(examples(series, forecast, horizon)).savefig(file, format="png", dpi=120)
        print(f"figure {picture}", file=sys.stderr)


def reading_options(artifacts: Mapping[str, Any]) -> dict[str, Any]:
    """The options for reading a file as the training data were read."""
    known = inspect.signature(TableSeries).parameters
    options = {name: value for name, value in artifacts["reading"].items() if name in known}
    return options | {"frequency": artifacts["frequency"]}


def read_history(artifacts: Mapping[str, Any], path: Path) -> SeriesSet:
    """The series of a file, in the channels of the training data; the calendar is not yet among the covariates."""
    options = reading_options(artifacts)
    read = TableSeries(str(path), **options)()
    series_set = read if artifacts["joint"] else read.separate()
    return series_set if options.get("id") else series_set.identified(artifacts["scaler"]["names"])


def extend(
    series_set: SeriesSet,
    artifacts: Mapping[str, Any],
    horizon: int,
    future: Path | None,
    needed: int | None = None,
) -> SeriesSet:
    """The same series with `horizon` steps of missing values behind them, and all covariates that are known.

    Args:
        series_set: the history.
        artifacts: of the trained task.
        horizon: the steps ahead.
        future: the file of known covariates.
        needed: of how many of these steps the file must have the covariates; None for all. The last row that it has is
            repeated for the others.

    Raises:
        UserError: covariates of the future are needed and not given, or do not follow the history.
    """
    ahead = _future_covariates(series_set, artifacts, horizon, future, needed or horizon)
    frequency = artifacts["frequency"] or series_set.frequency
    extended = []
    for place, series in enumerate(series_set):
        if not len(series):
            raise UserError(
                f"{series_set.description}: the series {series.name} has no step to forecast from"
            )
        if frequency is None:
            times = np.arange(len(series), len(series) + horizon) + series.times[0]
        else:
            last = pd.Timestamp(series.times[-1])
            try:
                times = time_range(last, frequency, periods=horizon + 2)
            except (ValueError, OverflowError) as error:
                raise UserError(
                    f"{horizon} steps of {frequency} from {last} on lead beyond the years that a date can have; give a "
                    "smaller --horizon"
                ) from error
            times = times[times > last][:horizon].to_numpy()
        gap = np.full((horizon, series.values.shape[1]), np.nan)
        held = np.repeat(series.past[-1:], horizon, axis=0)
        extended.append(
            Series(
                series.name,
                np.concatenate([series.values, gap]),
                np.concatenate([series.times, times]),
                np.concatenate([series.past, held]),
                np.concatenate([series.known, ahead[place]]),
            )
        )
    return with_calendar(
        replace(series_set, series=tuple(extended), frequency=frequency), artifacts["calendar"]
    )


def _future_covariates(
    series_set: SeriesSet, artifacts: Mapping[str, Any], horizon: int, future: Path | None, needed: int
) -> list[np.ndarray]:
    """The known covariates ahead of each series; static ones are those of its history."""
    options = reading_options(artifacts)
    known = list(options["known"])
    constant = [series.known[-1, len(known) :] for series in series_set]
    if not known:
        return [np.tile(values, (horizon, 1)) for values in constant]
    if future is None:
        raise UserError(
            f"this model needs the covariates {', '.join(known)} of the steps ahead; give --future FILE with them"
        )
    source = TableSeries(str(future), **options)
    table, parsed = source.read_rows(future)
    table.find_format([(name, "data.known") for name in known])
    numbers = np.stack([table.numbers(name, "data.known") for name in known], 1)
    ids = series_names(table, source.id).to_numpy() if source.id else None
    times = None if parsed is None else parsed.times.to_numpy()
    ahead = []
    for series, values in zip(series_set, constant, strict=True):
        rows = np.arange(len(numbers)) if ids is None else np.flatnonzero(ids == series.name)
        if times is not None:
            rows = rows[times[rows] > series.times[-1]]
        if len(rows) < needed or np.isnan(numbers[rows[:needed]]).any():
            raise UserError(
                f"{future}: {len(rows)} rows follow the history of {series.name}, but this forecast reads covariates "
                f"of {needed} steps ahead; give a row for each, with {', '.join(known)} filled in"
            )
        places = rows[np.minimum(np.arange(horizon), len(rows) - 1)]
        ahead.append(np.concatenate([forward_fill(numbers[places]), np.tile(values, (horizon, 1))], 1))
    return ahead


@torch.no_grad()
def roll(task: Forecasting, series_set: SeriesSet, horizon: int) -> Forecast:
    """The forecasts of the last `horizon` steps of every series, piece by piece of the trained horizon."""
    artifacts = task.artifacts
    sizes, scaler = artifacts["input_sizes"], scaler_from_state(artifacts["scaler"])
    pieces: list[Forecast] = []
    adapted: list[Tensor | None] = []
    for start in range(0, horizon, sizes["horizon"]):
        steps = min(sizes["horizon"], horizon - start)
        store = SeriesStore(series_set, scaler, artifacts["indicator"])
        origins = store.lengths - horizon + start
        parts = []
        for lanes in np.split(np.arange(len(series_set)), range(_BATCH_SIZE, len(series_set), _BATCH_SIZE)):
            if start == 0:
                adapted.append(recent_offsets(task, store, lanes, origins[lanes]))
            window = _window(store, lanes, origins[lanes], artifacts)
            parts.append(task.forecast(window, adapted[len(parts)]))
        piece = Forecast(*(torch.cat(batches, dim=-2) for batches in zip(*parts, strict=True)))
        pieces.append(Forecast(piece.point[:steps], piece.quantiles[:, :steps]))
        series_set = _with_values(series_set, origins, pieces[-1].point.double().cpu().numpy())
    return Forecast(
        torch.cat([piece.point for piece in pieces]), torch.cat([piece.quantiles for piece in pieces], dim=1)
    )


def recent_offsets(
    task: Forecasting,
    store: SeriesStore,
    lanes: Integer[np.ndarray, " B"],
    origins: Integer[np.ndarray, " B"],
) -> Float[Tensor, "pairs S B C"] | None:
    """The offsets of the forecasts from these origins, adapted to those from the origins before them in the history.

    They begin with the offsets of the validation part `RECENT` horizons earlier; None without an adaptation.
    """
    adaptation = task.calibration.adaptation()
    if adaptation is None:
        return None
    artifacts, sizes = task.artifacts, task.artifacts["input_sizes"]
    whole = sizes["look_back"] + (artifacts["season"] if artifacts["normalisation"] == "seasonal" else 0)
    found = []
    for lane, origin in zip(lanes.tolist(), origins.tolist(), strict=True):
        earlier = np.arange(min(max(whole, origin - RECENT * sizes["horizon"]), origin), origin + 1)
        for part in np.split(earlier, range(_BATCH_SIZE, len(earlier), _BATCH_SIZE)):
            cut = _cut(store, np.full_like(part, lane), part, artifacts)
            scores = task.scores(cut.window, cut.targets).masked_fill(~cut.mask, torch.nan)
            places = torch.full(
                (len(part),), lane
            )  # several series that training did not have share a number
            offsets = adaptation.follow(places, torch.from_numpy(part), scores)
        found.append(offsets[:, :, -1])
    return torch.stack(found, dim=2)


def _window(
    store: SeriesStore, lanes: np.ndarray, origins: np.ndarray, artifacts: Mapping[str, Any]
) -> Window:
    """The windows of the trained horizon at these origins, of which all but the asked steps are cut off later."""
    return _cut(store, lanes, origins, artifacts).window


def _cut(store: SeriesStore, lanes: np.ndarray, origins: np.ndarray, artifacts: Mapping[str, Any]) -> Cut:
    sizes = artifacts["input_sizes"]
    level = (artifacts["normalisation"], artifacts["season"])
    return store.cut(lanes, origins, sizes["look_back"], sizes["horizon"], *level)


def _shortened(series_set: SeriesSet, steps: int) -> SeriesSet:
    """The series without their last steps."""
    parts = ("values", "times", "past", "known")
    kept = (
        replace(series, **{part: getattr(series, part)[: len(series) - steps] for part in parts})
        for series in series_set
    )
    return replace(series_set, series=tuple(kept))


def _with_values(series_set: SeriesSet, origins: np.ndarray, point: np.ndarray) -> SeriesSet:
    """The series with point forecasts `[S, n, C]` written in from their origins on."""
    written = []
    for place, series in enumerate(series_set):
        values = series.values.copy()
        values[origins[place] : origins[place] + len(point)] = point[:, place]
        written.append(replace(series, values=values))
    return replace(series_set, series=tuple(written))


def examples(series_set: SeriesSet, forecast: Forecast, horizon: int, count: int = 6) -> list[Example]:
    """The first forecasts, to be drawn."""
    point, quantiles = forecast.point.cpu().numpy(), forecast.quantiles.cpu().numpy()
    return [
        Example(
            title=f"{series.name} after {str(series.times[-horizon - 1])[:16]}",
            history=series.values[-4 * horizon : -horizon, 0],
            point=point[:, place, 0],
            intervals={95: quantiles[[0, -1], :, place, 0], 80: quantiles[[1, -2], :, place, 0]},
        )
        for place, series in enumerate(series_set.series[:count])
    ]
