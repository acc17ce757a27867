"""Series of a table, wide (a column a series) or long (`id, time, value`), and their data module."""

import hashlib
import inspect
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from throughtime.data.series.calendar import local_times
from throughtime.data.series.data import SeriesData
from throughtime.data.series.number_format import NumberFormat
from throughtime.data.series.series import Series, SeriesSet, SeriesSource
from throughtime.data.series.table import Table
from throughtime.data.series.time_grid import infer_frequency, place_on_grid, sort_rows
from throughtime.data.series.time_parser import ParsedTimes, parse_times
from throughtime.errors import UserError, check_choice

ColumnNames = Sequence[str | int] | str | int | None


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
        time: the column of times, or several (year, month, day, hour; date and time of day); None where rows are steps.
        id: the column or columns that name the series of a row (a long table); None for a wide one.
        values: the columns that are forecast; None for all that have no other use.
        known, past, static: covariates known for the future, up to the present only, and constant in a series.
        separator, decimal, thousands, missing: as `Table`.
        encoding, skip_rows, units_rows, skip_footer, comment, header: as `Table`.
        time_format, time_zone: as `parse_times`.
        frequency: as `time_range`; None to find out.
        sort: whether rows out of order are sorted by time.
        duplicates: `error`, or which row of one time is kept, `first` or `last`.
        hint: what another file's reading found (`reading`), which decides where this file does not.

    Raises:
        UserError: whatever is wrong with the file, by line and column.
    """

    def __init__(
        self,
        path: str,
        time: ColumnNames = None,
        id: ColumnNames = None,
        values: ColumnNames = None,
        known: ColumnNames = None,
        past: ColumnNames = None,
        static: ColumnNames = None,
        separator: str | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        missing: Sequence[float | int | str] | float | int | str | None = None,
        encoding: str | None = None,
        skip_rows: int = 0,
        units_rows: int = 0,
        skip_footer: int = 0,
        comment: str | None = None,
        header: bool | None = None,
        time_format: str | None = None,
        time_zone: str | None = None,
        frequency: str | None = None,
        sort: bool = False,
        duplicates: str = "error",
        hint: Mapping[str, Any] | None = None,
    ) -> None:
        check_choice(("error", "first", "last"), **{"data.duplicates": duplicates})
        check_marks(decimal, thousands)
        for name, count in {
            "skip_rows": skip_rows,
            "units_rows": units_rows,
            "skip_footer": skip_footer,
        }.items():
            if not isinstance(count, int) or count < 0:
                raise UserError(f"data.{name}={count} must be a number of lines, 0 or more")
        check_time_format(time_format)
        self.path = Path(os.path.expanduser(path))
        self.time, self.id = column_names(time), column_names(id)
        self.values, self.known = column_names(values), column_names(known)
        self.past, self.static = column_names(past), column_names(static)
        missing = () if missing is None else (missing,) if isinstance(missing, int | float | str) else missing
        self.cells: dict[str, Any] = {
            "separator": separator,
            "decimal": decimal,
            "thousands": thousands,
            "missing": list(missing),
            "encoding": encoding,
            "skip_rows": skip_rows,
            "units_rows": units_rows,
            "skip_footer": skip_footer,
            "comment": comment,
            "header": header,
        }
        self.time_format, self.time_zone, self.frequency = time_format, time_zone, frequency
        self.sort, self.duplicates = sort, duplicates
        self.hint: dict[str, Any] = dict(hint or {})

    def __call__(self) -> SeriesSet:
        table, parsed = self.read_rows(self.path)
        times = None if parsed is None else parsed.times
        channels = self.values or self._remaining(table)
        columns = {"values": channels, "past": self.past, "known": (*self.known, *self.static)}
        form = table.find_format([(name, f"data.{use}") for use, names in columns.items() for name in names])
        for name in self.values:
            if not table.has_values(name, "data.values"):
                raise UserError(f"{self.path}: the column {name} has no value; leave it out of data.values")
        numbers = {
            use: np.stack([table.numbers(name, f"data.{use}") for name in names], 1) if names else None
            for use, names in columns.items()
        }
        self.hint |= {"decimal": form.decimal, "thousands": form.thousands}
        if parsed is not None and parsed.time_format is not None:
            self.hint["time_format"] = parsed.time_format
        groups = []
        for name, rows in self._rows(table, channels):
            where = str(self.path) if not self.id else f"{self.path}, {'/'.join(self.id)} {name}"
            if times is not None:
                rows = sort_rows(times, rows, where, self.sort, self.duplicates)
            groups.append((name, rows, where))
        frequency = self.frequency
        if times is not None and frequency is None:
            _, longest, where = max(groups, key=lambda group: len(group[1]))
            frequency = infer_frequency(times.iloc[longest], where)
        series = tuple(
            self._series(name, rows, numbers, times, frequency, where) for name, rows, where in groups
        )
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
        return SeriesSet(
            series,
            tuple(channels),
            self.past,
            (*self.known, *self.static),
            frequency,
            self.path.name,
            {"path": str(self.path), "sha256": digest},
            None if parsed is None else parsed.zone,
            (*_describe(series, channels, frequency, parsed), *table.notes),
        )

    def read_rows(self, path: Path) -> tuple[Table, ParsedTimes | None]:
        """The table of a file and its times, without blank rows."""
        form = NumberFormat(self.hint["decimal"], self.hint["thousands"]) if "decimal" in self.hint else None
        table = Table(path, **self.cells, hint=form)
        if not self.time:
            return table, None
        blank = table.is_blank()
        if blank.any():
            table.select(~blank)
            table.notes.append(f"{int(blank.sum())} blank rows left out")
        return table, parse_times(
            table, self.time, self.time_format, self.time_zone, self.hint.get("time_format")
        )

    def reading(self) -> dict[str, Any]:
        """The arguments that read another file in the same way, in plain containers."""
        names = {use: list(getattr(self, use)) for use in ("time", "id", "values", "known", "past", "static")}
        times = {name: getattr(self, name) for name in ("time_format", "time_zone", "frequency")}
        return (
            names
            | self.cells
            | times
            | {
                "sort": self.sort,
                "duplicates": self.duplicates,
                "hint": dict(self.hint),
            }
        )

    def _remaining(self, table: Table) -> tuple[str, ...]:
        used = {*self.time, *self.id, *self.known, *self.past, *self.static}
        remaining = [name for name in table.columns if name not in used]
        empty = [name for name in remaining if not table.has_values(name, "data.values")]
        if empty:
            table.notes.append(f"without any value and left out: {', '.join(empty)}")
        remaining = [name for name in remaining if name not in empty]
        counting = [name for name in remaining if not self.time and not self.id and table.counts_rows(name)]
        if counting and len(remaining) > 1:
            table.notes.append(
                f"{counting[0]} only counts the rows (name the others in data.values to leave it out)"
            )
        if not remaining:
            raise UserError(f"{self.path} has no column left to forecast; name some in data.values")
        return tuple(remaining)

    def _rows(self, table: Table, channels: Sequence[str]) -> list[tuple[str, np.ndarray]]:
        if not self.id:
            name = channels[0] if len(channels) == 1 else self.path.stem
            return [(name, np.arange(len(table.cells)))]
        codes, names = pd.factorize(series_names(table, self.id))
        order = np.argsort(codes, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(codes))[:-1])
        return [(str(name), rows) for name, rows in zip(names, groups, strict=True)]

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
            grid, places = place_on_grid(times.iloc[rows], frequency, where, self.frequency is not None)
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
        path: the file.
        settings: the arguments of `TableSeries`, apart from its hint, and those of `SeriesData`, apart from its source.
    """

    def __init__(self, path: str, **settings: Any) -> None:
        reading = {name: settings.pop(name) for name in _READING if name in settings}
        self._table = TableSeries(path, **reading)
        super().__init__(self._table, **settings)

    def paths(self) -> dict[str, str | None]:
        return {"data.path": str(self._table.path)}

    def _reading(self) -> dict[str, Any]:
        return self._table.reading() | {"values": super()._reading()["values"]}


def _parameters(kind: type, without: str) -> dict[str, inspect.Parameter]:
    return {name: one for name, one in inspect.signature(kind).parameters.items() if name != without}


_READING = _parameters(TableSeries, without="hint")
TableData.__signature__ = inspect.Signature(
    [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) if name != "path" else parameter
        for name, parameter in (_READING | _parameters(SeriesData, without="source")).items()
    ]
)  # the arguments by name, for a configuration and for `help`


def column_names(names: ColumnNames) -> tuple[str, ...]:
    """Column names as a tuple, however a configuration gives them."""
    if names is None:
        return ()
    listed = (names,) if isinstance(names, str | int | float) else names
    return tuple(str(name).strip() for name in listed)


def series_names(table: Table, columns: Sequence[str]) -> pd.Series:
    """The name of each row's series: the cells of these columns, with `/` between them."""
    texts = [table.text(name, "data.id") for name in columns]
    for name, text in zip(columns, texts, strict=True):
        blank = (text == "").to_numpy()
        if blank.any():
            row = int(blank.argmax())
            raise UserError(
                f"{table.path}, {table.line(row)}, column {name}: the name of the series is blank"
            )
    names = texts[0]
    for more in texts[1:]:
        names = names + "/" + more
    return names


def check_marks(decimal: str | None, thousands: str | None) -> None:
    """Raise `UserError` unless the marks are such as numbers have, and differ."""
    if decimal is not None and decimal not in (".", ","):
        raise UserError(f"data.decimal={decimal} is not known; write a point or a comma")
    if thousands is not None and thousands not in (".", ",", " ", "'", "_"):
        raise UserError(f"data.thousands={thousands} is not known; write a point, a comma, a blank, ' or _")
    if thousands is not None and thousands == decimal:
        raise UserError(f"data.thousands and data.decimal are both {decimal}; they must differ")


def _describe(
    series: Sequence[Series], channels: Sequence[str], frequency: str | None, parsed: ParsedTimes | None
) -> Iterator[str]:
    """Columns, first time, last time, step, missing values and how times were read."""
    shown = ", ".join(channels[:6]) + (", …" if len(channels) > 6 else "")
    yield f"columns {shown}"
    steps = sum(len(one) for one in series)
    missing = sum(int(np.isnan(one.values).sum()) for one in series)
    share = missing / max(steps * len(channels), 1)
    lacking = (
        f"{missing:,} of {steps * len(channels):,} values missing ({share:.1%})"
        if missing
        else "none missing"
    )
    if parsed is None:
        yield f"{steps:,} steps without times, {lacking}"
        return
    first, last = min(one.times[0] for one in series), max(one.times[-1] for one in series)
    ends = local_times(np.array([first, last]), parsed.zone)
    zone = f" ({parsed.zone})" if parsed.zone else ""
    between = " to ".join(_short(pd.Timestamp(time)) for time in ends)
    yield f"{between}{zone} in steps of {frequency}, times {parsed.how}, {steps:,} steps, {lacking}"


def _short(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d}" if time == time.normalize() else str(time)
