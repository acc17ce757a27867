"""What a model sees at an origin depends on nothing after it, and holds the data's values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throughtime.data.series.scaler import fit_scaler
from throughtime.data.series.series import SeriesSet, make_series
from throughtime.data.series.split import split_spans
from throughtime.data.series.store import NORMALISATIONS, SeriesStore, forward_fill
from throughtime.errors import UserError

LOOK_BACK, HORIZON, SEASON = 6, 4, 5


def store_of(*values: np.ndarray, indicator: bool = False) -> SeriesStore:
    series_set = SeriesSet(tuple(make_series(str(place), part) for place, part in enumerate(values)), ("x",))
    spans = [split_spans(len(part), (0.5, 0.25, 0.25)) for part in values]
    return SeriesStore(series_set, fit_scaler(series_set, spans, "standard"), indicator)


def numbers(length: int, seed: int = 0) -> np.ndarray:
    return 10 + np.random.default_rng(seed).standard_normal(length).cumsum()


def cut(store: SeriesStore, series: int, origin: int, normalisation: str):
    return store.cut(np.array([series]), np.array([origin]), LOOK_BACK, HORIZON, normalisation, SEASON)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_the_window_holds_the_values_of_the_series(normalisation):
    values = numbers(40)
    window, targets, mask = cut(store_of(numbers(30, 1), values), 1, 20, normalisation)
    assert np.allclose(window.original_history()[:, 0, 0], values[14:20], rtol=1e-5)
    assert np.allclose(window.original(targets)[:, 0, 0], values[20:24], rtol=1e-5)
    assert bool(mask.all())


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@given(origin=st.integers(1, 36), seed=st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_changing_the_future_changes_no_input(normalisation, origin, seed):
    """The scaler is fitted before: the future of an origin in the training part is part of that."""
    values = numbers(40, seed)
    values[::7] = np.nan
    store, other = store_of(values, indicator=True), store_of(values, indicator=True)
    other.values[origin:] = 1e3
    other.observed[origin:] = ~other.observed[origin:]
    for one, changed in zip(
        cut(store, 0, origin, normalisation)[0], cut(other, 0, origin, normalisation)[0], strict=True
    ):
        assert torch.equal(one, changed)


def test_a_missing_value_is_held_as_input_marked_and_no_target():
    values = numbers(40)
    values[[17, 18, 21]] = np.nan
    window, _, mask = cut(store_of(values, indicator=True), 0, 20, "none")
    assert window.history[:, 0, 1].tolist() == [0, 0, 0, 1, 1, 0]
    assert torch.equal(window.history[3:5, 0, 0], window.history[2, 0, 0].expand(2))
    assert mask[:, 0, 0].tolist() == [True, False, True, True]


def test_a_window_with_nothing_observed_is_all_zero_and_counts_nothing():
    values = numbers(40)
    values[:24] = np.nan
    store = store_of(values)
    window, targets, mask = cut(store, 0, 20, "last")
    assert not window.history.any() and not targets.any() and not mask.any()
    assert len(store.with_observed_target(0, np.array([18, 20]), HORIZON)) == 0
    assert store.with_observed_target(0, np.array([20, 21]), HORIZON).tolist() == [21]


def test_before_the_beginning_the_first_step_is_repeated_and_beyond_the_end_nothing_counts():
    values = numbers(40)
    store = store_of(values)
    assert np.allclose(cut(store, 0, 2, "none")[0].original_history()[:, 0, 0], [*[values[0]] * 5, values[1]])
    assert cut(store, 0, 38, "none").mask[:, 0, 0].tolist() == [True, True, False, False]


def test_holding_looks_back_only():
    assert forward_fill(np.array([[np.nan], [1.0], [np.nan], [2.0], [np.nan]]))[:, 0].tolist() == [
        0,
        1,
        1,
        2,
        2,
    ]
    assert forward_fill(np.zeros((0, 1))).shape == (0, 1)


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(UserError, match=r"data\.normalisation=max"):
        cut(store_of(numbers(40)), 0, 20, "max")
