"""Numbers of points are finite, and what is none is named with its line."""

from pathlib import Path

import numpy as np
import pytest

from throughtime.data.strokes.ink import check_number, read_points
from throughtime.errors import UserError


def test_rows_are_points():
    points = read_points([(3, ["1", "-2.5"]), (4, ["1e2", "0"])], Path("a"), ("X", "Y"))
    np.testing.assert_array_equal(points, [[1, -2.5], [100, 0]])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1", "2", "3"], "line 7: a point has 2 numbers (X, Y), and this line has 3"),
        (["1"], "line 7: a point has 2 numbers (X, Y), and this line has 1"),
        (["1", "2,5"], "line 7: Y is '2,5', which is no number"),
        (["nan", "1"], "line 7: X is nan; give a finite number"),
        (["1", "-inf"], "line 7: Y is -inf; give a finite number"),
    ],
)
def test_a_row_that_is_no_point_is_named(cells, message):
    with pytest.raises(UserError) as caught:
        read_points([(6, ["0", "0"]), (7, cells), (8, ["1", "1"])], Path("pen.dat"), ("X", "Y"))
    assert f"pen.dat, {message}" in str(caught.value)


def test_a_single_number():
    assert check_number(" -3.5", "here", "x") == -3.5
    with pytest.raises(UserError, match=r"here: x is 'east', which is no number"):
        check_number("east", "here", "x")
