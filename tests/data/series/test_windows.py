"""Windows lie where they may, come once an epoch, and resume where they stopped."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.series.scaler import fit_scaler
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.data.series.split import split_spans
from throughtime.data.series.store import SeriesStore
from throughtime.data.series.windows import Windows, window_pairs


def store_of(*lengths: int) -> SeriesStore:
    numbers = np.random.default_rng(0)
    parts = [numbers.standard_normal(length) for length in lengths]
    series_set = SeriesSet(tuple(make_series(str(place), part) for place, part in enumerate(parts)), ("x",))
    spans = [split_spans(length, (1.0, 0.0, 0.0)) for length in lengths]
    return SeriesStore(series_set, fit_scaler(series_set, spans, "standard"))


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 12), st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_every_horizon_lies_within_its_span(length, look_back, horizon, stride):
    store = store_of(length, 40)
    for start, stop in split_spans(length, (0.5, 0.2, 0.3)).values():
        pairs = window_pairs(store, [(start, stop), (0, 0)], look_back, horizon, stride)
        assert (pairs[:, 0] == 0).all()
        assert ((pairs[:, 1] >= max(start, 1)) & (pairs[:, 1] + horizon <= stop)).all()
        assert (np.diff(pairs[:, 1]) == stride).all()


def test_histories_are_whole_where_the_series_allows_it_and_padded_where_not():
    assert window_pairs(store_of(30), [(0, 30)], 10, 4)[:, 1].tolist() == list(range(10, 27))
    assert window_pairs(store_of(12), [(0, 12)], 10, 4).tolist() == [[0, 8]]  # shorter than a window
    assert window_pairs(store_of(5), [(0, 5)], 10, 4).tolist() == [[0, 1]]


@pytest.mark.parametrize("length", [0, 1, 4])
def test_a_series_too_short_for_one_step_and_a_horizon_has_no_window(length):
    assert len(window_pairs(store_of(length, 9), [(0, length), (0, 0)], 10, 4)) == 0


def test_an_epoch_has_every_window_once_in_an_order_of_its_own():
    store = store_of(40)
    windows = Windows(store, window_pairs(store, [(0, 40)], 6, 4), 6, 4, batch_size=8, shuffle=True, seed=3)
    epochs = [[int(origin) for batch in windows for origin in batch.inputs.origin] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(6, 37))
    assert epochs[0] != epochs[1]


def test_a_batch_of_one_window_has_one_lane():
    store = store_of(20)
    (batch,) = Windows(store, np.array([[0, 9]]), 6, 4, batch_size=8)
    assert batch.inputs.history.shape == (6, 1, 1) and batch.targets.shape == (4, 1, 1) and batch.mask is None


def test_a_resumed_loader_goes_on_with_the_next_batch():
    store = store_of(60)
    pairs = window_pairs(store, [(0, 60)], 6, 4)

    def loader() -> Windows:
        return Windows(store, pairs, 6, 4, batch_size=8, shuffle=True)

    whole = loader()
    batches = [batch for _ in range(2) for batch in whole]
    stopped = loader()
    for _ in stopped:
        pass
    iterator = iter(stopped)
    next(iterator), next(iterator)
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    rest = list(resumed)
    assert len(rest) == len(whole) - 2
    assert all(torch.equal(a.targets, b.targets) for a, b in zip(rest, batches[-len(rest) :], strict=True))
