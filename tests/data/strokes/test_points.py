"""Strokes and sequences of differences are the same thing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughtime.data.strokes.points import REACH, pictures, to_sequence, to_strokes


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


@pytest.fixture
def ink():
    generator = np.random.default_rng(3)
    return [generator.normal(size=(length, 2)) for length in (5, 1, 7)]


def test_the_picture_around_a_point_does_not_depend_on_direction_and_order(ink):
    drawn = dict(zip(map(tuple, np.concatenate(ink)), pictures(ink, 5), strict=True))
    other = [stroke[::-1] for stroke in ink[::-1]]
    for point, picture in zip(map(tuple, np.concatenate(other)), pictures(other, 5), strict=True):
        np.testing.assert_allclose(picture, drawn[point], atol=1e-5)


def test_the_picture_is_that_around_the_point_wherever_the_ink_is(ink):
    np.testing.assert_allclose(pictures([stroke + 2 for stroke in ink], 4), pictures(ink, 4), atol=1e-4)


def test_cells_have_the_ink_that_is_near_them():
    picture = pictures([np.array([[0.0, 0.0]]), np.array([[REACH, 0.0]])], 3).reshape(2, 3, 3)
    one, two = np.exp(-2), np.exp(-8)  # a step away is two deviations
    np.testing.assert_allclose(picture[0, 1], [one, 1, 1], atol=1e-6)
    np.testing.assert_allclose(picture[1, 1], [1, 1, one], atol=1e-6)
    np.testing.assert_allclose(picture[0, 2], [np.exp(-4), one, one], atol=1e-6)
    assert picture[0, 0, 0] > two


def test_a_line_is_ink_between_its_points_and_a_lifted_pen_leaves_none():
    ends = np.array([[0.0, 0.0], [2 * REACH, 0.0]])
    assert pictures([ends], 3)[0, 5] == pytest.approx(1)
    assert pictures(list(ends[:, None]), 3)[0, 5] == pytest.approx(np.exp(-2), abs=1e-6)


def test_pictures_stand_behind_the_other_features(ink):
    sequence = to_sequence(ink, positions=True, context=3)
    assert np.array_equal(sequence[:, :5], to_sequence(ink, positions=True))
    np.testing.assert_allclose(sequence[:, 5:], pictures(ink, 3))
    for one, other in zip(to_strokes(sequence), ink, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
