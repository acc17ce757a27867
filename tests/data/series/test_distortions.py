"""Distortions keep lengths, follow from their generator alone, and do what their names say."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.series.distortions import Distortions
from throughtime.data.series.labelled_series import LabelledSeries
from throughtime.errors import UserError


def distorted(series, seed=0, framing=None, **settings):
    source = LabelledSeries(**(framing or {}))
    distortions = Distortions(**settings)
    distortions.connect(source)
    found = distortions(source.framing.sequence(series), np.random.default_rng(seed))
    return source.framing.series(found)


WAVE = np.sin(np.linspace(0, 12, 60))[:, None] + [[0.0, 3.0]]
ALL = {"noise": 0.1, "scale": 0.1, "warp": 0.3, "crop": 0.2, "rotate": 0.5}


def test_nothing_is_changed_by_default():
    np.testing.assert_allclose(distorted(WAVE), WAVE, rtol=1e-6)


@pytest.mark.parametrize("framing", [{}, {"frame": 6, "hop": 3, "differences": True}])
@pytest.mark.parametrize("name", ALL)
def test_each_changes_values_but_not_the_length(name, framing):
    found = distorted(WAVE, framing=framing, **{name: ALL[name]})
    assert found.shape == WAVE.shape and np.isfinite(found).all()
    assert not np.allclose(found, WAVE)


def test_the_same_generator_gives_the_same_series():
    np.testing.assert_array_equal(distorted(WAVE, **ALL), distorted(WAVE, **ALL))
    assert not np.allclose(distorted(WAVE, **ALL), distorted(WAVE, seed=1, **ALL))


def test_warping_keeps_the_order_of_time_and_both_ends():
    ramp = np.arange(50.0)[:, None]
    found = distorted(ramp, warp=0.5)[:, 0]
    assert (np.diff(found) > 0).all() and not np.allclose(np.diff(found), 1)
    np.testing.assert_allclose([found[0], found[-1]], [0, 49], atol=1e-4)


def test_cropping_keeps_at_least_its_share():
    ramp = np.arange(101.0)[:, None]
    for seed in range(20):
        found = distorted(ramp, seed, crop=0.2)[:, 0]
        assert found[0] >= 0 and found[-1] <= 100 and found[-1] - found[0] >= 80 - 1e-3


def test_rotation_keeps_the_values_of_a_closed_curve():
    ramp = np.arange(30.0)[:, None]
    found = distorted(ramp, rotate=0.5)[:, 0]
    assert sorted(found) == list(range(30)) and (np.diff(found) % 30 == 1).all()


def test_one_value_stays_one():
    assert distorted(np.ones((1, 1)), **(ALL | {"noise": 0, "scale": 0})).tolist() == [[1.0]]


@pytest.mark.parametrize("settings", [{"noise": -1}, {"crop": 1.0}, {"rotate": 1.5}])
def test_impossible_settings_are_refused(settings):
    name = next(iter(settings))
    with pytest.raises(UserError, match=rf"data\.augmentation\.{name}="):
        Distortions(**settings)


def test_data_without_series_are_refused():
    with pytest.raises(UserError, match="need time series"):
        Distortions().connect(ToySource())
