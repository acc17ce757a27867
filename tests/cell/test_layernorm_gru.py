import pytest
import torch

from throughtime.cell.layernorm_gru import LayerNormGRU, LayerNormGRUState
from throughtime.engine.reference import Reference

INPUT, HIDDEN = 3, 4


def normal(sums: torch.Tensor) -> torch.Tensor:
    return (sums - sums.mean()) / (sums.var(correction=0) + 1e-5).sqrt()


@pytest.fixture
def cell() -> LayerNormGRU:
    torch.manual_seed(0)
    cell = LayerNormGRU(INPUT, HIDDEN).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


def test_one_step_is_the_equation(cell):
    x, h = (torch.randn(n).double() for n in (INPUT, HIDDEN))
    sizes = (2 * HIDDEN, HIDDEN)
    a, a_n = (normal(part) for part in (cell.weight_input @ x).split(sizes))
    u, u_n = (normal(part) for part in (cell.weight_recurrent @ h).split(sizes))
    (alpha, alpha_n), (beta, beta_n), (b, b_n) = (
        p.split(sizes) for p in (cell.gain_input, cell.gain_recurrent, cell.bias)
    )
    r, z = torch.sigmoid(a * alpha + u * beta + b).chunk(2)
    n = torch.tanh(a_n * alpha_n + b_n + r * (u_n * beta_n + cell.bias_recurrent))
    output, state = cell.step(cell.project(x[None]), LayerNormGRUState(h[None]))
    torch.testing.assert_close(output[0], (1 - z) * n + z * h)
    assert torch.equal(output, state.hidden)


@pytest.mark.parametrize("name", ["weight_input", "weight_recurrent"])
def test_a_weight_may_be_scaled(cell, name):
    """Ba et al. 2016, section 5.1."""
    weight = getattr(cell, name)
    with torch.no_grad():
        weight.mul_(1e4)
        inputs, state = torch.randn(6, 2, INPUT).double(), LayerNormGRUState(torch.randn(2, 4).double())
        expected, _ = Reference().run(cell, inputs, state)
        weight.mul_(1e4)
        outputs, _ = Reference().run(cell, inputs, state)
    torch.testing.assert_close(outputs, expected)
