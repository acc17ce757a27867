"""Normalised ink does not depend on where, how large and at what speed it was written."""

import numpy as np
import pytest

from throughtime.data.strokes.normalise import POSITIONS, SIZES, InkNormaliser
from throughtime.errors import UserError

GENERATOR = np.random.default_rng(1)
INK = [GENERATOR.normal(size=(count, 2)) * (3, 7) + (100, -20) for count in (9, 1, 4)]

LINES = [np.array([[0.0, 0.0], [4.0, 2.0]]), np.array([[1.0, 1.0], [1.0, 3.0]])]


@pytest.mark.parametrize("deslant", [False, True])
@pytest.mark.parametrize("position", [one for one in POSITIONS if one != "none"])
@pytest.mark.parametrize("size", [one for one in SIZES if one != "none"])
def test_scale_and_place_change_nothing(size, position, deslant):
    normaliser = InkNormaliser(size, position, deslant)
    moved = [stroke * 250 + (1e6, -3e5) for stroke in INK]
    for one, other in zip(normaliser(INK), normaliser(moved), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize(
    ("size", "expected"), [("larger", None), ("height", (None, 1)), ("width", (1, None)), ("both", (1, 1))]
)
def test_the_side_that_is_named_becomes_one(size, expected):
    before = np.ptp(np.concatenate(INK), axis=0)
    after = np.ptp(np.concatenate(InkNormaliser(size)(INK)), axis=0)
    for side, one in zip(after, expected or (None, None), strict=True):
        assert one is None or side == pytest.approx(one)
    if size == "larger":
        assert after.max() == pytest.approx(1)
    if size != "both":
        np.testing.assert_allclose(after / after[0], before / before[0])


def test_positions():
    points = np.concatenate(InkNormaliser(position="box")(INK))
    np.testing.assert_allclose(points.min(0), -points.max(0))
    dense = [stroke[0] + np.linspace(0, 1, 1001)[:, None] * (stroke[-1] - stroke[0]) for stroke in LINES]
    centred = InkNormaliser("none", "mean")(LINES)
    lengths = [np.hypot(*(stroke[-1] - stroke[0])) for stroke in LINES]
    mean = np.average([stroke.mean(0) for stroke in dense], axis=0, weights=lengths)
    np.testing.assert_allclose(LINES[0][0] - centred[0][0], mean)
    np.testing.assert_array_equal(InkNormaliser(position="start")(INK)[0][0], 0)
    for one, other in zip(InkNormaliser("none", "none")(INK), INK, strict=True):
        np.testing.assert_allclose(one, other)


def test_upright_ink_does_not_depend_on_its_slant():
    slanted = [stroke @ np.array([[1, 0], [0.4, 1]]) for stroke in INK]
    upright = InkNormaliser(deslant=True)
    for one, other in zip(upright(INK), upright(slanted), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
    (line,) = upright([np.array([[0.0, 0.0], [3.0, 9.0]])])
    np.testing.assert_allclose(line, [[0, -0.5], [0, 0.5]], atol=1e-12)


@pytest.mark.parametrize("position", POSITIONS)
def test_further_points_on_a_line_change_nothing(position):
    places = np.sort(np.concatenate([[0, 1], GENERATOR.uniform(size=50)]))
    many = [stroke[0] + places[:, None] * (stroke[1] - stroke[0]) for stroke in LINES]
    normaliser = InkNormaliser(position=position, deslant=True)
    for one, other in zip(normaliser(LINES), normaliser(many), strict=True):
        np.testing.assert_allclose(one, other[[0, -1]], atol=1e-12)


def test_lines_and_dots_stay_finite():
    for stroke in ([[3.0, 5.0], [9.0, 5.0]], [[3.0, 5.0], [3.0, 9.0]], [[2.0, 2.0]]):
        for size in SIZES:
            for position in POSITIONS:
                (found,) = InkNormaliser(size, position, True)([np.array(stroke)])
                assert np.isfinite(found).all()


def test_settings_that_are_not_known():
    with pytest.raises(UserError, match=r"data.source.size=huge is not known; choose one of: both"):
        InkNormaliser(size="huge").check()
    with pytest.raises(UserError, match=r"data.source.position=left is not known"):
        InkNormaliser(position="left").check()
