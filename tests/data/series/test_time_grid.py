"""Times are put on a grid of equal steps, or it is said why they cannot be."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.time_grid import infer_frequency, place_on_grid, sort_rows
from throughtime.errors import UserError

HOURS = pd.Series(pd.date_range("2024-01-01", periods=8, freq="h"))


@pytest.mark.parametrize("frequency", ["h", "30min", "D", "B", "W-SUN", "MS", "ME", "QS", "YE"])
def test_the_frequency_of_whole_and_of_gappy_times_is_found(frequency):
    times = pd.Series(pd.date_range("2023-01-01", periods=30, freq=frequency))
    gappy = times.drop([4, 5, 11]).reset_index(drop=True)
    grid, places = place_on_grid(gappy, infer_frequency(gappy, "t"), "t")
    assert np.array_equal(place_on_grid(times, infer_frequency(times, "t"), "t")[0], times.to_numpy())
    assert np.array_equal(grid, times.to_numpy()) and set(range(30)) - set(places) == {4, 5, 11}


def test_rows_in_any_order_are_sorted_when_asked():
    shuffled = HOURS.iloc[[3, 0, 2, 1]].reset_index(drop=True)
    rows = sort_rows(shuffled, np.arange(4), "t", sort=True, duplicates="error")
    assert shuffled.iloc[rows].is_monotonic_increasing
    with pytest.raises(UserError, match=r"line 3: the times are not in order; set data.sort=true"):
        sort_rows(shuffled, np.arange(4), "t", sort=False, duplicates="error")


def test_duplicates_are_refused_or_resolved():
    twice = HOURS.iloc[[0, 1, 1, 2]].reset_index(drop=True)
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
