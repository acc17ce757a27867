import pytest
import torch

from throughtime.cell.cornn import CoRNN, CoRNNState
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def energies(cell: CoRNN, state: CoRNNState, inputs: torch.Tensor) -> torch.Tensor:
    """γ |y_t|² + |z_t|² before the first step and after each."""
    found = []
    for x in [None, *inputs]:
        state = state if x is None else cell.step(cell.project(x), state)[1]
        found.append(cell.frequency * state.hidden.square().sum(1) + state.velocity.square().sum(1))
    return torch.stack(found).detach()


def test_one_step_satisfies_the_implicit_equation():
    torch.manual_seed(0)
    cell = CoRNN(INPUT, HIDDEN, step_size=0.3).double()
    x, y, z = (torch.randn(1, n).double() for n in (INPUT, HIDDEN, HIDDEN))
    output, (y_after, z_after) = cell.step(cell.project(x), CoRNNState(y, z))
    w, w_z = cell.weight_recurrent.chunk(2, 1)
    force = torch.tanh(y @ w.T + z @ w_z.T + x @ cell.weight_input.T + cell.bias)
    torch.testing.assert_close(z_after, z + 0.3 * (force - 2.7 * y - 4.7 * z_after))
    torch.testing.assert_close(y_after, y + 0.3 * z_after)
    assert torch.equal(output, y_after)


@pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
def test_the_energy_is_bounded_whatever_the_weights(scale):
    """After n steps it is at most n Δ H / ε more (Rusch & Mishra 2021, proposition 3.1, with γ and ε kept)."""
    torch.manual_seed(0)
    cell = CoRNN(INPUT, HIDDEN, step_size=0.1, frequency=2.0, damping=1.0).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    state = CoRNNState(torch.randn(5, HIDDEN).double(), torch.randn(5, HIDDEN).double())
    energy = energies(cell, state, scale * torch.randn(200, 5, INPUT).double())
    grown = torch.arange(201)[:, None] * 0.1 * HIDDEN / 1.0
    assert (energy <= energy[0] + grown + 1e-9).all()


def test_without_a_force_the_oscillators_come_to_rest():
    cell = CoRNN(INPUT, HIDDEN)
    torch.nn.init.zeros_(cell.weight_recurrent)
    state = CoRNNState(torch.randn(2, HIDDEN), torch.randn(2, HIDDEN))
    energy = energies(cell, state, torch.zeros(300, 2, INPUT))
    assert (energy[1:] <= energy[:-1]).all()
    assert (energy[-1] < 1e-3 * energy[0]).all()


@pytest.mark.parametrize("option", ["step_size", "frequency", "damping"])
def test_a_wrong_option_is_named(option):
    with pytest.raises(UserError, match=f"{option} must be above 0"):
        CoRNN(INPUT, HIDDEN, **{option: 0.0})
