import pytest
import torch

from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def test_one_step_is_the_equation():
    torch.manual_seed(0)
    cell = LSTM(INPUT, HIDDEN, peepholes=True, projection_size=2).double()
    torch.nn.init.normal_(cell.weight_peephole)
    x, h, c = (torch.randn(n, dtype=torch.float64) for n in (INPUT, 2, HIDDEN))
    w, u, b = (p.chunk(4) for p in (cell.weight_input, cell.weight_recurrent, cell.bias))
    a_i, a_f, a_g, a_o = (w[k] @ x + u[k] @ h + b[k] for k in range(4))
    p_i, p_f, p_o = cell.weight_peephole
    i, f = torch.sigmoid(a_i + p_i * c), torch.sigmoid(a_f + p_f * c)
    memory = f * c + i * torch.tanh(a_g)
    hidden = cell.weight_projection @ (torch.sigmoid(a_o + p_o * memory) * torch.tanh(memory))
    output, state = cell.step(cell.project(x[None]), LSTMState(h[None], c[None]))
    torch.testing.assert_close(state.cell[0], memory)
    torch.testing.assert_close(state.hidden[0], hidden)
    assert torch.equal(output, state.hidden)


def test_an_open_forget_gate_and_a_closed_input_gate_keep_the_memory():
    cell = LSTM(INPUT, HIDDEN, forget_bias=100.0)
    with torch.no_grad():
        cell.bias[:HIDDEN] = -100
    state = LSTMState(torch.zeros(2, HIDDEN), torch.randn(2, HIDDEN))
    memory = state.cell
    for _ in range(100):
        _, state = cell.step(cell.project(torch.randn(2, INPUT)), state)
    torch.testing.assert_close(state.cell, memory)


def test_the_forget_bias_is_the_only_bias_that_is_not_zero():
    bias = LSTM(INPUT, HIDDEN, forget_bias=2.0).bias
    assert bias.chunk(4)[1].tolist() == [2.0] * HIDDEN
    assert bias.sum() == 2.0 * HIDDEN


def test_a_projection_sets_the_size_of_the_output():
    cell = LSTM(INPUT, HIDDEN, projection_size=2)
    output, state = cell.step(cell.project(torch.randn(5, INPUT)), cell.initial_state(5))
    assert cell.output_size == 2
    assert output.shape == state.hidden.shape == (5, 2)
    assert state.cell.shape == (5, HIDDEN)


@pytest.mark.parametrize(
    "options", [{"hidden_size": -1}, {"projection_size": 0}, {"input_initialisation": "none"}]
)
def test_a_wrong_option_is_a_mistake_of_the_user(options):
    with pytest.raises(UserError):
        LSTM(**{"input_size": INPUT, "hidden_size": HIDDEN, **options})
