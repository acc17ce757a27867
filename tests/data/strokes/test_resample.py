"""Resampled strokes keep their ends, their shape and their order, whatever the speed of the pen was."""

import numpy as np
import pytest

from throughtime.data.strokes.resample import MOST, Resampler
from throughtime.errors import UserError

LINE = np.array([[0.0, 0.0], [0.1, 0.0], [3.0, 0.0], [3.0, 1.0]])
DOT = np.array([[5.0, 5.0]])


def steps(stroke):
    return np.hypot(*np.diff(stroke, axis=0).T)


def test_equal_steps_of_length():
    (found,) = Resampler("length", 5)([LINE], None, "here")
    np.testing.assert_allclose(found, [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]])


def test_points_do_not_depend_on_the_speed():
    places = np.sort(np.concatenate([[0, 0.75, 1], np.random.default_rng(2).uniform(size=40) ** 3]))
    fast = np.stack([np.interp(places * 4, [0, 3, 4], axis) for axis in ([0, 3, 3], [0, 0, 1])], axis=1)
    one, other = (Resampler("length", 17)([stroke], None, "here")[0] for stroke in (LINE, fast))
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_equal_steps_of_time():
    times = np.array([0.0, 2.0, 3.0, 4.0])
    (found,) = Resampler("time", 5)([LINE], [times], "here")
    np.testing.assert_allclose(found[:, 0], [0, 0.05, 0.1, 3, 3])
    (untimed,) = Resampler("time", 4)([LINE], None, "here")
    np.testing.assert_allclose(untimed, LINE)
    with pytest.raises(UserError, match=r"here: time goes back at point 3 of a stroke"):
        Resampler("time", 5)([LINE], [np.array([0.0, 2.0, 1.0, 4.0])], "here")


@pytest.mark.parametrize("count", [5, 6, 7, 12, 100])
def test_the_points_are_shared_in_proportion_and_every_stroke_keeps_its_ends(count):
    strokes = [LINE, DOT, LINE[:2]]
    found = Resampler("length", count)(strokes, None, "here")
    assert sum(map(len, found)) == count
    assert len(found[1]) == 1 and len(found[2]) >= 2 and len(found[0]) >= len(found[2])
    for one, other in zip(found, strokes, strict=True):
        np.testing.assert_allclose(one[[0, -1]], other[[0, -1]])


def test_dots_alone_fill_the_points():
    found = Resampler("length", 4)([DOT, DOT + 1], None, "here")
    assert [len(stroke) for stroke in found] == [1, 3]


@pytest.mark.parametrize("spacing", [0.3, 1.0, 4.0, 9.0])
def test_no_step_is_longer_than_the_spacing(spacing):
    found = Resampler("length", None, spacing)([LINE[1:3], DOT], None, "here")
    assert len(found[1]) == 1
    assert steps(found[0]).max() <= spacing + 1e-9
    np.testing.assert_allclose(steps(found[0]), steps(found[0])[0])
    assert len(found[0]) == 2 or steps(found[0])[0] > spacing / 2


def test_none_keeps_the_points():
    assert Resampler("none", None)([LINE, DOT], None, "here")[0] is LINE


def test_what_cannot_be_done_is_named():
    with pytest.raises(UserError, match=r"here: an ink of 2 strokes needs 3 points or more"):
        Resampler("length", 2)([LINE, DOT], None, "here")
    with pytest.raises(UserError, match=r"here: data.source.spacing=1e-09 makes more than 1,000,000 points"):
        Resampler("length", None, 1e-9)([LINE], None, "here")
    with pytest.raises(UserError, match=r"give one of the two"):
        Resampler("length", 8, 0.1)
    with pytest.raises(UserError, match=r"give one of the two"):
        Resampler("time", None, None)
    with pytest.raises(UserError, match=r"data.source.points=1000001 is above its limit"):
        Resampler("length", MOST + 1)
    with pytest.raises(UserError, match=r"data.source.spacing must be above 0"):
        Resampler("length", None, 0)
    with pytest.raises(UserError, match=r"data.source.resample=speed is not known"):
        Resampler("speed")
