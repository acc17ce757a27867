"""Wide and long tables of the same numbers give the same series."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.table_series import TableData, TableSeries
from throughtime.errors import UserError


@pytest.fixture
def wide(tmp_path):
    frame = pd.DataFrame({"time": pd.date_range("2024-01-01", periods=6, freq="D")})
    frame["a"], frame["b"], frame["price"] = range(6), range(10, 16), np.arange(6) / 2
    frame.to_csv(tmp_path / "wide.csv", index=False)
    return frame, str(tmp_path / "wide.csv")


def test_a_long_table_gives_the_series_of_the_wide_one(wide, tmp_path):
    frame, path = wide
    long = frame.melt("time", ["a", "b"], var_name="shop", value_name="sold")
    long.sample(frac=1, random_state=0).to_csv(tmp_path / "long.csv", index=False)
    from_wide = TableSeries(path, time="time", values=["a", "b"])().separate()
    from_long = TableSeries(str(tmp_path / "long.csv"), time="time", id="shop", values="sold", sort=True)()
    values = {series.name: series.values for series in from_long}
    assert all(np.array_equal(series.values, values[series.name]) for series in from_wide)
    assert from_wide.frequency == from_long.frequency == "D"


def test_all_columns_without_another_use_are_forecast(wide):
    assert TableSeries(wide[1], time="time", known="price")().channels == ("a", "b")


def test_rows_that_are_missing_become_missing_values(wide, tmp_path):
    wide[0].drop([2, 3]).to_csv(tmp_path / "gap.csv", index=False)
    (series,) = TableSeries(str(tmp_path / "gap.csv"), time="time", values="a", frequency="D")()
    assert np.isnan(series.values[:, 0]).tolist() == [False, False, True, True, False, False]


def test_series_of_unequal_length_and_a_time_in_several_columns(tmp_path):
    rows = [("x", 2024, 1, day, day) for day in range(1, 6)] + [
        ("y", 2024, 2, day, -day) for day in range(1, 4)
    ]
    pd.DataFrame(rows, columns=["id", "year", "month", "day", "value"]).to_csv(
        tmp_path / "t.csv", index=False
    )
    series = TableSeries(str(tmp_path / "t.csv"), time=["year", "month", "day"], id="id", values="value")()
    assert [(one.name, len(one)) for one in series] == [("x", 5), ("y", 3)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time": "when"}, "no column 'when', which data.time asks for"),
        ({"time": "a", "time_format": "%Y-%m-%d"}, "is no time that can be read; set data.time_format"),
        ({"time": "time", "values": "c"}, "no column 'c', which data.values asks for"),
        (
            {"time": "time", "values": "a", "known": "b", "past": "price", "missing": 1.5},
            "data.past is missing at",
        ),
        ({"time": "time", "decimal": ";"}, "data.decimal=; is not known; write a point or a comma$"),
        ({"time": "time", "duplicates": "all"}, "choose one of: error, first, last"),
    ],
)
def test_mistakes_are_told(wide, options, said):
    with pytest.raises(UserError, match=said):
        TableSeries(wide[1], **options)()


def test_what_was_read_can_be_read_again_in_the_same_way(wide):
    source = TableSeries(wide[1], time="time", values=["a"], known="price", missing=-1)
    again = TableSeries(wide[1], **source.reading())
    assert np.array_equal(source().series[0].known, again().series[0].known)


def test_a_table_becomes_series_with_its_columns_as_channels_or_as_series(tmp_path):
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=80, freq="h"),
            "a": np.arange(80.0),
            "b": np.arange(80.0),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    sizes = {"look_back": 8, "horizon": 4}
    for joint, expected in ((False, (2, 1)), (True, (1, 2))):
        data = TableData(str(tmp_path / "t.csv"), time="time", joint=joint, **sizes)
        data.setup()
        found = data.artifacts()["input_sizes"]
        assert (found["series_count"], found["channels"]) == expected


def test_settings_of_the_file_and_of_the_windows_are_both_checked(tmp_path):
    with pytest.raises(UserError, match=r"data\.duplicates"):
        TableData("t.csv", duplicates="all", look_back=8, horizon=4)
    with pytest.raises(UserError, match=r"data\.horizon"):
        TableData("t.csv", look_back=8, horizon=0)


def write(path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows(times, *columns) -> str:
    return "".join(",".join(map(str, row)) + "\n" for row in zip(times, *columns, strict=True))


DAYS = [f"{time:%Y-%m-%d}" for time in pd.date_range("2022-01-01", periods=60, freq="D")]


def test_the_start_message_tells_what_was_read(tmp_path):
    text = "time;a;b\n" + "".join(
        f"{day};{place},5;\n" for place, day in enumerate(DAYS) if place not in (4, 5)
    )
    data = TableData(write(tmp_path / "t.csv", text), time="time", look_back=8, horizon=4)
    data.setup()
    told = data.describe()
    for part in (
        "columns a; ",
        "2022-01-01 to 2022-03-01 in steps of D",
        "times ISO 8601",
        "60 steps, 2 of 60 values missing (3.3%)",
        'separator ";"',
        'decimal mark ","',
        "without any value and left out: b",
    ):
        assert part in told


def test_a_column_without_any_value_is_no_series(tmp_path):
    path = write(tmp_path / "t.csv", "time,a,b\n" + rows(DAYS, range(60), [""] * 60))
    assert TableSeries(path, time="time")().channels == ("a",)
    with pytest.raises(UserError, match=r"the column b has no value; leave it out of data.values"):
        TableSeries(path, time="time", values=["a", "b"])()


def test_several_id_columns_and_columns_that_are_numbers(tmp_path):
    long = [(day, shop, item, 5) for shop in "xy" for item in (1, 2) for day in DAYS]
    path = write(tmp_path / "t.csv", "time,0,1,2\n" + rows(*zip(*long, strict=True)))
    series = TableSeries(path, time="time", id=[0, 1], values=2)()
    assert [one.name for one in series] == ["x/1", "x/2", "y/1", "y/2"] and len(series.series[0]) == 60


def test_a_weekly_series_among_daily_ones_is_named(tmp_path):
    long = [(day, "daily", 1) for day in DAYS] + [(day, "weekly", 1) for day in DAYS[::7]]
    path = write(tmp_path / "t.csv", "time,id,v\n" + rows(*zip(*long, strict=True)))
    with pytest.raises(UserError, match=r"id weekly: only 9 of 57 steps of D"):
        TableSeries(path, time="time", id="id")()


def test_blank_rows_are_left_out_where_times_tell_the_place(tmp_path):
    path = write(tmp_path / "t.csv", "time,v\n2022-01-01,1\n\n2022-01-02,2\n,\n2022-01-03,3\n,\n\n")
    (series,) = TableSeries(path, time="time")()
    assert series.values[:, 0].tolist() == [1, 2, 3]


def test_what_a_file_decided_is_kept_for_the_next_which_does_not(tmp_path):
    dates = pd.date_range("2022-01-03", periods=40, freq="D")
    text = "time;v\n" + "".join(
        f"{day:%d/%m/%Y};{2000 + place:,}\n".replace(",", ".") for place, day in enumerate(dates)
    )
    source = TableSeries(write(tmp_path / "a.csv", text + "12/02/2022;1.234,5\n"), time="time")
    source()
    short = write(tmp_path / "b.csv", "time;v\n03/04/2022;2.093\n04/04/2022;2.094\n05/04/2022;2.095\n")
    with pytest.raises(UserError, match=r"data\.time_format|data\.decimal"):
        TableSeries(short, time="time")()
    read = TableSeries(short, **source.reading())()
    assert read.series[0].times[0] == np.datetime64("2022-04-03") and read.series[0].values[0, 0] == 2093


def test_local_times_give_the_calendar_and_the_grid_is_in_utc(tmp_path):
    local = pd.date_range("2023-10-20", periods=400, freq="h", tz="Europe/Berlin")
    path = write(tmp_path / "t.csv", "time,v\n" + rows([time.isoformat() for time in local], range(400)))
    sizes = {"look_back": 8, "horizon": 4, "calendar": ["time_of_day"], "time_zone": "Europe/Berlin"}
    data = TableData(path, time="time", **sizes)
    data.setup()
    (series,) = data.series
    assert (np.diff(series.times) == np.timedelta64(1, "h")).all() and not np.isnan(series.values).any()
    midnight = np.isclose(series.known[:, 1], 1)  # the cosine of the time of day
    assert np.array_equal(midnight, local.hour == 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"skip_rows": -1}, "data.skip_rows=-1 must be a number of lines"),
        ({"thousands": "x"}, "data.thousands=x is not known"),
        ({"thousands": ".", "decimal": "."}, "they must differ"),
    ],
)
def test_settings_that_fit_no_file(options, said):
    with pytest.raises(UserError, match=said):
        TableSeries("t.csv", **options)
