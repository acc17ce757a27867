import pytest
import torch

from throughtime.cell.lem import LEM, LEMState
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def test_one_step_is_the_equation():
    torch.manual_seed(0)
    cell = LEM(INPUT, HIDDEN, step_size=0.5).double()
    torch.nn.init.normal_(cell.bias)
    x, y, z = (torch.randn(n).double() for n in (INPUT, HIDDEN, HIDDEN))
    v, w, b = (p.chunk(4) for p in (cell.weight_input, cell.weight_recurrent, cell.bias))
    s, r = (0.5 * torch.sigmoid(w[k] @ y + v[k] @ x + b[k]) for k in range(2))
    memory = (1 - s) * z + s * torch.tanh(w[2] @ y + v[2] @ x + b[2])
    hidden = (1 - r) * y + r * torch.tanh(w[3] @ memory + v[3] @ x + b[3])
    output, state = cell.step(cell.project(x[None]), LEMState(y[None], z[None]))
    torch.testing.assert_close(state.memory[0], memory)
    torch.testing.assert_close(output[0], hidden)
    assert torch.equal(output, state.hidden)


def test_both_states_stay_within_one():
    """Rusch et al. 2022, proposition 4.1, for Δ ≤ 1."""
    torch.manual_seed(0)
    cell = LEM(INPUT, HIDDEN)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=10)
    outputs, state = Reference().run(cell, 10 * torch.randn(200, 3, INPUT), cell.initial_state(3))
    assert outputs.abs().max() <= 1
    assert state.memory.abs().max() <= 1


def test_a_unit_with_no_time_step_stands_still():
    cell = LEM(INPUT, HIDDEN)
    with torch.no_grad():
        cell.bias[: 2 * HIDDEN] = -100
    before = LEMState(torch.randn(2, HIDDEN), torch.randn(2, HIDDEN))
    _, after = Reference().run(cell, torch.randn(50, 2, INPUT), before)
    torch.testing.assert_close(after, before)


def test_a_step_of_nothing_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="step_size must be above 0"):
        LEM(INPUT, HIDDEN, step_size=0.0)
