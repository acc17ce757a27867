"""Grid of times: in order, without duplicates, in equal steps."""

import re

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from throughtime.data.series.table import row_label
from throughtime.errors import UserError

LARGEST_GRID = 50_000_000
"""The most steps of one series."""

MOSTLY_EMPTY = 1 / 3
"""A grid with a smaller part of its steps filled is refused where the frequency was found out."""

NEARLY_EMPTY = 0.01
"""A grid with a smaller part of its steps filled is always refused."""

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ON_DAY = re.compile(r"(.*[MQY]S(?:-[A-Z]{3})?)-(\d{1,2})")


def sort_rows(
    times: pd.Series, rows: Int[np.ndarray, " n"], where: str, sort: bool, duplicates: str
) -> np.ndarray:
    """The rows of one series in the order of their times, each time once.

    Args:
        times: of the whole table, labelled by line.
        rows: of one series.
        where: the file and the series, for error messages.
        sort: whether rows out of order are sorted.
        duplicates: `error`, or which of the rows of one time is kept, `first` or `last`.

    Raises:
        UserError: rows out of order or duplicate times, which the settings do not allow.
    """
    chosen = times.iloc[rows]
    if not chosen.is_monotonic_increasing:
        if not sort:
            steps = np.diff(chosen.to_numpy())
            row = int((steps < np.zeros(1, steps.dtype)).argmax()) + 1
            raise UserError(
                f"{where}, {row_label(chosen.index, row)}: the times are not in order ({chosen.iloc[row]} after "
                f"{chosen.iloc[row - 1]}); set data.sort=true to sort them"
            )
        rows = rows[np.argsort(chosen.to_numpy(), kind="stable")]
        chosen = times.iloc[rows]
    repeated = chosen.duplicated(keep=False if duplicates == "error" else duplicates).to_numpy()
    if repeated.any() and duplicates == "error":
        place = int(repeated.argmax())
        raise UserError(
            f"{where}, {row_label(chosen.index, place)}: the time {chosen.iloc[place]} stands there twice; set "
            "data.duplicates=first or last, data.id if the column of a series' name is missing, or data.time_zone "
            "(such as Europe/Berlin) if a clock was set back"
        )
    return rows[~repeated]


def infer_frequency(times: pd.Series, where: str) -> str:
    """The step of a series of times, as `time_range` takes it: by its calendar, or else the commonest difference.

    Raises:
        UserError: there are too few times to find it.
    """
    if len(times) < 3:
        raise UserError(
            f"{where}: {len(times)} times are too few to tell their frequency; set data.frequency"
        )
    commonest = times.diff().dropna().mode().iloc[0]
    if commonest >= pd.Timedelta(days=28) and (found := _calendar_frequency(pd.DatetimeIndex(times))):
        return found
    if commonest == pd.Timedelta(days=1) and len(times) > 7 and (times.dt.day_of_week < 5).all():
        return "B"
    if commonest % pd.Timedelta(days=1) == pd.Timedelta(0):
        return f"{commonest.days}D" if commonest.days > 1 else "D"
    return pd.tseries.frequencies.to_offset(commonest).freqstr


def _calendar_frequency(times: pd.DatetimeIndex) -> str | None:
    """Steps of whole months that begin, end or lie on the same day of their month; None if these are none."""
    count = times.year.to_numpy() * 12 + times.month.to_numpy() - 1
    steps = np.diff(count)
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[counts.argmax()])
    days, length = times.day.to_numpy(), times.days_in_month.to_numpy()
    weekday_of_first = (times.day_of_week.to_numpy() - (days - 1)) % 7
    weekday_of_last = (weekday_of_first + length - 1) % 7
    kinds = {
        "S": days == 1,
        "E": days == length,
        "BS": days == 1 + np.where(weekday_of_first > 4, 7 - weekday_of_first, 0),
        "BE": days == length - np.maximum(weekday_of_last - 4, 0),
        "on": days == np.minimum(days.max(), length),
    }
    kind = next((name for name, holds in kinds.items() if holds.all()), None)
    if kind is None or step < 1 or (steps % step).any():
        return None
    business, side = ("B" if kind.startswith("B") else ""), ("E" if kind.endswith("E") else "S")
    month = int(times.month[0])
    if step % 12 == 0:
        default = 12 if side == "E" else 1
        anchor = "" if month == default else f"-{_MONTHS[month - 1]}"
        name = f"{step // 12 if step > 12 else ''}{business}Y{side}{anchor}"
    elif step == 3:
        place = (
            month - 1
        ) % 3  # of a quarter's start among the first three months; of its end among the last
        default = 2 if side == "E" else 0
        anchor = "" if place == default else f"-{_MONTHS[place]}"
        name = f"{business}Q{side}{anchor}"
    else:
        name = f"{step if step > 1 else ''}{business}M{side}"
    return f"{name}-{days.max()}" if kind == "on" else name


def time_range(
    first: pd.Timestamp, frequency: str, last: pd.Timestamp | None = None, periods: int | None = None
) -> pd.DatetimeIndex:
    """The times from `first` in steps of `frequency`, until `last` or `periods` in number.

    Args:
        first: where they begin.
        frequency: as pandas writes it; `MS-15`, `QS-FEB-15` and `YS-JUN-15` are steps of months, quarters and years
            that lie on the 15th, or on the last day of a shorter month.
        last: where they end at the latest.
        periods: how many.

    Raises:
        ValueError: pandas does not know the frequency.
    """
    on_day = _ON_DAY.fullmatch(frequency)
    if on_day is None:
        return pd.date_range(first, last, periods=periods, freq=frequency, unit="us")
    day = int(on_day.group(2))
    if not 1 <= day <= 31:
        raise ValueError(f"day {day} of a month")
    start = first.replace(day=1)
    starts = pd.date_range(start, last, periods=periods, freq=on_day.group(1), unit="us")
    times = starts + pd.to_timedelta(np.minimum(day, starts.days_in_month) - 1, unit="D")
    return times if last is None else times[times <= last]


def place_on_grid(
    times: pd.Series, frequency: str, where: str, given: bool = False
) -> tuple[Shaped[np.ndarray, " N"], Int[np.ndarray, " n"]]:
    """The grid from the first time to the last, and the place of every time on it; what lies between is missing.

    Args:
        times: in order, labelled by line.
        frequency: as `time_range` takes it.
        where: the file and the series, for error messages.
        given: whether the user gave the frequency, and so accepts a grid with large gaps.

    Raises:
        UserError: the frequency is unknown, a time lies between two steps of the grid, or hardly any step has a row.
    """
    first, last = times.iloc[0], times.iloc[-1]
    try:
        second = time_range(first, frequency, periods=2)
        if not second[-1] > second[0]:
            raise ValueError(f"steps of {frequency}")
        steps = (last - first) / max(second[-1] - second[0], pd.Timedelta("1us")) + 1
        if steps > LARGEST_GRID:
            raise UserError(_empty_grid(times, frequency, where, int(steps)))
        grid = time_range(first, frequency, last)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"data.frequency={frequency} is not known to pandas; write for example h, 30min, D or MS"
        ) from error
    places = grid.get_indexer(pd.DatetimeIndex(times))
    if (places < 0).any():
        row = int((places < 0).argmax())
        raise UserError(
            f"{where}, {row_label(times.index, row)}: the time {times.iloc[row]} is not on the grid of "
            f"{frequency} steps that begins at {first}; set data.frequency to the step of your "
            "data (such as h, D, ME or MS-15)"
        )
    filled = len(places) / len(grid)
    neighbours = bool((np.diff(places) == 1).any())
    if filled < NEARLY_EMPTY or (filled < MOSTLY_EMPTY and not (given and neighbours)):
        raise UserError(_empty_grid(times, frequency, where, len(grid)))
    return grid.to_numpy(), places


def _empty_grid(times: pd.Series, frequency: str, where: str, steps: int) -> str:
    gaps = times.diff().to_numpy()[1:]
    row = int(gaps.argmax()) + 1
    return (
        f"{where}: only {len(times):,} of {steps:,} steps of {frequency}, from {times.iloc[0]} to {times.iloc[-1]}, "
        f"have a row (the largest gap lies before {row_label(times.index, row)}, {times.iloc[row]}); put that time "
        "right, set data.frequency to the step of your data, or data.time=null if each row is a step"
    )
