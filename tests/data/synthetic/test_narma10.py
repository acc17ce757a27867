"""NARMA-10 follows its recurrence from the input that stands beside it."""

import numpy as np

from throughtime.data.synthetic.narma10 import Narma10


def test_every_value_follows_from_those_before_and_the_known_input():
    (series,) = Narma10(300)()
    y, u = series.values[:, 0], series.known[:, 0]  # u[t + 1] is the input of step t
    t = np.arange(10, 299)
    memory = np.array([y[step - 9 : step + 1].sum() for step in t])
    expected = 0.3 * y[t] + 0.05 * y[t] * memory + 1.5 * u[t - 8] * u[t + 1] + 0.1
    assert np.allclose(y[t + 1], expected)


def test_the_same_seed_gives_the_same_series():
    assert np.array_equal(Narma10(50)().series[0].values, Narma10(50)().series[0].values)
