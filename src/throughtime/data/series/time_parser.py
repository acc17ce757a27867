"""Times of a table: ISO 8601, day and month in either order, months, quarters, Unix times, time zones."""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from throughtime.data.series.table import Table, row_label
from throughtime.errors import UserError

UNIX_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
"""Units of Unix times, as `data.time_format` names them."""

PARTS = ("year", "month", "day", "hour", "minute", "second")
"""The names of columns that make one time together."""

_ISO = re.compile(r"\d{4}-\d{1,2}(?:-\d{1,2})?(?:[T ].*)?|\d{4}/\d{1,2}/\d{1,2}(?:[T ].*)?|\d{8}T\d{4,}.*")
_OFFSET = r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}|(?<=:\d{2})[+-]\d{2})$"
_MIDNIGHT = re.compile(r"(?<![\d:])24[:.]00(?:[:.]00(?:[.,]0*)?)?(?!\d)")
_ZONE_NAME = re.compile(r"\d{1,2}[:.]\d{2}\S*\s*(?<![A-Za-z])\(?((?!AM|PM|UTC|GMT)[A-Z]{2,5})\)?$")
_CLOCK = re.compile(r"\d{1,2}:\d{2}")
_DAY_MONTH = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[ T,]+(\d.*))?")
_CLOCKS = (
    "%H:%M",
    "%H:%M:%S",
    "%H:%M:%S.%f",
    "%I:%M %p",
    "%I:%M:%S %p",
    "%I:%M%p",
    "%H.%M",
    "%H:%M:%S,%f",
    "%H",
)
_QUARTER = re.compile(r"(\d{4})[- ]?[Qq]([1-4])|[Qq]([1-4])[- /]?(\d{4})")
_WEEK = re.compile(r"(\d{4})-?W(\d{2})")
_MONTH_LETTER = re.compile(r"(\d{4})[Mm](\d{1,2})")
_MONTH_NAMES = (
    "%b-%y",
    "%b-%Y",
    "%b %Y",
    "%B %Y",
    "%B-%Y",
    "%b %y",
    "%Y-%b",
    "%Y %b",
    "%B %y",
    "%m/%Y",
    "%m-%Y",
    "%m.%Y",
)
_DAY_MONTH_NAMES = ("%d-%b-%y", "%d-%b-%Y", "%d %b %y", "%d-%B-%Y", "%d/%b/%Y")
_FIRST_OF_SPREADSHEETS = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of their dates, from March 1900 on
_TWO_DIGIT_YEARS_AHEAD = 20  # a two-digit year further ahead than this is refused


@dataclass(frozen=True)
class ParsedTimes:
    """The times of all rows.

    Attributes:
        times: without time zone: in UTC where `zone` is given, else as they were written; labelled as the table's rows.
        how: how they were read, in words.
        zone: the time zone in which they are shown; None where they were read as written.
        time_format: what was found out where the order of day and month had to be; None otherwise.
    """

    times: pd.Series
    how: str
    zone: str | None = None
    time_format: str | None = None


def parse_times(
    table: Table,
    columns: Sequence[str],
    time_format: str | None = None,
    zone: str | None = None,
    hint: str | None = None,
) -> ParsedTimes:
    """The times of all rows.

    Args:
        table: where they stand.
        columns: one column; the columns year, month (and day, hour, minute, second) that make one time together; or
            a date and a time of day.
        time_format: as `strptime` writes it, or s, ms, us or ns for Unix times; None to find out.
        zone: the time zone of times that are written without one, such as Europe/Berlin; the others are shown in it.
        hint: the format that decides between day and month where the times do not.

    Raises:
        UserError: a time that cannot be read, named by its line, or whose day and month cannot be told apart.
    """
    if len(columns) > 1:
        if {name.lower() for name in columns} <= set(PARTS):
            return _localised(_from_parts(table, columns), zone, table)
        text, hours = _joined(table, columns)
        parsed = _parse_text(table, text, columns, time_format, hint, zone)
        times = parsed.times if hours is None else parsed.times + pd.to_timedelta(hours, unit="h")
        return _localised(ParsedTimes(times, parsed.how, parsed.zone, parsed.time_format), zone, table)
    column = table.column(columns[0], "data.time")
    if pd.api.types.is_datetime64_any_dtype(column):
        _check_all(table, column, column, columns)
        if column.dt.tz is None:
            return _localised(ParsedTimes(_micro(column), "as in the file"), zone, table)
        shown = zone or str(column.dt.tz)
        return _in_zone(column, column.dt.tz_localize(None), shown, f"as in the file, in {column.dt.tz}")
    parsed = _parse_text(table, _as_text(table, columns[0]), columns, time_format, hint, zone)
    return _localised(parsed, zone, table)


def _as_text(table: Table, name: str) -> pd.Series:
    column = table.column(name, "data.time")
    if table.is_parquet and pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        return column.astype("Int64").astype(str).where(column.notna(), "")
    return table.text(name, "data.time")


def _from_parts(table: Table, columns: Sequence[str]) -> ParsedTimes:
    parts = pd.DataFrame({name.lower(): table.numbers(name, "data.time") for name in columns})
    parts.index = table.cells.index
    if "day" not in parts:
        parts["day"] = 1.0
    shown = parts.astype(str).agg("-".join, axis=1)
    try:
        times = pd.to_datetime(parts, errors="coerce")
    except ValueError as error:
        raise UserError(
            f"data.time={list(columns)}: {error}; name a year and a month, and a day, hour, minute or second with them"
        ) from error
    _check_all(table, times, shown, columns)
    return ParsedTimes(_micro(times), f"columns {', '.join(columns)}")


def _joined(table: Table, columns: Sequence[str]) -> tuple[pd.Series, pd.Series | None]:
    """The cells of several columns as one text; a last column of whole hours apart."""
    texts = [table.text(name, "data.time") for name in columns]
    hours = None
    dated = (texts[0].str.len() >= len("220101")).all()  # a date, not a year
    if len(texts) == 2 and dated and texts[-1].str.fullmatch(r"\d{1,2}").all():
        hours = texts.pop().astype(int)
        if (hours > 23).any():
            row = int((hours > 23).to_numpy().argmax())
            raise UserError(
                f"{table.path}, {table.line(row)}, column {columns[-1]}: the hour {hours.iloc[row]} is not in 0 to 23; "
                "write the last hour of a day as hour 0 of the next where hours are counted at their ends, else as 23"
            )
    text = texts[0]
    for more in texts[1:]:
        text = text + " " + more
    return text, hours


def _parse_text(
    table: Table,
    text: pd.Series,
    columns: Sequence[str],
    time_format: str | None,
    hint: str | None,
    zone: str | None,
) -> ParsedTimes:
    if time_format is not None:
        if time_format in UNIX_UNITS:
            return _unix(table, text, columns, time_format)
        if time_format == "mixed":
            raise UserError("data.time_format=mixed guesses anew for each row; write all times in one format")
        times = _strptime(text, time_format)
        _check_all(table, times, text, columns)
        return _without_zone(times, f"read as {time_format}", zone)
    filled = text[text != ""]
    first = str(filled.iloc[0]) if len(filled) else ""
    if filled.str.fullmatch(r"[+-]?\d+(\.\d*)?").mean() > 0.5:
        return _digits(table, text, columns)
    finders: tuple[Callable[[], ParsedTimes | None], ...] = (
        lambda: _day_and_month(table, text, columns, hint),
        lambda: _iso(table, text, columns, zone),
        lambda: _periods(table, text, columns),
    )
    for finder in finders:
        if (found := finder()) is not None:
            return found
    formats = [*_MONTH_NAMES, *_DAY_MONTH_NAMES]
    formats += [f"{day} {clock}" for day in _DAY_MONTH_NAMES for clock in _CLOCKS[:3]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for shown in filled.iloc[[0, len(filled) // 2]] if len(filled) else []:
            if guessed := guess_datetime_format(shown):
                formats.append(guessed)
    counts = {form: int(_strptime(filled.iloc[:200], form).notna().sum()) for form in dict.fromkeys(formats)}
    best = max(counts, key=lambda form: counts[form])
    times = _strptime(text, best) if counts[best] else pd.Series(pd.NaT, text.index, dtype="datetime64[us]")
    _check_all(table, times, text, columns, f", as {first!r} is" if counts[best] else "")
    _check_years(table, times, text, best)
    return _without_zone(times, f"read as {best}", zone)


def _without_zone(times: pd.Series, how: str, zone: str | None) -> ParsedTimes:
    """Times as they are written, or in UTC where they have offsets."""
    if times.dt.tz is None:
        return ParsedTimes(_micro(times), how)
    return ParsedTimes(_micro(times.dt.tz_localize(None)), how, zone or "UTC")


def _strptime(text: pd.Series, time_format: str) -> pd.Series:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pd.to_datetime(text, format=time_format, errors="coerce", utc="%z" in time_format)
    except (ValueError, TypeError, re.error) as error:
        raise UserError(
            f"data.time_format={time_format} is not a format of times ({error}); write for example %d.%m.%Y %H:%M, or "
            "s, ms, us or ns for Unix times"
        ) from error


def _digits(table: Table, text: pd.Series, columns: Sequence[str]) -> ParsedTimes:
    """Years, dates without separators, or Unix times, by the number of digits."""
    where = f"{table.path}, column {', '.join(columns)}"
    whole = text.str.fullmatch(r"\d+")
    _check_all(table, text.where(text.str.fullmatch(r"[+-]?\d+(\.\d*)?"), None), text, columns)
    shown = str(text.iloc[0])
    lengths = text.str.extract(r"^(\d+)")[0].str.len()
    length = int(lengths.max()) if lengths.notna().all() else 0
    if not whole.all() and length == 4:
        raise UserError(
            f"{where}: {shown!r} is a decimal year, whose steps have no calendar; set data.time=null and name the "
            "columns to forecast in data.values, so that each row is a step"
        )
    named = {4: ("%Y",), 6: ("%Y%m", "%y%m%d"), 8: ("%Y%m%d", "%d%m%Y", "%m%d%Y")}
    named |= {10: ("%Y%m%d%H",), 12: ("%Y%m%d%H%M",), 14: ("%Y%m%d%H%M%S",)}
    if whole.all() and lengths.nunique() == 1:
        fitting = []
        for form in named.get(length, ()):
            times = _strptime(text, form)
            earliest = 1900 if length == 10 else 1600  # Unix seconds have ten digits too
            if times.notna().all() and times.dt.year.between(earliest, 2199).all():
                fitting.append((form, times))
        if len(fitting) == 1:
            form, times = fitting[0]
            return ParsedTimes(_micro(times), f"read as {form}", time_format=form if length < 10 else None)
        if fitting and length != 10:
            forms = " or ".join(form for form, _ in fitting)
            raise UserError(f"{where}: {shown!r} may be read as {forms}; set data.time_format to one of them")
    if length == 5 and lengths.nunique() == 1:
        date = _FIRST_OF_SPREADSHEETS + timedelta(days=float(shown))
        raise UserError(
            f"{where}: {shown!r} is a number that is no time; where it counts the days of a spreadsheet "
            f"({date:%Y-%m-%d}), give the column a format of dates there, such as yyyy-mm-dd hh:mm, and save it again; "
            "set data.time=null if each row is a step"
        )
    unit = {9: "s", 10: "s", 12: "ms", 13: "ms", 15: "us", 16: "us", 18: "ns", 19: "ns"}.get(length)
    if unit is None:
        raise UserError(
            f"{where}: {shown!r} is a number that is no time; set data.time_format (s, ms, us or ns for Unix times), "
            "or data.time=null if each row is a step"
        )
    return _unix(table, text, columns, unit)


def _unix(table: Table, text: pd.Series, columns: Sequence[str], unit: str) -> ParsedTimes:
    whole = text.str.fullmatch(r"[+-]?\d+").all()
    numbers = pd.to_numeric(text, errors="coerce")
    _check_all(table, numbers, text, columns)
    factor = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}[unit]
    if whole:
        micro = numbers.astype("int64") // 1000 if unit == "ns" else numbers.astype("int64") * factor
    else:
        micro = (numbers * factor / (1000 if unit == "ns" else 1)).round().astype("int64")
    times = pd.Series(micro.to_numpy().astype("datetime64[us]"), text.index)
    return ParsedTimes(times, f"Unix {UNIX_UNITS[unit]}", "UTC")


def _day_and_month(
    table: Table, text: pd.Series, columns: Sequence[str], hint: str | None
) -> ParsedTimes | None:
    """Dates such as 03/01/2022 with or without a time of day; None if these are none."""
    parts = text.str.extract(f"^{_DAY_MONTH.pattern}$")
    fits = parts[0].notna()
    if fits.mean() <= 0.5:
        return None
    _check_all(table, text.where(fits, None), text, columns, f", as {text[fits].iloc[0]!r} is")
    first, second = parts[0].astype(int), parts[2].astype(int)
    mark, year = str(parts[1].iloc[0]), "%Y" if len(str(parts[3].iloc[0])) == 4 else "%y"
    orders = [
        order
        for order, day, month in (("dm", first, second), ("md", second, first))
        if (month <= 12).all() and (day <= 31).all()
    ]
    shown = str(text.iloc[0])
    if not orders:
        late = [(part > 12).to_numpy() for part in (first, second)]
        _check_all(table, text.where(~(late[0] & late[1]), None), text, columns)
        row = max(int(part.argmax()) for part in late)
        raise UserError(
            f"{table.path}, {table.line(row)}, column {', '.join(columns)}: {text.iloc[row]!r} and {shown!r} have day "
            "and month in two orders; write all times in one"
        )
    hinted = "dm" if hint and hint.startswith("%d") else "md" if hint and hint.startswith("%m") else None
    day_first = f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"
    if len(orders) == 1:
        order = orders[0]
    elif (first == second).all():
        order = hinted or "dm"
    elif hinted is not None:
        order = hinted
    elif mark == ".":
        order = "dm"
    else:
        clocks = parts[4].fillna("").str.strip()
        clock = next((form for form in ("", *_CLOCKS) if _fits_clock(clocks, form)), "")
        raise UserError(
            f"{table.path}, column {', '.join(columns)}: {shown!r} does not tell the day from the month, nor does any "
            f"other row; set data.time_format to {' or '.join(f'{form} {clock}'.strip() for form in day_first)}"
        )
    date = day_first[0] if order == "dm" else day_first[1]
    clocks = parts[4].fillna("").str.strip()
    bare = text.str.replace(r"[ T,]+", " ", n=1, regex=True)
    for clock in ("", *_CLOCKS):
        form = f"{date} {clock}".strip()
        if not _fits_clock(clocks, clock):
            continue
        times = _strptime(bare, form)
        if times.notna().all():
            _check_years(table, times, text, form)
            return ParsedTimes(_micro(times), f"read as {form}", time_format=form)
    best = max(
        (f"{date} {clock}".strip() for clock in ("", *_CLOCKS)),
        key=lambda form: _strptime(bare, form).notna().sum(),
    )
    _check_all(table, _strptime(bare, best), text, columns)
    return None


def _fits_clock(clocks: pd.Series, form: str) -> bool:
    return bool((clocks == "").all()) if form == "" else bool(_strptime(clocks, form).notna().all())


def _iso(table: Table, text: pd.Series, columns: Sequence[str], zone: str | None) -> ParsedTimes | None:
    """ISO 8601 with or without fractions of seconds and offsets; None if these are none."""
    fits = text.str.fullmatch(_ISO)
    if fits.mean() <= 0.5:
        return None
    _check_all(table, text.where(fits, None), text, columns, f", as {text[fits].iloc[0]!r} is")
    text = text.str.replace(r"(?<=:\d{2}),(?=\d)", ".", regex=True)
    offset = text.str.extract(_OFFSET)[0]
    offset = offset.where(text.str.contains(_CLOCK, regex=True) | (offset == "Z"))
    if offset.notna().any():
        bare = text.str.replace(_OFFSET, "", regex=True)
        wall = _strptime(bare, "ISO8601")
        _check_all(
            table,
            text.where(offset.notna(), None),
            text,
            columns,
            f", as {text[offset.notna()].iloc[0]!r} is",
        )
        _check_all(table, wall, text, columns)
        signed = offset.replace({"Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00"})
        digits = signed.str.replace(":", "", regex=False).str.pad(5, side="right", fillchar="0")
        minutes = digits.str[1:3].astype(int) * 60 + digits.str[3:5].astype(int)
        minutes = minutes.where(digits.str[0] == "+", -minutes)
        times = wall - pd.to_timedelta(minutes, unit="min")
        shown = zone or _offset_name(int(minutes.iloc[-1]))
        how = "ISO 8601 with offsets"
        if minutes.nunique() > 1:
            how += ", which change"
            how += "" if zone else f" (shown with the last, {shown}; set data.time_zone to follow the clock)"
        return _in_zone(times, wall, shown, how)
    times = _strptime(text, "ISO8601")
    if times.isna().all():
        return None
    _check_all(table, times, text, columns)
    return ParsedTimes(_micro(times), "ISO 8601")


def _offset_name(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"


def _in_zone(times: pd.Series, wall: pd.Series, zone: str, how: str) -> ParsedTimes:
    """Times in UTC that are shown in a zone; days and longer steps by the local calendar instead."""
    wall = _micro(wall)
    if _same_time_of_day(wall):
        return ParsedTimes(wall, f"{how}, in local time")
    naive = times.dt.tz_convert("UTC").dt.tz_localize(None) if times.dt.tz is not None else times
    _check_zone(zone)
    return ParsedTimes(_micro(naive), how, zone)


def _same_time_of_day(wall: pd.Series) -> bool:
    """Whether all times lie at the same time of their days, as those of days and longer steps do."""
    return wall.nunique() > 1 and (wall - wall.dt.normalize()).nunique() == 1


def _check_zone(zone: str) -> None:
    try:
        pd.Timestamp(0, tz=zone)
    except Exception as error:  # what pandas raises depends on the source of its time zones
        raise UserError(
            f"data.time_zone={zone} is not known; write for example Europe/Berlin or UTC"
        ) from error


def _localised(parsed: ParsedTimes, zone: str | None, table: Table) -> ParsedTimes:
    """Times without a zone as local times of `zone`; others shown in it."""
    if zone is None:
        return parsed
    _check_zone(zone)
    if parsed.zone is not None:
        return ParsedTimes(parsed.times, parsed.how, zone, parsed.time_format)
    times = parsed.times
    if _same_time_of_day(times):
        return parsed
    ambiguous: str | np.ndarray = "infer" if times.is_unique is False else np.zeros(len(times), bool)
    try:
        local = times.dt.tz_localize(zone, ambiguous=ambiguous)
    except ValueError as error:
        raise UserError(
            f"{table.path}: the times are not those of a clock in data.time_zone={zone} ({error}); give times in UTC "
            "or with their offsets"
        ) from error
    return _in_zone(local, times, zone, f"{parsed.how} in {zone}")


def _periods(table: Table, text: pd.Series, columns: Sequence[str]) -> ParsedTimes | None:
    """Quarters (2000Q1), weeks (2000-W05) and months (2000M01); None if these are none."""
    for pattern, how in ((_QUARTER, "quarters"), (_WEEK, "ISO weeks"), (_MONTH_LETTER, "months")):
        fits = text.str.fullmatch(pattern)
        if fits.mean() <= 0.5:
            continue
        _check_all(table, text.where(fits, None), text, columns, f", as {text[fits].iloc[0]!r} is")
        parts = text.str.extract(f"^{pattern.pattern}$")
        if how == "quarters":
            year, quarter = parts[0].fillna(parts[3]), parts[1].fillna(parts[2]).astype(int)
            times = _strptime(year + "-" + (3 * quarter - 2).astype(str), "%Y-%m")
        elif how == "ISO weeks":
            times = _strptime(parts[0] + "-" + parts[1] + "-1", "%G-%V-%u")
        else:
            times = _strptime(parts[0] + "-" + parts[1], "%Y-%m")
        _check_all(table, times, text, columns)
        return ParsedTimes(_micro(times), f"read as {how}")
    return None


def _micro(times: pd.Series) -> pd.Series:
    return times.dt.as_unit("us")


def _check_years(table: Table, times: pd.Series, text: pd.Series, form: str) -> None:
    """Refuse two-digit years that fall far into the future."""
    if "%y" not in form or not len(times):
        return
    last = int(times.dt.year.to_numpy().argmax())
    if times.iloc[last].year > datetime.now(UTC).year + _TWO_DIGIT_YEARS_AHEAD:
        raise UserError(
            f"{table.path}, {table.line(last)}: {text.iloc[last]!r} read as {form} is {times.iloc[last]:%Y-%m-%d}; "
            "write years with four digits"
        )


def _check_all(
    table: Table, found: pd.Series, text: pd.Series, columns: Sequence[str], like: str = ""
) -> None:
    """Refuse a time that was not found, by its line."""
    bad = found.isna().to_numpy()
    if not bad.any():
        return
    row = int(bad.argmax())
    hint, shown = table.place_hint(row, bad), str(text.iloc[row])
    advice = _advice(shown) or f"set {hint}data.time_format (such as %d.%m.%Y %H:%M) or data.time"
    raise UserError(
        f"{table.path}, {row_label(text.index, row)}, column {', '.join(columns)}: {shown!r} is no time that can be "
        f"read{like}; {advice}"
    )


def _advice(shown: str) -> str | None:
    """Advice on a time that no clock shows, or that has the name of a zone; None for any other."""
    if _MIDNIGHT.search(shown):
        return "a day ends with 00:00 of the next, and no clock shows 24:00; write it so"
    if named := _ZONE_NAME.search(shown):
        return (
            f"the name {named.group(1)} of a time zone is no offset, as several zones may have it; leave it out of the "
            "file and set data.time_zone, such as Europe/Berlin, or write offsets, such as +01:00"
        )
    return None
