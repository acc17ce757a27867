"""The data of forecasting out of a file, with all settings side by side (`data=csv`)."""

from collections.abc import Sequence
from typing import Any

from throughtime.data.series.data import SeriesData
from throughtime.data.series.table_series import TableSeries


class TableData(SeriesData):
    """Series of a CSV or Parquet file: the arguments of `TableSeries`, and as options those of `SeriesData`."""

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
        super().__init__(TableSeries(path, **columns, **cells, **times), **options)
