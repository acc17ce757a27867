"""Series of a table, wide (a column a series) or long (`id, time, value`), and their data module."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from throughtime.data.series.data import SeriesData
from throughtime.data.series.series import Series, SeriesSet, SeriesSource
from throughtime.data.series.table import Table
from throughtime.data.series.time_grid import infer_frequency, parse_times, place_on_grid, sort_rows
from throughtime.errors import UserError, check_choice

ColumnNames = Sequence[str] | str | None


def check_time_format(time_format: str | None) -> None:
    """Raise `UserError` for a directive that Python's times do not have, such as %Q."""
    if time_format is None or "%" not in time_format:
        return
    try:
        datetime.strptime("", time_format)
    except (ValueError, re.error) as error:
        if isinstance(error, ValueError) and "does not match" in str(error):
            return
        raise UserError(
            f"data.time_format={time_format} is no format of times ({error}); give one such as '%d.%m.%Y %H:%M'"
        ) from error


class TableSeries(SeriesSource):
    """Reads series of equal steps; rows that are missing on the grid of times become missing values.

    Missing covariates are an error: they are inputs, which no mask can leave out.

    Args:
        path: a CSV or Parquet file.
        time: the column of times, or several (year, month, day, hour); None where rows are steps.
        id: the column that names the series of a row (a long table); None for a wide one.
        values: the columns that are forecast; None for all that have no other use.
        known, past, static: covariates known for the future, up to the present only, and constant in a series.
        separator, decimal, missing: as `Table`.
        time_format, frequency: of the times; None to find out.
        sort: whether rows out of order are sorted by time.
        duplicates: `error`, or which row of one time is kept, `first` or `last`.

    Raises:
        UserError: whatever is wrong with the file, by line and column.
    """

    def __init__(
        self,
        path: str,
        time: ColumnNames = None,
        id: str | None = None,
        values: ColumnNames = None,
        known: ColumnNames = None,
        past: ColumnNames = None,
        static: ColumnNames = None,
        separator: str | None = None,
        decimal: str = ".",
        missing: Sequence[float | int] | float | int | None = None,
        time_format: str | None = None,
        frequency: str | None = None,
        sort: bool = False,
        duplicates: str = "error",
    ) -> None:
        check_choice(("error", "first", "last"), **{"data.duplicates": duplicates})
        check_choice((".", ","), **{"data.decimal": decimal})
        check_time_format(time_format)
        self.path = Path(path).expanduser()
        self.time, self.id = column_names(time), id
        self.values, self.known = column_names(values), column_names(known)
        self.past, self.static = column_names(past), column_names(static)
        self.separator, self.decimal = separator, decimal
        self.missing = (
            () if missing is None else (missing,) if isinstance(missing, int | float) else tuple(missing)
        )
        self.time_format, self.frequency = time_format, frequency
        self.sort, self.duplicates = sort, duplicates

    def __call__(self) -> SeriesSet:
        table = Table(self.path, self.separator, self.decimal, self.missing)
        times = parse_times(table, self.time, self.time_format) if self.time else None
        channels = self.values or self._remaining(table)
        columns = {"values": channels, "past": self.past, "known": (*self.known, *self.static)}
        numbers = {
            use: np.stack([table.numbers(name, f"data.{use}") for name in names], 1) if names else None
            for use, names in columns.items()
        }
        series, frequency = [], self.frequency
        for name, rows in self._rows(table, channels):
            where = str(self.path) if self.id is None else f"{self.path}, {self.id} {name}"
            if times is not None:
                rows = sort_rows(times, rows, where, self.sort, self.duplicates)
                frequency = frequency or infer_frequency(times.iloc[rows], where)
            series.append(self._series(name, rows, numbers, times, frequency, where))
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return SeriesSet(
            tuple(series),
            tuple(channels),
            self.past,
            (*self.known, *self.static),
            frequency,
            self.path.name,
            {"path": str(self.path), "sha256": digest},
        )

    def reading(self) -> dict[str, Any]:
        """The arguments that read another file in the same way, in plain containers."""
        names = {use: list(getattr(self, use)) for use in ("time", "values", "known", "past", "static")}
        cells = {"separator": self.separator, "decimal": self.decimal, "missing": list(self.missing)}
        times = {"time_format": self.time_format, "frequency": self.frequency}
        return names | cells | times | {"id": self.id, "sort": self.sort, "duplicates": self.duplicates}

    def _remaining(self, table: Table) -> tuple[str, ...]:
        used = {*self.time, *self.known, *self.past, *self.static, self.id}
        remaining = tuple(name for name in table.columns if name not in used)
        if not remaining:
            raise UserError(f"{self.path} has no column left to forecast; name some in data.values")
        return remaining

    def _rows(self, table: Table, channels: Sequence[str]) -> list[tuple[str, np.ndarray]]:
        if self.id is None:
            name = channels[0] if len(channels) == 1 else self.path.stem
            return [(name, np.arange(len(table.cells)))]
        ids = table.column(self.id, "data.id").astype(str).str.strip()
        return [(name, np.flatnonzero(ids == name)) for name in ids.unique()]

    def _series(
        self,
        name: str,
        rows: np.ndarray,
        numbers: dict[str, np.ndarray | None],
        times: pd.Series | None,
        frequency: str | None,
        where: str,
    ) -> Series:
        if times is None:
            grid, places = np.arange(len(rows)), np.arange(len(rows))
        else:
            grid, places = place_on_grid(times.iloc[rows], frequency, where)
        parts = {}
        for use, columns in numbers.items():
            width = 0 if columns is None else columns.shape[1]
            parts[use] = np.full((len(grid), width), np.nan)
            if width:
                parts[use][places] = columns[rows]
        for use in ("past", "known"):
            gaps = np.isnan(parts[use]).any(1)
            if gaps.any():
                raise UserError(
                    f"{where}: a covariate of data.{use} is missing at {grid[int(gaps.argmax())]}; fill it or leave it"
                )
        return Series(name, parts["values"], grid, parts["past"], parts["known"])


class TableData(SeriesData):
    """The data of a CSV or Parquet file.

    Args:
        path, time, id, values, known, past, static: the file and its columns, as in `TableSeries`.
        separator, decimal, missing, time_format, frequency, sort, duplicates: as in `TableSeries`.
        options: the arguments of `SeriesData` without its source.
    """

    def __init__(
        self,
        path: str,
        time: Sequence[str] | str | None = None,
        id: str | None = None,
        values: Sequence[str] | str | None = None,
        known: Sequence[str] | str | None = None,
        past: Sequence[str] | str | None = None,
        static: Sequence[str] | str | None = None,
        separator: str | None = None,
        decimal: str = ".",
        missing: Sequence[float | int] | float | int | None = None,
        time_format: str | None = None,
        frequency: str | None = None,
        sort: bool = False,
        duplicates: str = "error",
        **options: Any,
    ) -> None:
        columns = {"time": time, "id": id, "values": values, "known": known, "past": past, "static": static}
        cells = {"separator": separator, "decimal": decimal, "missing": missing}
        times = {"time_format": time_format, "frequency": frequency, "sort": sort, "duplicates": duplicates}
        self._table = TableSeries(path, **columns, **cells, **times)
        super().__init__(self._table, **options)

    def paths(self) -> dict[str, str | None]:
        return {"data.path": str(self._table.path)}

    def _reading(self) -> dict[str, Any]:
        return self._table.reading() | {"values": super()._reading()["values"]}


def column_names(names: ColumnNames) -> tuple[str, ...]:
    """Column names as a tuple, however a configuration gives them."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)
