import pytest
import torch

from throughtime.engine.compiler.runtime.array_checks import check_array, check_shape


def test_an_array_as_the_c_reads_it_is_let_through():
    check_array("x", torch.zeros(3, 4), torch.float32, 12)
    check_array("x", torch.zeros(4, 3).t(), torch.float32, 12, contiguous=False)
    check_array("x", torch.zeros(3, 0), torch.float32, 0)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (torch.zeros(3, 4, dtype=torch.float64), "x of type float32, got float64"),
        (torch.zeros(3, 3), r"x of 12 numbers, got 9 as \[3, 3\]"),
        (torch.zeros(3, 4, device="meta"), "x to be a dense tensor on cpu, got one on meta"),
        (torch.zeros(3, 4).to_sparse(), "x to be a dense tensor on cpu"),
        (torch.zeros(4, 3).t(), r"x to be contiguous, got strides \[1, 3\]"),
    ],
)
def test_any_other_is_refused_by_name(array, message):
    with pytest.raises(RuntimeError, match=message):
        check_array("x", array, torch.float32, 12)


def test_as_many_numbers_in_another_shape_are_refused_where_the_shape_counts():
    check_shape("x", torch.zeros(3, 4), (3, 4))
    with pytest.raises(RuntimeError, match=r"x of shape \[3, 4\], got \[4, 3\]"):
        check_shape("x", torch.zeros(4, 3), (3, 4))
