"""Lorenz's attractor: bounded, deterministic, and of two lobes."""

import numpy as np

from throughtime.data.synthetic.lorenz import Lorenz


def test_the_same_seed_gives_the_same_series():
    assert np.array_equal(Lorenz(100)().series[0].values, Lorenz(100)().series[0].values)
    assert not np.array_equal(Lorenz(100)().series[0].values, Lorenz(100, seed=2)().series[0].values)


def test_the_attractor_has_its_two_lobes():
    x, _, z = Lorenz(2000)().series[0].values.T
    assert abs(x).max() < 22 and z.min() > 0 and z.max() < 50
    assert 0.3 < (x > 0).mean() < 0.7
