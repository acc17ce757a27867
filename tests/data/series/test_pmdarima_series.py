"""The shipped series are whole and stand at their times."""

import numpy as np
import pandas as pd

from throughtime.data.series.pmdarima_series import AirPassengers, Sunspots, Taylor


def test_taylor_is_twelve_weeks_of_half_hours():
    (series,) = Taylor()()
    assert series.values.shape == (12 * 7 * 48, 1) and np.isfinite(series.values).all()
    assert pd.Timestamp(series.times[-1]) == pd.Timestamp("2000-08-27 23:30")
    by_day = series.values.reshape(-1, 7, 48).mean((0, 2))
    assert by_day[5:].max() < by_day[:5].min()  # weekends need less than any working day


def test_sunspots_are_235_years_of_months():
    (series,) = Sunspots()()
    assert len(series) == 2820 and pd.Timestamp(series.times[-1]) == pd.Timestamp("1983-12-01")
    assert series.values.min() >= 0


def test_air_passengers_are_the_published_totals():
    (series,) = AirPassengers()()
    assert len(series) == 144
    assert series.values[[0, -1], 0].tolist() == [112, 432]
