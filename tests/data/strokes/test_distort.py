"""Distorted ink has the same strokes and points, is normalised, and follows from the generator alone."""

import numpy as np
import pytest
from toy_sequences import ToySource

from throughtime.data.strokes.distort import StrokeDistortions
from throughtime.data.strokes.points import to_strokes
from throughtime.data.strokes.stroke_files import StrokeFiles
from throughtime.errors import UserError

STRONG = {"slant": 0.3, "scale": 0.2, "rotation": 15, "jitter": 0.01, "bend": 0.05}
SOURCE = StrokeFiles(points=20)
INK = [np.random.default_rng(3).normal(size=(6, 2)).cumsum(0), np.array([[0.0, 1.0], [2.0, 2.0]])]
SEQUENCE = SOURCE.sequence(INK, place="ink")


def connected(source=SOURCE, **given):
    distortions = StrokeDistortions(**given)
    distortions.connect(source)
    return distortions


def strokes_after(**given):
    return connected(**given).distorted(to_strokes(SEQUENCE), np.random.default_rng(5))


@pytest.mark.parametrize("name", STRONG)
def test_each_distortion_moves_points_and_keeps_strokes_normalised(name):
    changed = connected(**{name: STRONG[name]})(SEQUENCE, np.random.default_rng(5))
    assert changed.shape == SEQUENCE.shape and changed.dtype == np.float32
    np.testing.assert_array_equal(changed[:, 2], SEQUENCE[:, 2])
    assert np.abs(changed - SEQUENCE).max() > 1e-3
    points = np.concatenate(to_strokes(changed))
    np.testing.assert_allclose(np.ptp(points, axis=0).max(), 1, atol=1e-5)
    np.testing.assert_allclose(points.min(0), -points.max(0), atol=1e-5)


def test_the_order_of_drawing_changes_and_the_picture_stays():
    strokes = [np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 3.0]]), np.array([[4.0, 0.0], [5.0, 1.0]])]
    turned = connected(reverse=1).distorted(strokes, np.random.default_rng(0))
    assert [stroke.tolist() for stroke in turned] == [stroke[::-1].tolist() for stroke in strokes]
    orders = [
        [len(stroke) for stroke in connected(reorder=1).distorted(strokes, np.random.default_rng(seed))]
        for seed in range(40)
    ]
    assert 8 <= orders.count([2, 3]) <= 32 and orders.count([2, 3]) + orders.count([3, 2]) == 40
    counts = [
        connected(reverse=0.25).distorted(strokes, np.random.default_rng(seed))[0][0, 0] == 3
        for seed in range(200)
    ]
    assert 25 <= sum(counts) <= 80


def test_distortions_of_nothing_change_nothing():
    assert connected()(SEQUENCE, np.random.default_rng(0)) is SEQUENCE


def test_the_same_generator_gives_the_same_ink():
    one, other, third = (
        connected(**STRONG)(SEQUENCE, np.random.default_rng((1, 2, number))) for number in (4, 4, 5)
    )
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_linear_distortions_are_linear_maps_of_their_kind():
    points = np.concatenate(to_strokes(SEQUENCE))

    def matrix(**given):
        moved = np.concatenate(strokes_after(**given))
        found, residual, *_ = np.linalg.lstsq(points, moved, rcond=None)
        assert residual.max() < 1e-18
        return found.T

    slant, scale, rotation = matrix(slant=0.3), matrix(scale=0.2), matrix(rotation=15)
    np.testing.assert_allclose(slant - np.eye(2), [[0, slant[0, 1]], [0, 0]], atol=1e-9)
    np.testing.assert_allclose(scale, np.diag(np.diag(scale)), atol=1e-9)
    assert scale[0, 0] != pytest.approx(scale[1, 1])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(2), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1) and abs(slant[0, 1]) > 1e-3


def test_upright_ink_stays_upright_under_a_slant():
    source = StrokeFiles(deslant=True, resample="none")
    sequence = source.sequence(INK, place="ink")
    slanted = connected(source, slant=0.5)(sequence, np.random.default_rng(0))
    np.testing.assert_allclose(slanted, sequence, atol=1e-5)


def test_what_does_not_fit_is_named():
    with pytest.raises(UserError, match=r"these distortions need strokes of a pen"):
        StrokeDistortions().connect(ToySource())
    with pytest.raises(UserError, match=r"data\.augmentation\.rotation=200 must be from 0 to 180"):
        StrokeDistortions(rotation=200)
    with pytest.raises(UserError, match=r"data\.augmentation\.jitter=-1 must be from 0 to 1"):
        StrokeDistortions(jitter=-1)
