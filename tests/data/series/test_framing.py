"""Framing keeps every value of a series and orders them as its channels say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.series.framing import Framing
from throughtime.errors import UserError


@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 9), st.data(), st.booleans())
def test_the_series_comes_back_with_its_last_value_repeated(length, channels, size, draw, differences):
    hop = draw.draw(st.integers(1, size))
    framing = Framing(size, hop, differences)
    series = np.random.default_rng(length).normal(size=(length, channels)).astype(np.float32)
    sequence = framing.sequence(series)
    names = framing.channels(tuple(f"x{number}" for number in range(channels)))
    assert sequence.dtype == np.float32 and sequence.shape[1] == len(names) == len(set(names))
    again = framing.series(sequence)
    np.testing.assert_array_equal(again[:length], series)
    assert len(again) - length < max(hop, size - length + 1)
    assert (again[length:] == series[-1]).all()


def test_a_step_holds_its_frame():
    series = np.arange(7.0)[:, None]
    found = Framing(3, 2).sequence(series)
    assert found.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]


def test_differences_stand_beside_the_values():
    framing = Framing(1, 1, True)
    assert framing.sequence(np.array([[1.0], [4.0], [2.0]])).tolist() == [[1, 0], [4, 3], [2, -2]]
    assert framing.channels(("a",)) == ("a", "difference of a")


def test_a_hop_that_loses_values_is_refused():
    with pytest.raises(UserError, match=r"data\.source\.hop=4 is above data\.source\.frame=3"):
        Framing(3, 4)
