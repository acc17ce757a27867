"""Strokes and sequences of differences are the same thing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.strokes.points import to_sequence, to_strokes


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.booleans())
def test_strokes_come_back(lengths, positions):
    generator = np.random.default_rng(sum(lengths))
    strokes = [generator.normal(size=(length, 2)) for length in lengths]
    sequence = to_sequence(strokes, positions)
    assert sequence.shape == (sum(lengths), 5 if positions else 3) and sequence.dtype == np.float32
    for one, other in zip(to_strokes(sequence), strokes, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    if positions:
        np.testing.assert_allclose(sequence[:, 3:], np.concatenate(strokes), atol=1e-6)


def test_the_pen_is_up_at_the_end_of_a_stroke():
    sequence = to_sequence([np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[5.0, 5.0]])])
    assert sequence.tolist() == [[1, 2, 0], [1, 2, 1], [3, 1, 1]]
    assert [len(stroke) for stroke in to_strokes(sequence[:1])] == [1]


def test_a_move_of_the_ink_changes_the_first_difference_alone():
    strokes = [np.random.default_rng(0).normal(size=(4, 2)) for _ in range(2)]
    moved = to_sequence([stroke + 3 for stroke in strokes])
    np.testing.assert_allclose(moved[1:], to_sequence(strokes)[1:], atol=1e-6)
    assert moved[0, 0] - to_sequence(strokes)[0, 0] == pytest.approx(3)
