import pytest
import torch

from throughtime.cell.additive import Additive, AdditiveState
from throughtime.cell.elman import Elman, ElmanState
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 5


def some_cell(**options):
    torch.manual_seed(0)
    cell = Additive(INPUT, HIDDEN, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return cell


def right_side(cell, x, signal, before):
    """ds/dt, with the squashed signals of the step before."""
    decay = torch.exp(cell.log_decay)
    return cell.project(x) + torch.tanh(before) @ cell.weight_recurrent.T - decay * signal


@pytest.mark.parametrize("step_size", [0.1, 1.0, 20.0])
def test_a_step_solves_the_implicit_equation(step_size):
    cell = some_cell(step_size=step_size)
    x, before = torch.randn(2, INPUT).double(), torch.randn(2, HIDDEN).double()
    output, (signal,) = cell.step(cell.project(x), AdditiveState(before))
    torch.testing.assert_close((signal - before) / step_size, right_side(cell, x, signal, before))
    assert torch.equal(output, torch.tanh(signal))


def test_short_steps_follow_the_differential_equation():
    """The error after a fixed time is of the first order: half the step, half the error."""
    x, before = torch.randn(1, 2, INPUT).double(), torch.randn(2, HIDDEN).double()

    def after(steps):
        cell = some_cell(step_size=1 / steps)
        return Reference().run(cell, x.expand(steps, -1, -1), AdditiveState(before))[1].signal

    exact = 2 * after(4096) - after(2048)
    coarse, fine = ((after(steps) - exact).abs().max() for steps in (64, 128))
    assert 1.8 < coarse / fine < 2.2


def test_long_steps_are_the_recurrent_network():
    cell = some_cell(step_size=1e9)
    network = Elman(INPUT, HIDDEN, output_activation=None).double()
    decay = torch.exp(cell.log_decay)
    with torch.no_grad():
        network.weight_input.copy_(cell.weight_input / decay[:, None])
        network.weight_recurrent.copy_(cell.weight_recurrent / decay[:, None])
        network.bias.copy_(cell.bias / decay)
    inputs, signal = torch.randn(9, 2, INPUT).double(), torch.randn(2, HIDDEN).double()
    outputs, _ = Reference().run(cell, inputs, AdditiveState(signal))
    expected, _ = Reference().run(network, inputs, ElmanState(torch.tanh(signal)))
    torch.testing.assert_close(outputs, expected)


def test_a_step_of_no_time_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="step_size must be above 0"):
        Additive(INPUT, HIDDEN, step_size=0.0)
