"""Lanes of series: every step of the training part predicts the next, and none predicts another series."""

import numpy as np
import pytest
import torch

from throughtime.data.series.lanes import SeriesLanes
from throughtime.data.series.scaler import fit_scaler
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.data.series.split import split_spans
from throughtime.data.series.store import SeriesStore
from throughtime.errors import UserError


@pytest.fixture
def store() -> SeriesStore:
    """Two series that count upwards, unscaled: 0 to 19 and 100 to 114."""
    parts = [np.arange(20.0), np.arange(100.0, 115.0)]
    series_set = SeriesSet(tuple(make_series(str(place), part) for place, part in enumerate(parts)), ("x",))
    return SeriesStore(series_set, fit_scaler(series_set, [split_spans(9, (1.0, 0.0, 0.0))] * 2, "none"))


def test_every_step_but_the_first_of_each_series_is_a_target_once(store):
    lanes = SeriesLanes(store, [(0, 20), (0, 15)], batch_size=3, chunk_length=4, random_offset=False)
    targets = torch.cat([batch.targets[batch.mask] for batch in lanes])
    assert sorted(targets.tolist()) == [*range(1, 20), *range(101, 115)]


def test_the_target_follows_its_input_and_lanes_go_on(store):
    lanes = SeriesLanes(store, [(0, 20), (0, 15)], batch_size=2, chunk_length=5)
    for batch in lanes:
        assert torch.equal(batch.inputs[batch.mask] + 1, batch.targets[batch.mask])


def test_a_lane_starts_anew_where_a_series_begins(store):
    lanes = SeriesLanes(store, [(0, 20), (0, 15)], batch_size=1, chunk_length=34, random_offset=False)
    (batch,) = lanes
    assert batch.resets.nonzero().tolist() == [[20, 0]]
    assert batch.inputs[20, 0, 0] == 100


def test_nothing_after_the_span_is_seen(store):
    lanes = SeriesLanes(store, [(0, 12), (0, 6)], batch_size=2, chunk_length=4)
    seen = torch.cat([torch.cat([batch.inputs.flatten(), batch.targets.flatten()]) for batch in lanes])
    assert set(seen.tolist()) <= {*map(float, range(12)), *map(float, range(100, 106))}


def test_too_few_steps_are_said(store):
    with pytest.raises(UserError, match=r"too few for data\.batch_size=64"):
        SeriesLanes(store, [(0, 20), (0, 15)], batch_size=64, chunk_length=4)
