import pytest
import torch

from throughtime.cell.lru import LRU, LRUState
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 4


def as_complex(pair: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.complex(*pair.chunk(2, axis))


def test_one_step_is_the_equation_over_complex_numbers():
    torch.manual_seed(0)
    cell = LRU(INPUT, HIDDEN).double()
    x, h = torch.randn(INPUT).double(), torch.randn(2 * HIDDEN).double()
    eigenvalues = torch.exp(torch.complex(-cell.decay.exp(), cell.phase.exp()))
    b, c = as_complex(cell.weight_input, 0), as_complex(cell.weight_output, 1).conj()
    after = eigenvalues * as_complex(h, 0) + cell.scale.exp() * (b @ x.to(b.dtype))
    output, state = cell.step(cell.project(x[None]), LRUState(h[None]))
    torch.testing.assert_close(as_complex(state.hidden[0], 0), after)
    torch.testing.assert_close(output[0], (c @ after).real + cell.weight_skip @ x)


@pytest.mark.parametrize("scale", [0.1, 1.0, 2.0])
def test_every_eigenvalue_lies_within_the_unit_circle_whatever_is_learned(scale):
    cell = LRU(INPUT, 1000).double()
    for parameter in (cell.decay, cell.phase):
        torch.nn.init.normal_(parameter, std=scale)
    assert (torch.complex(*cell.eigenvalues()).abs() < 1).all()


def test_eigenvalues_begin_uniform_on_a_ring():
    torch.manual_seed(0)
    cell = LRU(INPUT, 1000, radius_minimum=0.6, radius_maximum=0.9, phase_maximum=1.0)
    eigenvalues = torch.complex(*cell.eigenvalues())
    radius, angle = eigenvalues.abs(), eigenvalues.angle()
    assert 0.6 <= radius.min() < 0.62
    assert 0.88 < radius.max() <= 0.9 + 1e-6
    assert 0 <= angle.min() < 0.02
    assert 0.98 < angle.max() <= 1 + 1e-6
    # Uniform on the plane: the mean of |λ|² is the middle of its range.
    assert radius.square().mean().item() == pytest.approx((0.6**2 + 0.9**2) / 2, abs=0.02)


def test_a_white_input_keeps_the_size_of_the_state():
    torch.manual_seed(0)
    cell = LRU(200, 500, radius_minimum=0.8, radius_maximum=0.98)
    _, state = Reference().run(cell, torch.randn(300, 1, 200), cell.initial_state(1))
    assert as_complex(state.hidden, 1).abs().square().mean().item() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(("eigenvalue_range", "share"), [("positive", 0.0), ("symmetric", 0.5)])
def test_real_eigenvalues_begin_with_the_moduli_of_complex_ones(eigenvalue_range, share):
    options = {"radius_minimum": 0.6, "radius_maximum": 0.9}
    torch.manual_seed(0)
    complex_cell = LRU(INPUT, 2000, **options)
    torch.manual_seed(0)
    cell = LRU(INPUT, 2000, eigenvalue_range=eigenvalue_range, **options)
    real, imaginary = cell.eigenvalues()
    assert not imaginary.any() and cell.phase is None
    torch.testing.assert_close(real.abs(), torch.complex(*complex_cell.eigenvalues()).abs())
    assert (real < 0).float().mean().item() == pytest.approx(share, abs=0.05)
    assert torch.equal(cell.scale, complex_cell.scale)


@pytest.mark.parametrize(("eigenvalue_range", "lowest"), [("positive", 0.0), ("symmetric", -1.0)])
def test_real_eigenvalues_fill_their_range_and_stay_in_it(eigenvalue_range, lowest):
    cell = LRU(INPUT, 100, eigenvalue_range=eigenvalue_range).double()
    with torch.no_grad():
        cell.decay.copy_(torch.linspace(-6, 3.5, 100))
    real, _ = cell.eigenvalues()
    assert (real > lowest).all() and (real < 1).all()
    assert real.min() < lowest + 1e-3 and real.max() > 0.99


def one_unit(eigenvalue_range: str) -> LRU:
    """h_t = λ h_{t-1} + x_t and o_t = Re h_t."""
    cell = LRU(1, 1, eigenvalue_range=eigenvalue_range)
    with torch.no_grad():
        for parameter, value in (
            (cell.scale, 0.0),
            (cell.weight_input, [[1.0], [0.0]]),
            (cell.weight_output, [[1.0, 0.0]]),
            (cell.weight_skip, 0.0),
        ):
            parameter.copy_(torch.tensor(value))
    return cell


def test_with_an_eigenvalue_of_minus_one_a_unit_is_the_automaton_of_a_lengths_parity():
    cell = one_unit("symmetric")
    torch.nn.init.constant_(cell.decay, 10)
    outputs, _ = Reference().run(cell, torch.ones(1000, 2, 1), cell.initial_state(2))
    assert torch.equal(outputs, (torch.arange(1, 1001) % 2).float()[:, None, None].expand(1000, 2, 1))


def test_with_positive_eigenvalues_two_states_keep_their_order():
    cell = one_unit("positive").double()
    for decay in (-8.0, 0.0, 4.0):
        torch.nn.init.constant_(cell.decay, decay)
        before = LRUState(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]).double())
        inputs = torch.randn(8, 1, 1).double().expand(8, 2, 1)
        outputs, _ = Reference().run(cell, inputs, before)
        assert (outputs[:, 0] <= outputs[:, 1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius_maximum": 1.0}, "radius_maximum must be at least 0 and below 1"),
        ({"radius_minimum": 0.99}, "radius_minimum=0.99 must be below radius_maximum=0.99"),
        ({"phase_maximum": 0.0}, "phase_maximum must be above 0"),
        ({"eigenvalue_range": "real"}, "choose one of: complex, positive, symmetric"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        LRU(INPUT, HIDDEN, **options)
