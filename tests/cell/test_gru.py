import pytest
import torch

from throughtime.cell.gru import GRU, GRUState
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


@pytest.mark.parametrize("form", ["after", "before"])
def test_one_step_is_the_equation(form):
    torch.manual_seed(0)
    cell = GRU(INPUT, HIDDEN, reset=form).double()
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    w, u, b = (p.chunk(3) for p in (cell.weight_input, cell.weight_recurrent, cell.bias))
    r, z = (torch.sigmoid(w[k] @ x + u[k] @ h + b[k]) for k in range(2))
    if form == "after":
        torch.nn.init.normal_(cell.bias_recurrent)
        n = torch.tanh(w[2] @ x + b[2] + r * (u[2] @ h + cell.bias_recurrent))
    else:
        n = torch.tanh(w[2] @ x + b[2] + u[2] @ (r * h))
    output, state = cell.step(cell.project(x[None]), GRUState(h[None]))
    torch.testing.assert_close(output[0], (1 - z) * n + z * h)
    assert torch.equal(output, state.hidden)


@pytest.mark.parametrize("form", ["after", "before"])
def test_an_open_update_gate_keeps_the_state(form):
    cell = GRU(INPUT, HIDDEN, reset=form)
    with torch.no_grad():
        cell.bias[HIDDEN : 2 * HIDDEN] = 100
    before = state = GRUState(torch.randn(2, HIDDEN))
    for _ in range(100):
        _, state = cell.step(cell.project(torch.randn(2, INPUT)), state)
    torch.testing.assert_close(state.hidden, before.hidden)


def test_an_unknown_form_of_reset_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="reset=middle"):
        GRU(INPUT, HIDDEN, reset="middle")
