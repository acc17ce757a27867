import pytest
import torch

from throughtime.cell.mingru import MinGRU
from throughtime.cell.minimal_recurrence import MinimalState, make_positive
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


@pytest.mark.parametrize("positive", [False, True])
def test_one_step_is_the_equation(positive):
    torch.manual_seed(0)
    cell = MinGRU(INPUT, HIDDEN, positive).double()
    torch.nn.init.normal_(cell.bias)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    z, n = (cell.weight_input @ x + cell.bias).chunk(2)
    z, n = torch.sigmoid(z), make_positive(n) if positive else n
    output, state = cell.step(cell.project(x[None]), MinimalState(h[None]))
    torch.testing.assert_close(output[0], (1 - z) * h + z * n)
    assert torch.equal(output, state.hidden)


def test_a_state_is_a_mean_of_candidates():
    """With the weights of the mean summing to 1, it lies between the least and the greatest of them."""
    cell = MinGRU(INPUT, HIDDEN, positive=False)
    inputs = torch.randn(100, 2, INPUT)
    candidates = (inputs @ cell.weight_input.T + cell.bias).chunk(2, -1)[1]
    outputs, _ = Reference().run(cell, inputs, MinimalState(candidates[0]))
    assert (outputs <= candidates.cummax(0).values + 1e-6).all()
    assert (outputs >= candidates.cummin(0).values - 1e-6).all()


def test_a_size_of_nothing_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="hidden_size must be above 0"):
        MinGRU(INPUT, 0)
