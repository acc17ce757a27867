"""Calendar features repeat with their cycle and tell its times apart."""

import numpy as np
import pandas as pd
import pytest

from throughtime.data.series.calendar import CYCLES, calendar, with_calendar
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.errors import UserError


@pytest.mark.parametrize("feature", CYCLES)
def test_a_cycle_is_a_circle(feature):
    times = pd.date_range("2023-01-01", "2023-03-01", freq="37min").to_numpy()
    waves = calendar(times, [feature])
    assert np.allclose((waves**2).sum(1), 1)


def test_features_repeat_after_their_cycle_and_not_before():
    times = pd.date_range("2024-01-01", periods=3 * 7 * 24, freq="h").to_numpy()
    day, week = calendar(times, ["time_of_day"]), calendar(times, ["time_of_week"])
    assert np.allclose(day[24:], day[:-24]) and np.allclose(week[168:], week[:-168])
    assert not np.allclose(week[24:], week[:-24])


def test_series_without_times_have_no_calendar():
    numbers = SeriesSet((make_series("x", np.zeros(3)),), ("x",))
    assert with_calendar(numbers, []) is numbers
    with pytest.raises(UserError, match=r"data\.calendar needs times"):
        with_calendar(numbers, ["time_of_day"])
    with pytest.raises(UserError, match=r"data\.calendar=moon"):
        with_calendar(numbers, ["moon"])
