import pytest
import torch

from throughtime.cell.mgu import MGU, MGUState
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def test_one_step_is_the_equation():
    torch.manual_seed(0)
    cell = MGU(INPUT, HIDDEN).double()
    torch.nn.init.normal_(cell.bias)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    (w_f, w_n), (u_f, u_n), (b_f, b_n) = (
        p.chunk(2) for p in (cell.weight_input, cell.weight_recurrent, cell.bias)
    )
    f = torch.sigmoid(w_f @ x + u_f @ h + b_f)
    n = torch.tanh(w_n @ x + u_n @ (f * h) + b_n)
    output, state = cell.step(cell.project(x[None]), MGUState(h[None]))
    torch.testing.assert_close(output[0], (1 - f) * h + f * n)
    assert torch.equal(output, state.hidden)


def test_a_shut_gate_keeps_the_state():
    cell = MGU(INPUT, HIDDEN)
    with torch.no_grad():
        cell.bias[:HIDDEN] = -100
    before = state = MGUState(torch.randn(2, HIDDEN))
    for _ in range(100):
        _, state = cell.step(cell.project(torch.randn(2, INPUT)), state)
    torch.testing.assert_close(state.hidden, before.hidden)


def test_a_size_of_nothing_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="hidden_size must be above 0"):
        MGU(INPUT, 0)
