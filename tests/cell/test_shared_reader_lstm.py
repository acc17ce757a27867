import pytest
import torch

from throughtime.cell.lstm import LSTM
from throughtime.cell.shared_reader_lstm import SharedReaderLSTM
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, SHARED, HIDDEN = 3, 2, 4


def some_cell():
    torch.manual_seed(0)
    cell = SharedReaderLSTM(INPUT + SHARED, HIDDEN, SHARED).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return cell


def test_it_is_the_recurrence_of_the_paper():
    cell, inputs = some_cell(), torch.randn(6, INPUT + SHARED).double()
    w, u, b = (
        part.unflatten(0, (5, HIDDEN)) for part in (cell.weight_input, cell.weight_recurrent, cell.bias)
    )
    u_g, u_c = cell.weight_shared.unflatten(0, (2, HIDDEN))
    h, c, expected = inputs.new_zeros(HIDDEN), inputs.new_zeros(HIDDEN), []
    with torch.no_grad():
        for x, s in zip(*inputs.split((INPUT, SHARED), 1), strict=True):
            i, f, o, g = (torch.sigmoid(w[n] @ x + u[n] @ h + b[n]) for n in range(4))
            g_s = torch.sigmoid(w[3] @ x + u_g @ s + b[3])
            c = f * c + i * torch.tanh(w[4] @ x + g * (u[4] @ h) + g_s * (u_c @ s) + b[4])
            h = o * torch.tanh(c)
            expected.append(h)
        outputs, _ = Reference().run(cell, inputs[:, None], cell.initial_state(1))
    torch.testing.assert_close(outputs[:, 0], torch.stack(expected))


def test_with_open_gates_it_is_an_lstm_that_reads_the_shared_layer_in_its_candidate():
    cell, lstm = some_cell(), LSTM(INPUT + SHARED, HIDDEN).double()
    inputs = torch.randn(6, 2, INPUT + SHARED).double()
    with torch.no_grad():
        cell.bias[3 * HIDDEN : 4 * HIDDEN] = 1e4
        order = torch.tensor([0, 1, 4, 2])  # i, f, candidate, o
        weight = torch.zeros(4, HIDDEN, INPUT + SHARED).double()
        weight[..., :INPUT] = cell.weight_input.view(5, HIDDEN, INPUT)[order]
        weight[2, :, INPUT:] = cell.weight_shared[HIDDEN:]
        lstm.weight_input.copy_(weight.flatten(0, 1))
        lstm.weight_recurrent.copy_(cell.weight_recurrent.view(5, HIDDEN, HIDDEN)[order].flatten(0, 1))
        lstm.bias.copy_(cell.bias.view(5, HIDDEN)[order].flatten())
        outputs, _ = Reference().run(cell, inputs, cell.initial_state(2))
        expected, _ = Reference().run(lstm, inputs, lstm.initial_state(2))
    torch.testing.assert_close(outputs, expected)


def test_a_shared_layer_leaves_features_of_the_input():
    with pytest.raises(UserError, match="shared_size=3 must be below the 3 features"):
        SharedReaderLSTM(3, HIDDEN, 3)


@pytest.mark.parametrize("engine", [BackpropagationThroughTime, Fused])
def test_an_engine_gives_the_values_and_gradients_of_the_plain_loop(engine):
    cell, inputs, lengths = some_cell(), torch.randn(6, 3, INPUT + SHARED).double(), torch.tensor([6, 2, 4])
    found = []
    for one in (Reference(), engine()):
        outputs, after = one.run(cell, inputs, cell.initial_state(3), lengths)
        gradients = torch.autograd.grad(outputs[:2].sum() + after.cell.sum(), list(cell.parameters()))
        found.append((outputs[:2], *after, *gradients))
    torch.testing.assert_close(found[1], found[0])
