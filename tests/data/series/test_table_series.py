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
