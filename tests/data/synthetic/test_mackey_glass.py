"""The generated series solves its equation and depends on its seed alone."""

import numpy as np

from throughtime.data.synthetic.mackey_glass import MackeyGlass


def test_the_same_seed_gives_the_same_series_and_a_longer_one_begins_with_it():
    short, long = (MackeyGlass(length=length)().series[0].values for length in (50, 80))
    assert np.array_equal(short, long[:50])
    assert not np.array_equal(short, MackeyGlass(length=50, seed=2)().series[0].values)


def test_the_slope_is_that_of_the_equation():
    x = MackeyGlass(length=3000)().series[0].values[:, 0]
    slope = (x[18:-1] * 8 - x[17:-2] * 8 - 0) / 8  # of a unit of time, so it is coarse
    middle, delayed = (x[18:-1] + x[17:-2]) / 2, (x[1:-18] + x[:-19]) / 2
    expected = 0.2 * delayed / (1 + delayed**10) - 0.1 * middle
    assert np.corrcoef(slope, expected)[0, 1] > 0.99


def test_chaos_stays_bounded_as_published():
    x = MackeyGlass(length=3000)().series[0].values
    assert 0.2 < x.min() < 0.5 and 1.2 < x.max() < 1.5
