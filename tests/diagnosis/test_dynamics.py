"""Jacobians are those of the step; singular values and Lyapunov exponents are those that theory gives."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lru import LRU
from throughtime.cell.lstm import LSTM
from throughtime.diagnosis.dynamics import (
    flat,
    jacobians,
    lyapunov_spectrum,
    singular_values,
    step_jacobian,
    unflat,
    unit_memory,
)


class Point(NamedTuple):
    """x, y, z."""

    place: Float[Tensor, "B 3"]


class Lorenz(Cell):
    """One Runge-Kutta step of x' = σ(y - x), y' = x(ρ - z) - y, z' = xy - βz (Lorenz 1963)."""

    def __init__(self, step_size: float) -> None:
        super().__init__(1, 3)
        self.step_size = step_size

    def initial_state(self, batch_size):
        return Point(torch.tensor([[1.0, 2.0, 20.0], [-3.0, 1.0, 25.0]], dtype=torch.float64)[:batch_size])

    def project(self, inputs):
        return inputs

    def slope(self, place):
        x, y, z = place.unbind(-1)
        return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], -1)

    def step(self, projected, state):
        h, place = self.step_size, state.place
        a = self.slope(place)
        b = self.slope(place + h / 2 * a)
        c = self.slope(place + h / 2 * b)
        d = self.slope(place + h * c)
        place = place + h / 6 * (a + 2 * b + 2 * c + d)
        return place, Point(place)


@pytest.mark.slow
def test_the_exponents_of_lorenz() -> None:
    """0.9056, 0 and -14.5723 an unit of time (Sprott 2003, Chaos and Time-Series Analysis)."""
    cell, steps = Lorenz(0.01), 40_000
    lanes = jacobians(cell, torch.zeros(steps, 2, 1), cell.initial_state(2))
    found = lyapunov_spectrum(lanes, transient=2000).mean(0) / 0.01
    assert found[0] == pytest.approx(0.906, rel=0.02)
    assert found[1] == pytest.approx(0, abs=0.02)
    assert found[2] == pytest.approx(-14.57, rel=0.02)


def test_the_sum_of_the_exponents_of_lorenz_is_the_contraction_of_its_volume() -> None:
    """The trace of the flow's derivative is -(σ + 1 + β) at every point."""
    cell = Lorenz(0.01)
    found = lyapunov_spectrum(jacobians(cell, torch.zeros(300, 2, 1), cell.initial_state(2)))
    torch.testing.assert_close(
        found.sum(-1) / 0.01, torch.full((2,), -(10 + 1 + 8 / 3), dtype=torch.float64), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("cell", [Elman(3, 4), GRU(3, 4), LSTM(3, 4, peepholes=True), LRU(3, 4)])
def test_a_jacobian_is_the_quotient_of_differences(cell: Cell) -> None:
    torch.manual_seed(0)
    cell.double()
    projected = cell.project(torch.randn(2, 3).double())
    state = cell.initial_state(2)
    state = unflat(torch.randn_like(flat(state)) * 0.3, state)
    jacobian, after = step_jacobian(cell, projected, state)
    torch.testing.assert_close(flat(after), flat(cell.step(projected, state)[1]))
    vectors, size = flat(state), 1e-6
    for column in range(vectors.shape[1]):
        change = torch.zeros_like(vectors)
        change[:, column] = size
        up, down = (flat(cell.step(projected, unflat(vectors + sign * change, state))[1]) for sign in (1, -1))
        torch.testing.assert_close(jacobian[:, :, column], (up - down) / (2 * size), rtol=1e-5, atol=1e-7)


def linear(matrix: Tensor) -> Elman:
    cell = Elman(1, len(matrix), activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.copy_(matrix)
    return cell


def test_the_spectrum_of_a_linear_cell_is_that_of_its_eigenvalues() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(8, 8) / 3
    cell = linear(matrix)
    steps = list(jacobians(cell, torch.zeros(400, 1, 1), cell.initial_state(1)))
    expected = torch.linalg.eigvals(matrix.double()).abs().log().sort(descending=True).values
    for count in (None, 3):
        found = lyapunov_spectrum(steps, count, transient=100)
        torch.testing.assert_close(found[0], expected[:count], rtol=0, atol=0.01)


def test_products_have_the_singular_values_of_the_power() -> None:
    torch.manual_seed(1)
    matrix = torch.randn(5, 5).double() / 2
    cell = linear(matrix)
    found = singular_values(jacobians(cell, torch.zeros(11, 2, 1), cell.initial_state(2)), windows=2)
    assert {length: len(values) for length, values in found.items()} == {1: 4, 2: 4, 4: 4, 8: 2}
    for length, values in found.items():
        power = torch.linalg.matrix_power(cell.weight_recurrent.detach().double(), length)
        expected = torch.linalg.svdvals(power).log()
        torch.testing.assert_close(values, expected.expand_as(values), rtol=1e-6, atol=1e-6)


def test_products_neither_overflow_nor_underflow() -> None:
    for scale in (1e-3, 1e3):
        jacobian = scale * torch.eye(3, dtype=torch.float64)[None]
        found = singular_values(jacobian for _ in range(256))
        assert found[256][0, 0] == pytest.approx(256 * math.log(scale))


def order_of_factors() -> list[Tensor]:
    torch.manual_seed(2)
    return [torch.randn(1, 3, 3, dtype=torch.float64) for _ in range(4)]


def test_later_steps_stand_on_the_left() -> None:
    a, b, c, d = order_of_factors()
    found = singular_values([a, b, c, d], lengths=(4,))
    torch.testing.assert_close(found[4], torch.linalg.svdvals(d @ c @ b @ a).log())


def mean_field(gain: float) -> float:
    """λ_1 of the network of infinitely many units (Molgedey, Schuchhardt & Schuster 1992, PRL 69:3717).

    λ_1 = ½ ln(g² ⟨φ'(√Δ z)²⟩) with z ~ N(0, 1) and Δ = g² ⟨φ(√Δ z)²⟩, φ = tanh.
    """
    places, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    variance = 1.0
    for _ in range(500):
        variance = gain**2 * float(weights @ np.tanh(variance**0.5 * places) ** 2)
    slopes = 1 - np.tanh(variance**0.5 * places) ** 2
    return 0.5 * math.log(gain**2 * float(weights @ slopes**2))


@pytest.mark.parametrize(
    ("gain", "size", "expected", "tolerance"),
    [(0.8, 120, math.log(0.8), 0.12), (3.0, 400, mean_field(3.0), 0.03)],
    ids=["below 1", "above 1"],
)
def test_a_random_network_is_chaotic_beyond_a_gain_of_one(
    gain: float, size: int, expected: float, tolerance: float
) -> None:
    """h_t = tanh(g J h_{t-1}), J_ij ~ N(0, 1/N): below 1 the point 0 with radius g, above 1 the mean field's λ_1."""
    torch.manual_seed(3)
    cell = Elman(1, size, output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.copy_(gain * torch.randn(size, size) / size**0.5)
    state = unflat(torch.randn(1, size), cell.initial_state(1))
    found = lyapunov_spectrum(jacobians(cell, torch.zeros(160, 1, 1), state), count=1, transient=60)
    assert float(found[0, 0]) == pytest.approx(expected, abs=tolerance)
    assert (float(found[0, 0]) > 0) == (gain > 1)


def test_the_memory_of_an_lstm_has_the_time_constant_of_its_forget_gate() -> None:
    torch.manual_seed(4)
    cell = LSTM(2, 3)
    with torch.no_grad():
        cell.weight_input.zero_()
        cell.weight_recurrent.zero_()
        cell.bias[3:6] = torch.tensor([0.0, 2.0, 4.0])
    steps = torch.stack(list(jacobians(cell, torch.randn(5, 2, 2), cell.initial_state(2))))
    expected = -1 / torch.sigmoid(torch.tensor([0.0, 2.0, 4.0], dtype=torch.float64)).log()
    torch.testing.assert_close(unit_memory(steps.mean(0))[3:], expected, rtol=1e-6, atol=0)
    assert unit_memory(torch.eye(2)[None]).tolist() == [math.inf] * 2


def test_a_spectrum_needs_a_step() -> None:
    with pytest.raises(ValueError, match="no step"):
        lyapunov_spectrum([torch.eye(2)[None]], transient=1)
