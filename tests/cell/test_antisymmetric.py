import pytest
import torch

from throughtime.cell.antisymmetric import Antisymmetric, AntisymmetricState
from throughtime.errors import UserError

INPUT, HIDDEN = 3, 6


@pytest.mark.parametrize("gated", [False, True])
def test_one_step_is_the_equation(gated):
    torch.manual_seed(0)
    cell = Antisymmetric(INPUT, HIDDEN, step_size=0.2, diffusion=0.3, gated=gated).double()
    torch.nn.init.normal_(cell.bias)
    x, h = torch.randn(INPUT).double(), torch.randn(HIDDEN).double()
    v, b, w = cell.weight_input.split(HIDDEN), cell.bias.split(HIDDEN), cell.weight_recurrent
    u = (w - w.T - 0.3 * torch.eye(HIDDEN)) @ h
    change = torch.tanh(u + v[0] @ x + b[0])
    if gated:
        change = torch.sigmoid(u + v[1] @ x + b[1]) * change
    output, state = cell.step(cell.project(x[None]), AntisymmetricState(h[None]))
    torch.testing.assert_close(output[0], h + 0.2 * change)
    assert torch.equal(output, state.hidden)


@pytest.mark.parametrize("diffusion", [0.0, 0.25])
def test_the_equation_neither_grows_nor_fades_but_for_its_diffusion(diffusion):
    """The eigenvalues of (∂h_t/∂h_{t-1} - 1) / ε at rest lie on the imaginary axis, moved by -γ."""
    cell = Antisymmetric(INPUT, HIDDEN, step_size=0.1, diffusion=diffusion).double()

    def step(hidden):
        return cell.step(hidden.new_zeros(1, HIDDEN), AntisymmetricState(hidden[None]))[0][0]

    jacobian = torch.autograd.functional.jacobian(step, torch.zeros(HIDDEN).double())
    eigenvalues = torch.linalg.eigvals((jacobian - torch.eye(HIDDEN)) / 0.1)
    torch.testing.assert_close(eigenvalues.real, torch.full((HIDDEN,), -diffusion).double())
    assert eigenvalues.imag.abs().max() > 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_size": 0.0}, "step_size must be above 0"),
        ({"diffusion": -0.1}, "diffusion must be at least 0"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(UserError, match=message):
        Antisymmetric(INPUT, HIDDEN, **options)
