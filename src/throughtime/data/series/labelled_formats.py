"""File formats of labelled series: .ts and .tsv of the UCR and UEA archives, and long tables with a row a step."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from throughtime.data.series.table import Table
from throughtime.errors import UserError

TABLES = (".csv", ".csv.gz", ".parquet")
FORMATS = (".ts", ".tsv", *TABLES)

MISSING = ("?", "nan")
"""Values that are missing, in lower case."""

ID_NAMES = ("id", "case", "case_id", "sequence", "series", "instance")
TIME_NAMES = ("time", "t", "step", "timestamp", "date", "datetime")
LABEL_NAMES = ("label", "class", "target", "y")


class Case(NamedTuple):
    """One labelled series as it was read.

    Attributes:
        values: [n, F], NaN where a value is missing.
        label: its class, or None.
        name: of its file and its line or its id.
        place: the same in words, for messages.
        group: the speaker, patient, … where the file says it.
    """

    values: Float[np.ndarray, "n F"]
    label: str | None
    name: str
    place: str
    group: str | None = None


class Columns(NamedTuple):
    """The columns of a long table by their names; None to find them.

    Attributes:
        id: which series a row belongs to.
        time: by which the rows of a series are ordered; where there is none, they are in the order of the file.
        label: the class, the same in all rows of a series.
        group: of the series; None for none.
        channels: the values; all other columns.
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None
    group: str | None = None
    channels: Sequence[str] | None = None


def read_ts(file: Path, labelled: bool) -> Iterator[Case]:
    """The series of a .ts file (the format of the UEA archive: Bagnall et al. 2018, arXiv 1811.00075).

    A header of @-lines ends with `@data`; then a line is a series: channels with `:` between them, each with commas
    between its values, and last the class. Channels of one series are equally long; series need not be.

    Raises:
        UserError: a line that is not so; it names the file and the line.
    """
    header: dict[str, list[str]] = {}
    settings: _TsHeader | None = None
    found = False
    for line, text in _lines(file):
        place = f"{file}, line {line}"
        if settings is not None or not text.startswith("@"):
            if settings is None:
                raise UserError(f"{place} has values, but no line @data stands above it")
            found = True
            yield _ts_case(text, settings, place, f"{file}:{line}")
            continue
        key, _, values = text[1:].partition(" ")
        if key.strip().lower() == "data":
            settings = _TsHeader(header, str(file), labelled)
        else:
            header[key.strip().lower()] = values.split()
    if settings is None:
        raise UserError(f"{file} has no line @data; a .ts file has a header of @-lines, which ends with it")
    if not found:
        raise UserError(f"{file} has no series below its line @data")


class _TsHeader:
    """The settings of a .ts file's header that decide how its lines are read."""

    def __init__(self, header: dict[str, list[str]], file: str, labelled: bool) -> None:
        def is_true(key: str) -> bool:
            return bool(header.get(key)) and header[key][0].lower() == "true"

        if is_true("timestamps"):
            raise UserError(
                f"{file} has @timeStamps true; give series of equal time steps without timestamps, or a CSV file with "
                "a time column"
            )
        if is_true("targetlabel"):
            raise UserError(f"{file} has @targetLabel true: its targets are numbers, not classes")
        self.has_labels = is_true("classlabel")
        if labelled and not self.has_labels:
            raise UserError(f"{file} has no @classLabel true with the names of the classes in its header")
        self.labels = frozenset(header["classlabel"][1:]) if self.has_labels else frozenset()
        self.channels = 1 if is_true("univariate") else self._number(header, "dimensions", file)
        self.length = self._number(header, "serieslength", file) if is_true("equallength") else None

    @staticmethod
    def _number(header: dict[str, list[str]], key: str, file: str) -> int | None:
        if not header.get(key):
            return None
        if not header[key][0].isdigit():
            raise UserError(f"{file}: @{key} {header[key][0]} must be a whole number")
        return int(header[key][0])


def _ts_case(text: str, header: _TsHeader, place: str, name: str) -> Case:
    """The series of one line."""
    if text.startswith("("):
        raise UserError(f"{place} has timestamps; give series of equal time steps without them")
    channels = text.split(":")
    label = None
    if header.has_labels:
        label = channels.pop().strip()
        if label in MISSING:
            label = None
        elif header.labels and label not in header.labels:
            raise UserError(
                f"{place}: the class {label[:40]!r} is not in @classLabel, which has {', '.join(sorted(header.labels))}"
            )
    if header.channels is not None and len(channels) != header.channels:
        raise UserError(
            f"{place} has {_counted(len(channels), 'channel')}, but the header says {header.channels}"
        )
    values = [
        _numbers(channel.split(","), place, f"channel {number + 1}" if len(channels) > 1 else "the series")
        for number, channel in enumerate(channels)
    ]
    lengths = [len(one) for one in values]
    for number, length in enumerate(lengths):
        if length != lengths[0]:
            raise UserError(
                f"{place}: channel {number + 1} has {_counted(length, 'value')}, but channel 1 has {lengths[0]}"
            )
    if header.length is not None and lengths[0] != header.length:
        raise UserError(
            f"{place} has {_counted(lengths[0], 'value')}, but the header says @equalLength true and "
            f"@seriesLength {header.length}"
        )
    return Case(np.stack(values, axis=1), label, name, place)


def read_tsv(file: Path) -> Iterator[Case]:
    """The series of a .tsv file (the format of the UCR archive: Dau et al. 2019, arXiv 1810.07758).

    A line is a series: its class, and its values, with tabs between them. NaN at the end fills up a shorter series; NaN
    elsewhere, or `?`, is a missing value. A class `?` is not known.

    Raises:
        UserError: a line that is not so; it names the file and the line.
    """
    found = False
    for line, text in _lines(file):
        place = f"{file}, line {line}"
        label, *cells = text.split("\t")
        if not cells:
            raise UserError(f"{place} has no tab; a line is the class and the values with tabs between them")
        values = _numbers(cells, place, "the series")
        present = np.flatnonzero(~np.isnan(values))
        if not len(present):
            raise UserError(f"{place} has no value")
        found = True
        name = _class_name(label.strip())
        yield Case(
            values[: present[-1] + 1, None], None if name in MISSING else name, f"{file}:{line}", place
        )
    if not found:
        raise UserError(f"{file} has no series")


def read_long_table(file: Path, columns: Columns, labelled: bool) -> tuple[tuple[str, ...], Iterator[Case]]:
    """The names of the channels, and the series, of a table with a row for each step of each series.

    Raises:
        UserError: a column that there is not, a cell that is no number, two rows of one time, or two classes of one
            series; it names the line.
    """
    table = Table(file)
    key = _chosen(table, columns.id, ID_NAMES, "id")
    if key is None:
        raise UserError(
            f"{file} does not say which series a row belongs to; name the column in data.source.id (it has "
            f"{', '.join(table.columns)})"
        )
    time = _chosen(table, columns.time, TIME_NAMES, "time")
    label = _chosen(table, columns.label, LABEL_NAMES, "label", required=labelled)
    if label is None and labelled:
        raise UserError(
            f"{file} does not say which column is the class; name it in data.source.label (it has "
            f"{', '.join(table.columns)})"
        )
    group = _chosen(table, columns.group, (), "group", required=labelled)
    used = (key, time, label, group)
    channels = tuple(columns.channels or (name for name in table.columns if name not in used))
    if not channels:
        raise UserError(f"{file} has no column of values besides {', '.join(filter(None, used))}")
    named = [(name, "data.source.channels") for name in channels]
    for name, where in named:
        table.column(name, where)
    try:
        table.find_format(named)
        values = np.stack([table.numbers(name, where) for name, where in named], axis=1)
    except UserError as error:
        raise UserError(
            f"{str(error).split(';')[0]}; give a number, an empty cell where it is missing, or name the columns of "
            "values in data.source.channels"
        ) from error
    return channels, _long_cases(file, table, used, values)


def _long_cases(
    file: Path, table: Table, used: tuple[str | None, ...], values: Float[np.ndarray, "N F"]
) -> Iterator[Case]:
    key, time, label, group = used
    ids = table.text(key, "data.source.id").str.strip()
    order = None if time is None else _times(file, table, time)

    def only(column: str, rows: np.ndarray, noun: str, where: str) -> str:
        cells = table.text(column, where).iloc[rows].str.strip()
        other = np.flatnonzero((cells != cells.iloc[0]).to_numpy())
        if len(other):
            row = rows[other[0]]
            raise UserError(
                f"{file}, {table.line(int(row))}: the {noun} of {ids.iloc[row]} is {cells.iloc[other[0]]}, but "
                f"{cells.iloc[0]} in {table.line(int(rows[0]))}"
            )
        return cells.iloc[0]

    for name in ids.unique():
        rows = np.flatnonzero((ids == name).to_numpy())
        if order is not None:
            rows = rows[np.argsort(order[rows], kind="stable")]
            same = np.flatnonzero(np.diff(order[rows]) == 0)
            if len(same):
                row = rows[same[0] + 1]
                raise UserError(
                    f"{file}, {table.line(int(row))}: {key} {name} has a row of this {time} already, in "
                    f"{table.line(int(rows[same[0]]))}; each step has one row"
                )
        found = None if label is None else _class_name(only(label, rows, "class", "data.source.label"))
        if found is not None and found.lower() in ("", *MISSING):
            found = None
        yield Case(
            values[rows],
            found,
            f"{file}:{name}",
            f"{file}, {key} {name}",
            None if group is None else only(group, rows, "group", "data.group"),
        )


def _chosen(
    table: Table, given: str | None, names: Sequence[str], key: str, required: bool = True
) -> str | None:
    """The name of a column: the given one, or the first of some usual names that the table has."""
    where = "data.group" if key == "group" else f"data.source.{key}"
    if given is not None:
        if required or given in table.columns:
            table.column(given, where)
            return given
        return None
    by_lower = {name.lower(): name for name in reversed(table.columns)}
    return next((by_lower[name] for name in names if name in by_lower), None)


def _times(file: Path, table: Table, name: str) -> np.ndarray:
    """The times as numbers; dates as nanoseconds."""
    text = table.text(name, "data.source.time").str.strip()
    times = pd.to_numeric(text, errors="coerce").to_numpy(np.float64)
    if np.isfinite(times).all():
        return times
    dates = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True)
    wrong = np.flatnonzero(dates.isna().to_numpy())
    if len(wrong):
        raise UserError(
            f"{file}, {table.line(int(wrong[0]))}, column {name}: {text.iloc[wrong[0]]!r} is neither a number nor a "
            "date such as 2026-11-26 08:00"
        )
    return dates.astype("int64").to_numpy()


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines with something in them, and their numbers from 1, without comments (#, %)."""
    try:
        if file.stat().st_size == 0:
            raise UserError(f"{file} is empty (0 bytes); replace it or leave it out")
        with file.open(encoding="utf-8-sig") as opened:
            for number, line in enumerate(opened, start=1):
                text = line.strip()
                if text and text[0] not in "#%":
                    yield number, text
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not text in UTF-8 ({error}); save it as UTF-8") from error
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error


def _numbers(cells: Sequence[str], place: str, what: str) -> Float[np.ndarray, " n"]:
    """Values, NaN where one is missing."""
    plain = ["nan" if cell.strip() == "?" else cell for cell in cells]
    try:
        values = np.array(plain, dtype=np.float64)
    except ValueError:
        values = None
    if values is not None and not np.isinf(values).any():
        return values
    for number, cell in enumerate(plain, start=1):
        try:
            wrong = math.isinf(float(cell))
        except ValueError:
            wrong = True
        if wrong:
            raise UserError(
                f"{place}: value {number} of {what} is {cell.strip()[:40]!r}, no finite number; a missing value is ?"
            )
    raise UserError(f"{place}: the values of {what} are no numbers")


def _class_name(text: str) -> str:
    """A class; whole numbers in their shortest form, so that 1, 1.0 and 1e+00 are one class."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
