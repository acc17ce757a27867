"""The scaler knows the training part alone."""

import numpy as np
import pytest
import torch

from throughtime.data.series.scaler import fit_scaler, location_and_scale, scaler_from_state
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.data.series.split import split_spans
from throughtime.errors import UserError


@pytest.fixture
def numbers():
    generator = np.random.default_rng(0)
    return [5 + 3 * generator.standard_normal((length, 2)) for length in (40, 30)]


def fitted(numbers, kind="standard"):
    series_set = SeriesSet(
        tuple(make_series(str(place), values) for place, values in enumerate(numbers)), ("a", "b")
    )
    return fit_scaler(
        series_set, [split_spans(len(values), (0.5, 0.2, 0.3)) for values in numbers], kind
    ), series_set


def test_changing_the_future_changes_no_scaler(numbers):
    before, _ = fitted(numbers)
    after, _ = fitted(
        [np.where(np.arange(len(values))[:, None] < len(values) / 2, values, 1e6) for values in numbers]
    )
    assert np.array_equal(before.location, after.location) and np.array_equal(before.scale, after.scale)


def test_the_scaled_training_part_has_mean_0_and_deviation_1(numbers):
    scaler, series_set = fitted(numbers)
    location, scale = scaler.location_and_scale_of(series_set.series[0])
    scaled = (numbers[0][:20] - location) / scale
    assert np.allclose(scaled.mean(0), 0) and np.allclose(scaled.std(0), 1)


def test_missing_values_do_not_count_and_constants_have_scale_1():
    values = np.array([[1.0, 7.0], [np.nan, 7.0], [3.0, 7.0], [np.nan, np.nan]])
    location, scale = location_and_scale(values, "standard")
    assert location.tolist() == [2, 7] and scale.tolist() == [1, 1]
    location, scale = location_and_scale(np.full((3, 1), np.nan), "standard")
    assert location.tolist() == [0] and scale.tolist() == [1]


def test_the_mean_scale_keeps_zero_at_zero(numbers):
    scaler, _ = fitted(numbers, "mean")
    assert not scaler.location.any()
    assert np.allclose(scaler.scale[0], np.abs(numbers[0][:20]).mean(0))


def test_a_checkpoint_keeps_all_of_it(numbers, tmp_path):
    scaler, _ = fitted(numbers)
    torch.save(scaler.state_dict(), tmp_path / "s.pt")
    again = scaler_from_state(torch.load(tmp_path / "s.pt", weights_only=True))
    assert again.names == scaler.names and np.array_equal(again.scale, scaler.scale)
    stranger = make_series("stranger", numbers[0] * 10)
    assert again.index("stranger") == 2
    assert np.allclose(again.location_and_scale_of(stranger)[0], (numbers[0] * 10).mean(0))


def test_an_unknown_kind_is_refused(numbers):
    with pytest.raises(UserError, match=r"data\.scaler=robust"):
        fitted(numbers, "robust")
