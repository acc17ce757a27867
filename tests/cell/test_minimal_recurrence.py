import pytest
import torch

from throughtime.cell.mingru import MinGRU
from throughtime.cell.minimal_recurrence import make_positive
from throughtime.cell.minlstm import MinLSTM


def test_a_positive_candidate_is_above_zero_continuous_and_increasing():
    values = make_positive(torch.linspace(-8, 8, 10001))
    assert (values > 0).all()
    assert (values.diff() > 0).all()
    assert values.diff().max() < 0.002


@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_the_coefficients_are_in_the_precision_of_the_state_under_autocast(kind):
    cell = kind(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        a, b = cell.coefficients(cell.project(torch.randn(2, 3)))
    assert a.dtype == b.dtype == torch.float32
