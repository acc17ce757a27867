"""Lyapunov exponents that are differentiated are those of the diagnosis, and flossing pulls them to 0."""

import math

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.diagnosis.dynamics import jacobians, lyapunov_spectrum
from throughtime.engine.recorded_runs import recorded_runs
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.regulariser.flossing import Flossing, leading_exponents

STEPS, LANES = 12, 2


def made(kind, size=4, **settings):
    torch.manual_seed(1)
    return kind(3, size, **settings).double()


def sequence(cell, steps=STEPS):
    torch.manual_seed(2)
    return torch.randn(steps, LANES, cell.input_size, dtype=torch.float64)


def runs_of(cell, resets=None):
    with recorded_runs() as runs:
        outputs, _ = Reference().run(cell, sequence(cell), cell.initial_state(LANES), resets=resets)
    return runs, outputs.sum()


@pytest.mark.parametrize(("kind", "every"), [(LSTM, 1), (GRU, 1), (GRU, 3)])
def test_the_exponents_are_those_of_the_jacobians(kind, every) -> None:
    cell = made(kind)
    inputs, state = sequence(cell), cell.initial_state(LANES)
    found = leading_exponents(cell, inputs, state, 3, every).detach()
    expected = lyapunov_spectrum(jacobians(cell, inputs, state), 3)
    torch.testing.assert_close(found.sort(-1, descending=True).values, expected)


@pytest.mark.parametrize("rho", [1.0, 0.8, 1.2])
def test_a_linear_cell_has_the_logarithm_of_its_spectral_radius(rho) -> None:
    cell = made(Elman, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(rho)
    runs, loss = runs_of(cell)
    penalty = Flossing(1.0, exponents=3).penalty(runs, loss)
    assert float(penalty) == pytest.approx(3 * math.log(rho) ** 2, abs=1e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_its_gradient_is_that_of_finite_differences(kind) -> None:
    """Through Jacobians, QR decompositions, and the states along which they are taken."""
    cell = made(kind)
    flossing = Flossing(1.0, exponents=2, steps=8)
    (gradient,) = torch.autograd.grad(flossing.penalty(*runs_of(cell)), cell.weight_recurrent)
    assert gradient.abs().max() > 1e-3
    size = 1e-6
    with torch.no_grad():
        for place in [(0, 0), (1, 2), (3, 3)]:
            values = []
            for sign in (1, -1):
                cell.weight_recurrent[place] += sign * size
                values.append(float(flossing.penalty(*runs_of(cell))))
                cell.weight_recurrent[place] -= sign * size
            expected = (values[0] - values[1]) / (2 * size)
            assert float(gradient[place]) == pytest.approx(expected, rel=1e-4, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_descent_brings_the_exponents_of_a_contracting_and_of_a_chaotic_cell_to_zero(gain) -> None:
    cell = made(Elman, 8, output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(gain)
    flossing = Flossing(1.0, exponents=2, steps=8)
    optimiser = torch.optim.Adam(cell.parameters(), lr=0.05)
    first = float(flossing.penalty(*runs_of(cell)).detach())
    for _ in range(25):
        optimiser.zero_grad()
        flossing.penalty(*runs_of(cell)).backward()
        optimiser.step()
    assert float(flossing.penalty(*runs_of(cell)).detach()) < 0.2 * first


def test_exponents_are_measured_between_resets() -> None:
    """Of a lane that starts anew after four steps, the eight after them count, from the initial state."""
    cell = made(GRU)
    resets = torch.zeros(STEPS, LANES, dtype=torch.bool)
    resets[4] = True
    runs, loss = runs_of(cell, resets)
    expected = (
        leading_exponents(cell, sequence(cell)[4:], cell.initial_state(LANES), 2).square().sum(-1).mean()
    )
    found = Flossing(1.0, exponents=2).penalty(runs, loss)
    assert float(found) == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("name", ["exponents", "steps", "sequences", "orthonormalise_every"])
def test_settings_are_checked(name) -> None:
    with pytest.raises(UserError, match=f"{name} must be above 0"):
        Flossing(1.0, **{name: 0})
