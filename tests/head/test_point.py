"""The three errors of a point."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.head.point import Point


@pytest.mark.parametrize(("error", "expected"), [("mse", 4.625), ("mae", 1.75), ("huber", 1.3125)])
def test_errors_of_a_half_and_of_three(error, expected):
    head = Point(1, 1, error=error)
    torch.nn.init.zeros_(head.map.weight), torch.nn.init.zeros_(head.map.bias)
    assert float(head.loss(torch.zeros(1, 2, 1), torch.tensor([[[0.5], [3.0]]]))) == pytest.approx(expected)


def test_an_unknown_error_is_refused():
    with pytest.raises(UserError, match="error=mape"):
        Point(1, 1, error="mape")
