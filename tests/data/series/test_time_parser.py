"""Times are read in the one way that all rows allow, and the way is told; else the file is refused."""

import pandas as pd
import pytest

from throughtime.data.series.table import Table
from throughtime.data.series.time_parser import parse_times
from throughtime.errors import UserError


@pytest.fixture
def table(tmp_path):
    def of_times(times, header: str = "time") -> Table:
        path = tmp_path / "t.csv"
        path.write_text(
            "\n".join([f"{header};v", *(f"{time};{place}.5" for place, time in enumerate(times))])
        )
        return Table(path, separator=";")

    return of_times


DAYS = pd.date_range("2022-01-03", periods=40, freq="D")
HOURS = pd.date_range("2022-03-14", periods=40, freq="h")
MONTHS = pd.date_range("2000-01-01", periods=40, freq="MS")
QUARTERS = pd.date_range("2000-01-01", periods=12, freq="QS")


@pytest.mark.parametrize(
    ("times", "written", "how"),
    [
        (DAYS, DAYS.strftime("%d/%m/%Y"), "%d/%m/%Y"),
        (DAYS, DAYS.strftime("%m/%d/%y"), "%m/%d/%y"),
        (DAYS, DAYS.strftime("%d.%m.%Y"), "%d.%m.%Y"),
        (DAYS, DAYS.strftime("%Y/%m/%d"), "ISO 8601"),
        (DAYS, DAYS.strftime("%Y%m%d"), "%Y%m%d"),
        (DAYS, DAYS.strftime("%d-%b-%y"), "%d-%b-%y"),
        (DAYS, DAYS.strftime("%b %d, %Y"), "%b %d, %Y"),
        (HOURS, HOURS.strftime("%m/%d/%Y %I:%M:%S %p"), "%m/%d/%Y %I:%M:%S %p"),
        (HOURS, HOURS.strftime("%d.%m.%Y %H:%M"), "%d.%m.%Y %H:%M"),
        (HOURS, HOURS.strftime("%Y%m%d%H%M"), "%Y%m%d%H%M"),
        (HOURS, HOURS.as_unit("s").astype("int64"), "Unix seconds"),
        (HOURS, HOURS.as_unit("ms").astype("int64"), "Unix milliseconds"),
        (HOURS, HOURS.as_unit("us").astype("int64"), "Unix microseconds"),
        (HOURS, HOURS.as_unit("ns").astype("int64"), "Unix nanoseconds"),
        (MONTHS, MONTHS.strftime("%b-%y"), "%b-%y"),
        (MONTHS, MONTHS.strftime("%Y%m"), "%Y%m"),
        (MONTHS, MONTHS.strftime("%Y-%m"), "ISO 8601"),
        (MONTHS, MONTHS.strftime("%YM%m"), "months"),
        (MONTHS, MONTHS.strftime("%m/%Y"), "%m/%Y"),
        (QUARTERS, [f"{time.year}Q{time.quarter}" for time in QUARTERS], "quarters"),
        (QUARTERS, [f"Q{time.quarter} {time.year}" for time in QUARTERS], "quarters"),
        (DAYS[::7], DAYS[::7].strftime("%G-W%V"), "ISO weeks"),
    ],
)
def test_times_in_many_spellings(table, times, written, how):
    parsed = parse_times(table(written), ["time"])
    assert parsed.times.tolist() == times.tolist()
    assert how in parsed.how


def test_a_format_with_an_offset_that_was_found_gives_times_in_utc(table):
    written = [f"{time:%a, %d %b %Y %H:%M:%S} +0200" for time in DAYS]
    parsed = parse_times(table(written), ["time"])
    assert parsed.times.tolist() == (DAYS - pd.Timedelta(hours=2)).tolist()
    assert parsed.zone == "UTC"


def test_a_format_that_guesses_for_each_row_is_refused(table):
    with pytest.raises(UserError, match="write all times in one format"):
        parse_times(table(["2022-01-03", "04/01/2022", "2022-01-05"]), ["time"], "mixed")


def test_fractions_of_a_second(table):
    times = pd.date_range("2023-01-01", periods=6, freq="200ms")
    mixed = [time.isoformat() for time in times]  # the first of a second has no fraction
    assert parse_times(table(mixed), ["time"]).times.tolist() == times.tolist()
    unix = [f"{time.timestamp():.1f}" for time in times]
    assert parse_times(table(unix), ["time"]).times.tolist() == times.tolist()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (MONTHS[:12].strftime("%d/%m/%Y"), "does not tell the day from the month.*%d/%m/%Y or %m/%d/%Y$"),
        (
            pd.date_range("2022-03-04", periods=9, freq="h").strftime("%d/%m/%Y %H:%M"),
            "set data.time_format to %d/%m/%Y %H:%M or %m/%d/%Y %H:%M$",
        ),
        (
            ["13/01/2022", "14/01/2022", "01/15/2022"],
            "line 4.*'01/15/2022' and '13/01/2022' have day and month in two",
        ),
        (
            ["2022-01-03", "2022-01-04", "05/01/2022"],
            "line 4, column time: '05/01/2022' is no time .*as '2022-01-03' is",
        ),
        (["1700.5", "1701.5", "1702.5"], "'1700.5' is a decimal year.*set data.time=null"),
        (
            ["Jan-49", "Feb-49", "Mar-49"],
            "'Jan-49' read as %b-%y is 2049-01-01; write years with four digits",
        ),
        (range(144564, 144570), "is a number that is no time; set data.time_format .s, ms, us or ns"),
        (
            range(44564, 44570),
            "'44564' is a number that is no time; .*spreadsheet .2022-01-03.*data.time=null if",
        ),
        (["45292", "45292.5", "45293.0"], "'45292' is a number .*spreadsheet .2024-01-01.*yyyy-mm-dd"),
        (
            ["2024-01-01 23:00", "2024-01-01 24:00", "2024-01-02 01:00"],
            "line 3.*'2024-01-01 24:00' is no time .*a day ends with 00:00 of the next",
        ),
        (["31.12.2023 23:00", "31.12.2023 24:00:00"], "line 3.*a day ends with 00:00 of the next"),
        (
            ["2024-01-01 00:00 CET", "2024-01-01 01:00 CET"],
            "the name CET of a time zone is no offset.*Europe/Berlin",
        ),
        (
            ["13.01.2024 00:00 CEST", "14.01.2024 00:00 CEST"],
            "the name CEST of a time zone is no offset.*[+]01:00",
        ),
        (["13/01/2024 1:00 (EST)", "14/01/2024 1:00 (EST)"], "the name EST of a time zone is no offset"),
        (["2022-01-01T00:00Z", "2022-01-01T01:00", "2022-01-01T02:00Z"], "line 3.*is no time"),
        (["TS", *DAYS.strftime("%Y-%m-%d")], "line 2.*'TS' is no time.*data.units_rows=1"),
        ([*DAYS.strftime("%Y-%m-%d"), "Total"], "line 42.*'Total' is no time.*data.skip_footer=1"),
        (["200101", "200201", "200301"], "may be read as %Y%m or %y%m%d; set data.time_format"),
    ],
)
def test_what_cannot_be_told_is_refused(table, written, said):
    with pytest.raises(UserError, match=said):
        parse_times(table(written), ["time"])


def test_an_order_that_was_found_before_decides_and_a_given_one_rules(table):
    monthly = table(MONTHS.strftime("%d/%m/%Y"))
    assert parse_times(monthly, ["time"], hint="%d/%m/%Y").times.tolist() == MONTHS.tolist()
    assert parse_times(monthly, ["time"], "%d/%m/%Y").times.tolist() == MONTHS.tolist()
    with pytest.raises(UserError, match=r"data.time_format=%Q is not a format of times"):
        parse_times(monthly, ["time"], "%Q")


CLOCK = pd.date_range("2023-10-28", periods=60, freq="h", tz="Europe/Berlin")
"""Hours around the night in which the clock is set back."""


def test_offsets_that_change_give_a_grid_in_utc_and_local_times(table):
    utc = CLOCK.tz_convert("UTC").tz_localize(None).tolist()
    plain = parse_times(table([time.isoformat() for time in CLOCK]), ["time"])
    assert plain.times.tolist() == utc and plain.zone == "UTC+01:00" and "which change" in plain.how
    named = parse_times(table([time.isoformat() for time in CLOCK]), ["time"], zone="Europe/Berlin")
    assert named.times.tolist() == utc and named.zone == "Europe/Berlin"


def test_a_clock_without_offsets_is_resolved_by_its_zone(table):
    naive = table(CLOCK.strftime("%Y-%m-%d %H:%M"))
    parsed = parse_times(naive, ["time"], zone="Europe/Berlin")
    assert parsed.times.tolist() == CLOCK.tz_convert("UTC").tz_localize(None).tolist()
    with pytest.raises(UserError, match=r"data.time_zone=Mars/X is not known"):
        parse_times(naive, ["time"], zone="Mars/X")
    with pytest.raises(UserError, match=r"not those of a clock in data.time_zone=Europe/Berlin"):
        gap = table(["2023-03-26 01:00", "2023-03-26 02:00", "2023-03-26 03:00"])
        parse_times(gap, ["time"], zone="Europe/Berlin")


def test_days_with_offsets_follow_the_local_calendar(table):
    days = pd.date_range("2023-10-25", periods=10, freq="D", tz="Europe/Berlin")
    parsed = parse_times(table([time.isoformat() for time in days]), ["time"])
    assert parsed.times.tolist() == days.tz_localize(None).tolist() and parsed.zone is None


def test_date_and_time_of_day_in_two_columns(table):
    rows = table(HOURS.strftime("%d/%m/%Y;%H:%M:%S"), "Date;Time")
    assert parse_times(rows, ["Date", "Time"]).times.tolist() == HOURS.tolist()
    rows = table([f"{time:%Y-%m-%d};{time.hour}" for time in HOURS], "date;hour")
    assert parse_times(rows, ["date", "hour"]).times.tolist() == HOURS.tolist()
    with pytest.raises(UserError, match=r"column hour: the hour 24 is not in 0 to 23; .* hour 0 of the next"):
        parse_times(table(["2022-01-01;23", "2022-01-01;24"], "date;hour"), ["date", "hour"])


def test_year_and_month_in_two_columns(table):
    rows = table(MONTHS.strftime("%Y;%m"), "year;month")
    assert parse_times(rows, ["year", "month"]).times.tolist() == MONTHS.tolist()


def test_times_of_a_parquet_file(tmp_path):
    pd.DataFrame({"time": CLOCK, "v": 1.0}).to_parquet(tmp_path / "t.parquet")
    parsed = parse_times(Table(tmp_path / "t.parquet"), ["time"])
    assert parsed.times.tolist() == CLOCK.tz_convert("UTC").tz_localize(None).tolist()
    assert parsed.zone == "Europe/Berlin"
