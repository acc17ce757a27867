import pytest
import torch

from throughtime.cell.coupled_lstm import CoupledLSTM
from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def some_cell():
    torch.manual_seed(0)
    cell = CoupledLSTM(INPUT, HIDDEN).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return cell


def of_the_paper(cell, inputs):
    """The equations task by task and gate by gate, for one lane."""
    w = cell.weight_input.unflatten(0, (2, 5, HIDDEN))
    b = cell.bias.unflatten(0, (2, 5, HIDDEN))
    u = cell.weight_recurrent.unflatten(1, (6, HIDDEN))
    h, c, outputs = inputs.new_zeros(2, HIDDEN), inputs.new_zeros(2, HIDDEN), []
    for x in inputs:
        before, h, c = h, h.clone(), c.clone()
        for m in range(2):
            i, f, o = (torch.sigmoid(w[m, n] @ x + u[m, n] @ before[m] + b[m, n]) for n in range(3))
            total = w[m, 4] @ x + b[m, 4]
            for source in range(2):
                g = torch.sigmoid(w[m, 3] @ x + u[source, 3] @ before[source] + b[m, 3])
                total = total + g * (u[source, 4 + m] @ before[source])
            c[m] = f * c[m] + i * torch.tanh(total)
            h[m] = o * torch.tanh(c[m])
        outputs.append(h.flatten())
    return torch.stack(outputs)


def test_it_is_the_recurrence_of_the_paper():
    cell, inputs = some_cell(), torch.randn(6, INPUT).double()
    with torch.no_grad():
        outputs, _ = Reference().run(cell, inputs[:, None], cell.initial_state(1))
        torch.testing.assert_close(outputs[:, 0], of_the_paper(cell, inputs))


def test_with_open_gates_and_no_coupling_it_is_two_lstms():
    cell, inputs = some_cell(), torch.randn(6, 2, INPUT).double()
    with torch.no_grad():
        cell.bias.view(2, 5, HIDDEN)[:, 3] = 1e4
        u = cell.weight_recurrent.view(2, 6, HIDDEN, HIDDEN)
        u[0, 5], u[1, 4] = 0, 0
        outputs, _ = Reference().run(cell, inputs, cell.initial_state(2))
        for task, own in enumerate(outputs.chunk(2, -1)):
            lstm = LSTM(INPUT, HIDDEN).double()
            order = torch.tensor([0, 1, 4, 2])  # i, f, candidate, o
            lstm.weight_input.copy_(cell.weight_input.view(2, 5, HIDDEN, INPUT)[task, order].flatten(0, 1))
            lstm.bias.copy_(cell.bias.view(2, 5, HIDDEN)[task, order].flatten())
            lstm.weight_recurrent.copy_(u[task, torch.tensor([0, 1, 4 + task, 2])].flatten(0, 1))
            expected, _ = Reference().run(lstm, inputs, lstm.initial_state(2))
            torch.testing.assert_close(own, expected)


def test_each_task_reads_the_past_of_the_other():
    cell = some_cell()
    state = cell.initial_state(1)
    hidden = state.hidden.requires_grad_()
    output, _ = cell.step(cell.project(torch.randn(1, INPUT).double()), state)
    for task in range(2):
        own = output[0, task * HIDDEN : (task + 1) * HIDDEN].sum()
        gradient = torch.autograd.grad(own, hidden, retain_graph=True)[0]
        assert gradient.view(2, HIDDEN)[1 - task].abs().min() > 0


def test_a_size_of_nothing_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="hidden_size must be above 0"):
        CoupledLSTM(INPUT, 0)


@pytest.mark.parametrize("engine", [BackpropagationThroughTime, Fused])
def test_an_engine_gives_the_values_and_gradients_of_the_plain_loop(engine):
    cell, inputs, lengths = some_cell(), torch.randn(6, 3, INPUT).double(), torch.tensor([6, 2, 4])
    found = []
    for one in (Reference(), engine()):
        outputs, after = one.run(cell, inputs, cell.initial_state(3), lengths)
        gradients = torch.autograd.grad(outputs[:2].sum() + after.cell.sum(), list(cell.parameters()))
        found.append((outputs[:2], *after, *gradients))
    torch.testing.assert_close(found[1], found[0])
