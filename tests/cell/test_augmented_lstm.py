import pytest
import torch
from torch.nn import functional

from throughtime.cell.augmented_lstm import AugmentedLSTM, AugmentedLSTMState
from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN, PROJECTION = 3, 4, 2


def some_cell(**options):
    torch.manual_seed(0)
    cell = AugmentedLSTM(INPUT, HIDDEN, projection_size=PROJECTION, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return cell


def ahead(cell, inputs):
    """The paper's cell, its window over x_t … x_{t+K-1} with the weights of the last step first, gate by gate."""
    steps, size = len(inputs) - cell.window + 1, cell.hidden_size
    weights = cell.weight_input.unflatten(0, (cell.window, 5, size)).flip(0)
    u, b = cell.weight_recurrent.unflatten(0, (5, size)), cell.bias.unflatten(0, (5, size))
    v_e, v_i, v_f, v_o = cell.weight_memory.split(size)
    hidden, memory, outputs = inputs.new_zeros(PROJECTION), inputs.new_zeros(size), []
    for t in range(steps):
        xi = torch.einsum("kghi,ki->gh", weights, inputs[t : t + cell.window])
        recurrent = u @ hidden + b
        e, i, f = (torch.sigmoid(xi[n] + recurrent[n] + v @ memory) for n, v in enumerate((v_e, v_i, v_f)))
        memory = f * memory + i * torch.tanh(e * xi[3] + recurrent[3])
        o = torch.sigmoid(xi[4] + recurrent[4] + v_o @ memory)
        hidden = cell.weight_projection @ (o * torch.tanh(memory))
        outputs.append(hidden)
    return torch.stack(outputs)


@pytest.mark.parametrize("window", [1, 2, 4])
def test_it_is_the_cell_of_the_paper_when_its_window_is_full(window):
    """Begun at the moment when the window is full, output t is the paper's of the step where the window began."""
    cell, inputs = some_cell(window=window), torch.randn(9, INPUT).double()
    state = cell.initial_state(1)
    for x in inputs[: window - 1, None]:
        _, state = cell.step(cell.project(x), state)
    state = state._replace(hidden=torch.zeros_like(state.hidden), cell=torch.zeros_like(state.cell))
    outputs, _ = Reference().run(cell, inputs[window - 1 :, None], state)
    torch.testing.assert_close(outputs[:, 0], ahead(cell, inputs))


def test_an_input_is_seen_for_as_long_as_the_window_is():
    """With closed forget gates and no recurrence, what is K steps past has no influence at all."""
    cell = some_cell(window=3)
    with torch.no_grad():
        cell.weight_recurrent.zero_()
        cell.weight_memory.zero_()
        cell.bias[2 * HIDDEN : 3 * HIDDEN] = -1e4
    inputs = torch.randn(9, 1, INPUT).double().requires_grad_()
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(1))
    gradient = torch.autograd.grad(outputs[6].sum(), inputs)[0]
    assert gradient.abs().sum((1, 2)).nonzero().flatten().tolist() == [4, 5, 6]


def test_without_its_extensions_it_is_an_lstm():
    cell, lstm = AugmentedLSTM(INPUT, HIDDEN, window=1).double(), LSTM(INPUT, HIDDEN).double()
    with torch.no_grad():
        cell.bias[:HIDDEN] = 1e4
        cell.weight_memory.zero_()
        cell.weight_projection.copy_(torch.eye(HIDDEN))
        lstm.weight_input.copy_(cell.weight_input[HIDDEN:])
        lstm.weight_recurrent.copy_(cell.weight_recurrent[HIDDEN:])
        lstm.bias.copy_(cell.bias[HIDDEN:])
    inputs = torch.randn(9, 2, INPUT).double()
    outputs, after = Reference().run(cell, inputs, cell.initial_state(2))
    expected, expected_after = Reference().run(lstm, inputs, lstm.initial_state(2))
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(after, expected_after)


def test_a_step_may_be_taken_alone():
    """As in generation: a window needs no inputs that are still to come."""
    cell, inputs = some_cell(window=3), torch.randn(6, 2, INPUT).double()
    state, outputs = cell.initial_state(2), []
    for x in inputs:
        output, state = cell.step(cell.project(x), state)
        outputs.append(output)
    expected, after = Reference().run(cell, inputs, cell.initial_state(2))
    torch.testing.assert_close(torch.stack(outputs), expected)
    torch.testing.assert_close(state, after)
    assert isinstance(state, AugmentedLSTMState)


def test_what_waits_is_what_is_still_in_the_window():
    cell, inputs = some_cell(window=3), torch.randn(7, 2, INPUT).double()
    _, state = Reference().run(cell, inputs, cell.initial_state(2))
    w = cell.weight_input.split(5 * HIDDEN)
    first = functional.linear(inputs[-1], w[1]) + functional.linear(inputs[-2], w[2])
    torch.testing.assert_close(state.pending, torch.cat((first, functional.linear(inputs[-1], w[2])), 1))
    assert isinstance(some_cell(window=1).initial_state(2), LSTMState)


def test_a_window_of_nothing_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="window must be above 0"):
        AugmentedLSTM(INPUT, HIDDEN, window=0)
