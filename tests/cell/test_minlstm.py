import pytest
import torch

from throughtime.cell.minimal_recurrence import MinimalState, make_positive
from throughtime.cell.minlstm import MinLSTM

INPUT, HIDDEN = 3, 4


@pytest.mark.parametrize("positive", [False, True])
def test_one_step_is_the_equation(positive):
    torch.manual_seed(0)
    cell = MinLSTM(INPUT, HIDDEN, positive=positive).double()
    torch.nn.init.normal_(cell.bias)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    f, i, n = (cell.weight_input @ x + cell.bias).chunk(3)
    f, i, n = torch.sigmoid(f), torch.sigmoid(i), make_positive(n) if positive else n
    output, state = cell.step(cell.project(x[None]), MinimalState(h[None]))
    torch.testing.assert_close(output[0], f / (f + i) * h + i / (f + i) * n)
    assert torch.equal(output, state.hidden)


def test_two_shut_gates_share_the_whole_as_two_open_ones_do():
    """f / (f + i) of two gates that are 0 in single precision."""
    cell = MinLSTM(INPUT, HIDDEN)
    with torch.no_grad():
        cell.bias[: 2 * HIDDEN] = -1000
        cell.weight_input[: 2 * HIDDEN] = 0
    forget, _ = cell.coefficients(cell.project(torch.randn(2, INPUT).requires_grad_()))
    torch.testing.assert_close(forget, torch.full((2, HIDDEN), 0.5))
    gradient = torch.autograd.grad(forget.sum(), cell.bias)[0]
    assert gradient.isfinite().all()


def test_a_larger_forget_bias_keeps_more_of_the_state():
    forgets = []
    for bias in (0.0, 1.0, 5.0):
        cell = MinLSTM(INPUT, HIDDEN, forget_bias=bias)
        forgets.append(cell.coefficients(cell.project(torch.zeros(1, INPUT)))[0].mean().item())
    assert forgets == sorted(forgets)
    assert forgets[0] == pytest.approx(0.5)
