"""Grid of times: parsed, in order, without duplicates, in equal steps."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int, Shaped

from throughtime.data.series.table import Table
from throughtime.errors import UserError


def parse_times(table: Table, columns: Sequence[str], time_format: str | None) -> pd.Series:
    """The times of all rows.

    Args:
        table: where they stand.
        columns: one column, or the columns year, month, day (and hour, minute, second) that make one time together.
        time_format: as `strptime` writes it; None to find out.

    Raises:
        UserError: a time that cannot be read, named by its line.
    """
    if len(columns) > 1:
        parts = pd.DataFrame({name.lower(): table.numbers(name, "data.time") for name in columns})
        times, shown = pd.to_datetime(parts, errors="coerce"), parts.astype(str).agg("-".join, axis=1)
    else:
        shown = table.column(columns[0], "data.time")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # pandas found no format; the error below names what it cannot read
            times = pd.to_datetime(shown, format=time_format, errors="coerce")
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise UserError(
            f"{table.path}, line {table.line(row)}, column {', '.join(columns)}: {str(shown.iloc[row])!r} is no time "
            "that can be read; set data.time_format (such as %d.%m.%Y %H:%M) or data.time"
        )
    return times


def sort_rows(
    times: pd.Series, rows: Int[np.ndarray, " n"], where: str, sort: bool, duplicates: str
) -> np.ndarray:
    """The rows of one series in the order of their times, each time once.

    Args:
        times: of the whole table.
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
            row = int(rows[int((steps < np.zeros(1, steps.dtype)).argmax()) + 1])
            raise UserError(
                f"{where}, line {Table.line(row)}: the times are not in order; set data.sort=true to sort them"
            )
        rows = rows[np.argsort(chosen.to_numpy(), kind="stable")]
        chosen = times.iloc[rows]
    repeated = chosen.duplicated(keep=False if duplicates == "error" else duplicates).to_numpy()
    if repeated.any() and duplicates == "error":
        place = int(repeated.argmax())
        raise UserError(
            f"{where}, line {Table.line(int(rows[place]))}: the time {chosen.iloc[place]} stands there twice; set "
            "data.duplicates=first or last, or data.id if the column of a series' name is missing"
        )
    return rows[~repeated]


def infer_frequency(times: pd.Series, where: str) -> str:
    """The step of a series of times, as pandas writes it: by its calendar, or else the commonest difference.

    Raises:
        UserError: there are too few times to find it.
    """
    if len(times) < 3:
        raise UserError(
            f"{where}: {len(times)} times are too few to tell their frequency; set data.frequency"
        )
    commonest = times.diff().dropna().mode().iloc[0]
    for shortest, longest, letter in ((28, 31, "M"), (90, 92, "Q"), (365, 366, "Y")):
        if pd.Timedelta(days=shortest) <= commonest <= pd.Timedelta(days=longest):
            return letter + ("S" if (times.dt.day == 1).all() else "E")
    if commonest == pd.Timedelta(days=1) and len(times) > 7 and (times.dt.day_of_week < 5).all():
        return "B"
    if commonest % pd.Timedelta(days=1) == pd.Timedelta(0):
        return f"{commonest.days}D" if commonest.days > 1 else "D"
    return pd.tseries.frequencies.to_offset(commonest).freqstr


def place_on_grid(
    times: pd.Series, frequency: str, where: str
) -> tuple[Shaped[np.ndarray, " N"], Int[np.ndarray, " n"]]:
    """The grid from the first time to the last, and the place of every time on it; what lies between is missing.

    Raises:
        UserError: the frequency is unknown, or a time lies between two steps of the grid.
    """
    try:
        grid = pd.date_range(times.iloc[0], times.iloc[-1], freq=frequency)
    except ValueError as error:
        raise UserError(
            f"data.frequency={frequency} is not known to pandas; write for example h, 30min, D or MS"
        ) from error
    places = grid.get_indexer(pd.DatetimeIndex(times))
    if (places < 0).any():
        first = times.iloc[int((places < 0).argmax())]
        raise UserError(
            f"{where}: the time {first} is not on the grid of {frequency} steps that begins at {times.iloc[0]}; "
            "set data.frequency to the step of your data"
        )
    return grid.to_numpy(), places
