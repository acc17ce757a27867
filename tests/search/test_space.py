"""A space says what it is drawn from, and a slip in it is told by its key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from throughtime.errors import UserError
from throughtime.search.space import distribution, entries, number_range


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (["gru", "lstm"], CategoricalDistribution(["gru", "lstm"])),
        ([True, None, 3, 0.5], CategoricalDistribution([True, None, 3, 0.5])),
        ([[0.8, 0.2], {"a": "b c"}], CategoricalDistribution(["[0.8,0.2]", "{a:'b c'}"])),
        ({"low": 1e-4, "high": 1e-2, "log": True}, FloatDistribution(1e-4, 1e-2, log=True)),
        ({"low": 0, "high": 0.5}, FloatDistribution(0, 0.5)),
        ({"low": 32, "high": 256, "step": 32}, IntDistribution(32, 256, step=32)),
        ({"low": 1, "high": 100, "log": True}, IntDistribution(1, 100, log=True)),
        ({"around": 10}, FloatDistribution(2e-4, 2e-2, log=True)),
    ],
)
def test_what_yaml_says(entry: Any, expected: Any) -> None:
    assert distribution("key", entry, configured=2e-3) == expected


def test_whole_numbers_stay_whole_around_a_whole_number() -> None:
    assert distribution("cell.hidden_size", {"around": 2}, 128) == IntDistribution(64, 256, log=True)


@given(st.integers(-50, 50), st.integers(1, 100), st.integers(1, 100))
def test_the_last_number_is_one_that_the_steps_reach(low: int, width: int, step: int) -> None:
    if step > width:
        return
    whole = number_range("key", low, low + width, step)
    tenths = number_range("key", low / 10, (low + width) / 10, step / 10)
    assert (whole.high - low) % step == 0 and low + width - step < whole.high <= low + width
    assert tenths.high == pytest.approx(whole.high / 10)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (3, "3 is one value; a search needs a list of values, or low and high"),
        ([], "the list of values is empty"),
        (["a", "b", "a"], "the list names a twice"),
        ({}, "low is missing"),
        ({"low": 1}, "high is missing"),
        ({"low": 1, "hihg": 2}, "hihg is not a field"),
        ({"low": 2, "high": 1}, "low=2 is not below high=1"),
        ({"low": 1, "high": 1}, "low=1 is not below high=1"),
        ({"low": "a", "high": 1}, "low=a is not a number"),
        ({"low": True, "high": 2}, "low=True is not a number"),
        ({"low": 0, "high": 1, "log": True}, "a logarithm needs low above 0"),
        ({"low": 1, "high": 9, "log": True, "step": 2}, "either steps or a logarithm"),
        ({"low": 1, "high": 9, "log": 1}, "log=1 is neither true nor false"),
        ({"low": 0, "high": 1, "step": 0}, "step=0 does not fit"),
        ({"low": 0, "high": 1, "step": 2}, "step=2 does not fit"),
        ({"low": float("nan"), "high": 1}, "is not below"),
        ({"around": 1}, "around=1 is not a number above 1"),
        ({"around": 2, "log": True}, "around stands alone; leave log out"),
        ({"around": 2}, "around needs a configured value above 0, not None"),
    ],
)
def test_a_slip_is_told_by_its_key(entry: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=r"^optim\.optimizer\.lr: ") as raised:
        distribution("optim.optimizer.lr", entry)
    assert sentence in str(raised.value)


def test_flat_and_nested_spaces_are_the_same() -> None:
    flat = {"cell": ["gru"], "optim.optimizer.lr": {"low": 1, "high": 2}, "model.layers.depth": [1, 2]}
    nested = {
        "cell": ["gru"],
        "optim": {"optimizer": {"lr": {"low": 1, "high": 2}}},
        "model": {"layers.depth": [1, 2]},
    }
    assert dict(entries(flat)) == dict(entries(nested)) == flat


def test_an_interval_for_a_whole_number_has_whole_ends() -> None:
    found = distribution("cell.hidden_size", {"low": 8.0, "high": 16.0}, 128)
    assert isinstance(found, IntDistribution) and (found.low, found.high) == (8, 16)
    assert isinstance(distribution("optim.optimizer.lr", {"low": 1.0, "high": 2.0}, 0.1), FloatDistribution)
