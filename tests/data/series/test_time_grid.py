"""Times are put on a grid of equal steps, or it is said why they cannot be."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.time_grid import infer_frequency, place_on_grid, sort_rows, time_range
from throughtime.errors import UserError

HOURS = pd.Series(pd.date_range("2024-01-01", periods=8, freq="h"))
LINES = pd.RangeIndex(2, 6, name="line")


@pytest.mark.parametrize("frequency", ["h", "30min", "D", "B", "W-SUN", "MS", "ME", "QS", "YE"])
def test_the_frequency_of_whole_and_of_gappy_times_is_found(frequency):
    times = pd.Series(pd.date_range("2023-01-01", periods=30, freq=frequency))
    gappy = times.drop([4, 5, 11]).reset_index(drop=True)
    grid, places = place_on_grid(gappy, infer_frequency(gappy, "t"), "t")
    assert np.array_equal(place_on_grid(times, infer_frequency(times, "t"), "t")[0], times.to_numpy())
    assert np.array_equal(grid, times.to_numpy()) and set(range(30)) - set(places) == {4, 5, 11}


def test_rows_in_any_order_are_sorted_when_asked():
    shuffled = HOURS.iloc[[3, 0, 2, 1]].set_axis(LINES)
    rows = sort_rows(shuffled, np.arange(4), "t", sort=True, duplicates="error")
    assert shuffled.iloc[rows].is_monotonic_increasing
    with pytest.raises(UserError, match=r"line 3: the times are not in order .*; set data.sort=true"):
        sort_rows(shuffled, np.arange(4), "t", sort=False, duplicates="error")


def test_duplicates_are_refused_or_resolved():
    twice = HOURS.iloc[[0, 1, 1, 2]].set_axis(LINES)
    assert sort_rows(twice, np.arange(4), "t", False, "last").tolist() == [0, 2, 3]
    with pytest.raises(UserError, match=r"line 3: .* twice; set data.duplicates"):
        sort_rows(twice, np.arange(4), "t", False, "error")


def test_times_off_the_grid_and_too_few_times_are_said():
    with pytest.raises(UserError, match="not on the grid of h steps"):
        place_on_grid(pd.Series(pd.to_datetime(["2024-01-01 00:00", "2024-01-01 00:40"])), "h", "t")
    with pytest.raises(UserError, match=r"set data\.frequency"):
        infer_frequency(HOURS[:2], "t")
    with pytest.raises(UserError, match="not known to pandas"):
        place_on_grid(HOURS, "fortnightly", "t")


@pytest.mark.parametrize(
    ("frequency", "times"),
    [
        ("MS-15", [f"{year}-{month:02}-15" for year in (2000, 2001) for month in range(1, 13)]),
        ("MS-30", ["2000-01-30", "2000-02-29", "2000-03-30", "2000-04-30", "2000-05-30"]),
        ("BME", pd.date_range("2000-01-31", periods=24, freq="BME")),
        ("BMS", pd.date_range("2000-01-03", periods=24, freq="BMS")),
        ("QS-FEB", pd.date_range("2000-02-01", periods=12, freq="QS-FEB")),
        ("QE-JAN", pd.date_range("2000-01-31", periods=12, freq="QE-JAN")),
        ("QS-FEB-15", [f"{year}-{month:02}-15" for year in (2000, 2001) for month in (2, 5, 8, 11)]),
        ("YE-JUN", [f"{year}-06-30" for year in range(1900, 1920)]),
        ("YS-JUN-15", [f"{year}-06-15" for year in range(1900, 1920)]),
        ("6MS", [f"{year}-{month}-01" for year in range(2000, 2006) for month in ("01", "07")]),
        ("10YS", [f"{year}-01-01" for year in range(1800, 1900, 10)]),
    ],
)
def test_calendars_that_are_anchored_elsewhere(frequency, times):
    times = pd.Series(pd.to_datetime(list(times))).dt.as_unit("us")
    assert infer_frequency(times, "t") == frequency
    gappy = times.drop([2]).reset_index(drop=True)
    grid, places = place_on_grid(gappy, frequency, "t")
    assert np.array_equal(grid, times.to_numpy()) and 2 not in places
    assert time_range(times.iloc[3], frequency, periods=2)[0] == times.iloc[3]


def series_of(*parts) -> pd.Series:
    times = pd.DatetimeIndex(np.concatenate([np.asarray(part, "datetime64[us]") for part in parts]))
    return pd.Series(times, pd.RangeIndex(2, 2 + len(times), name="line"))


DAYS = pd.date_range("2024-01-01", periods=40, freq="D").to_numpy()
OFFICE = pd.date_range("2024-01-01", periods=24 * 28, freq="h")
OFFICE = OFFICE[(OFFICE.hour >= 9) & (OFFICE.hour < 16) & (OFFICE.day_of_week < 5)].to_numpy()


@pytest.mark.parametrize(
    ("times", "frequency", "given"),
    [
        (series_of(DAYS, ["9999-12-31"]), "D", True),  # a mistyped year
        (series_of(DAYS, ["9999-12-31"]), "s", True),  # more steps than memory takes
        (series_of(DAYS[::7]), "D", False),  # a weekly series among daily ones
        (series_of(DAYS), "h", True),  # a daily history for a model of hours
        (series_of(OFFICE), "h", False),  # trading hours, unless the user asks for them
    ],
)
def test_a_grid_that_is_mostly_empty_is_refused(times, frequency, given):
    with pytest.raises(
        UserError, match=r"only [\d,]+ of [\d,]+ steps of .* have a row .*gap lies before line \d+"
    ):
        place_on_grid(times, frequency, "t", given)


@pytest.mark.parametrize("frequency", ["-1D", "0h", "-1MS"])
def test_a_frequency_that_does_not_go_forward_is_refused(frequency):
    with pytest.raises(UserError, match=f"data.frequency={frequency} is not known"):
        place_on_grid(series_of(DAYS), frequency, "t", given=True)


def test_a_grid_with_large_gaps_is_taken_where_its_frequency_was_given():
    grid, places = place_on_grid(series_of(OFFICE), "h", "t", given=True)
    assert np.array_equal(grid[places], OFFICE.astype(grid.dtype)) and len(grid) > 3 * len(places)
