import numpy as np
import pytest
import torch

from throughtime.cell.unitary import EPSILON, Unitary, UnitaryState
from throughtime.engine.auto import Auto
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 5


def random_cell(complex_valued: bool, **options) -> Unitary:
    torch.manual_seed(0)
    cell = Unitary(INPUT, HIDDEN, complex_valued, **options).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return cell


def skew(cell: Unitary) -> np.ndarray:
    """A, number by number."""
    numbers, size = cell.weight_skew.detach().numpy(), cell.hidden_size
    found, place = np.zeros((size, size), complex), 0
    for row in range(size):
        for column in range(row):
            if cell.complex_valued:
                found[row, column] = numbers[row, column] + 1j * numbers[column, row]
            else:
                found[row, column] = numbers[place]
            place += 1
        found[row, row] = 1j * numbers[row, row] if cell.complex_valued else 0
    return found - np.tril(found, -1).conj().T


def papers_matrix(cell: Unitary) -> np.ndarray:
    """W = (1 + A)⁻¹ (1 - A) D by an inverse, over complex numbers."""
    a, one = skew(cell), np.eye(cell.hidden_size)
    diagonal = np.exp(1j * cell.phase.detach().numpy()) if cell.complex_valued else cell.sign.numpy()
    return np.linalg.inv(one + a) @ (one - a) @ np.diag(diagonal)


def as_complex(features: torch.Tensor) -> np.ndarray:
    real, imaginary = features.detach().numpy().reshape(2, -1)
    return real + 1j * imaginary


def test_one_step_of_real_numbers_is_the_equation():
    cell = random_cell(False)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    output, state = cell.step(cell.project(x[None]), UnitaryState(h[None]))
    z = cell.weight_input.detach().numpy() @ x.numpy() + papers_matrix(cell).real @ h.numpy()
    expected = np.sign(z) * np.maximum(0, np.abs(z) + cell.bias.detach().numpy())
    np.testing.assert_allclose(output[0].detach(), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(output, state.hidden)


def test_one_step_of_complex_numbers_is_the_equation():
    cell = random_cell(True)
    x, h = torch.randn(INPUT).double(), torch.randn(2 * HIDDEN).double()
    output, state = cell.step(cell.project(x[None]), UnitaryState(h[None]))
    z = as_complex(cell.weight_input).reshape(HIDDEN, INPUT) @ x.numpy() + papers_matrix(cell) @ as_complex(h)
    size = np.sqrt(np.abs(z) ** 2 + EPSILON)
    expected = z / size * np.maximum(0, size + cell.bias.detach().numpy())
    np.testing.assert_allclose(as_complex(output), expected, rtol=1e-10, atol=1e-12)
    assert torch.equal(output, state.hidden)
    assert cell.output_size == 2 * HIDDEN


def unitarity_error(cell: Unitary) -> float:
    matrix = cell.recurrent_matrix().detach()
    return float((matrix @ matrix.T - torch.eye(len(matrix))).abs().max())


@pytest.mark.parametrize("complex_valued", [False, True])
def test_the_matrix_stays_unitary_while_an_optimiser_works(complex_valued):
    torch.manual_seed(0)
    cell = Unitary(INPUT, 32, complex_valued)
    before = cell.recurrent_matrix().detach()
    optimizer = torch.optim.Adam(cell.parameters(), 0.02)
    inputs, targets = torch.randn(20, 8, INPUT), torch.randn(20, 8, cell.output_size)
    for _ in range(50):
        optimizer.zero_grad()
        outputs, _ = Auto().run(cell, inputs, cell.initial_state(8))
        (outputs - targets).square().mean().backward()
        optimizer.step()
        assert unitarity_error(cell) < 1e-5
    assert (cell.recurrent_matrix() - before).abs().max() > 0.1


@pytest.mark.parametrize("complex_valued", [False, True])
def test_at_first_states_and_gradients_keep_their_norm(complex_valued):
    torch.manual_seed(0)
    cell = Unitary(INPUT, 32, complex_valued)
    before = torch.randn(4, cell.output_size, requires_grad=True)
    outputs, _ = Auto().run(cell, torch.zeros(1000, 4, INPUT), UnitaryState(before))
    torch.testing.assert_close(outputs.norm(dim=2), before.norm(dim=1).expand(1000, 4), rtol=1e-4, atol=0)
    error = torch.randn(4, cell.output_size)
    (gradient,) = torch.autograd.grad(outputs[-1], before, error)
    torch.testing.assert_close(gradient.norm(dim=1), error.norm(dim=1), rtol=1e-4, atol=0)


def test_a_shift_of_the_modulus_never_turns_a_number():
    for complex_valued in (False, True):
        cell = random_cell(complex_valued)
        state = UnitaryState(torch.randn(1, cell.output_size).double())
        projected = torch.randn(1, cell.output_size).double()
        output, _ = cell.step(projected, state)
        with torch.no_grad():
            cell.bias.zero_()
        plain, _ = cell.step(projected, state)
        shifted, plain = (
            as_complex(o[0]) if complex_valued else o[0].detach().numpy() for o in (output, plain)
        )
        ratio = shifted / plain
        np.testing.assert_allclose(ratio.imag, 0, atol=1e-12)
        assert (ratio.real >= 0).all() and not np.allclose(ratio.real, 1)


@pytest.mark.parametrize("complex_valued", [False, True])
def test_a_sum_of_nothing_has_a_finite_gradient(complex_valued):
    cell = Unitary(INPUT, HIDDEN, complex_valued)
    torch.nn.init.constant_(cell.bias, 0.1)
    inputs = torch.zeros(3, 2, INPUT, requires_grad=True)
    outputs, _ = Reference().run(cell, inputs, cell.initial_state(2))
    gradients = torch.autograd.grad(outputs.sum(), [inputs, *cell.parameters()])
    assert (outputs == 0).all() and all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize(("share", "negative"), [(0.0, 0), (0.5, 8), (0.25, 4)])
def test_it_begins_with_rotations_of_at_most_a_quarter_turn(share, negative):
    cell = Unitary(INPUT, 16, negative_share=share)
    matrix = (cell.recurrent_matrix() * cell.sign).detach()
    angles = torch.linalg.eigvals(matrix).angle().abs()
    assert angles.max() <= torch.pi / 2 + 1e-5 and angles.min() > 0
    assert torch.equal(cell.sign, torch.tensor([1.0] * (16 - negative) + [-1.0] * negative))


def test_it_has_as_many_numbers_as_skew_matrices_have():
    assert Unitary(INPUT, HIDDEN).weight_skew.numel() == HIDDEN * (HIDDEN - 1) // 2
    assert Unitary(INPUT, HIDDEN, True).weight_skew.numel() == HIDDEN**2
    assert "sign" not in Unitary(INPUT, HIDDEN).state_dict()
    assert Unitary(INPUT, 1).recurrent_matrix().abs().item() == 1


def test_a_share_beyond_all_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="negative_share must be at least 0 and below 1"):
        Unitary(INPUT, HIDDEN, negative_share=1.5)
