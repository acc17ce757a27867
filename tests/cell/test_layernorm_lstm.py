import pytest
import torch

from throughtime.cell.layernorm_lstm import LayerNormLSTM, LayerNormLSTMState
from throughtime.engine.reference import Reference

INPUT, HIDDEN = 3, 4


def normal(sums: torch.Tensor) -> torch.Tensor:
    return (sums - sums.mean()) / (sums.var(correction=0) + 1e-5).sqrt()


@pytest.fixture
def cell() -> LayerNormLSTM:
    torch.manual_seed(0)
    cell = LayerNormLSTM(INPUT, HIDDEN).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


def test_one_step_is_the_equation(cell):
    x, h, c = (torch.randn(n).double() for n in (INPUT, HIDDEN, HIDDEN))
    sums = normal(cell.weight_input @ x) * cell.gain_input + cell.bias
    i, f, g, o = (sums + normal(cell.weight_recurrent @ h) * cell.gain_recurrent).chunk(4)
    memory = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    hidden = torch.sigmoid(o) * torch.tanh(normal(memory) * cell.gain_cell + cell.bias_cell)
    output, state = cell.step(cell.project(x[None]), LayerNormLSTMState(h[None], c[None]))
    torch.testing.assert_close(state.cell[0], memory)
    torch.testing.assert_close(output[0], hidden)
    assert torch.equal(output, state.hidden)


@pytest.mark.parametrize("name", ["weight_input", "weight_recurrent"])
@pytest.mark.parametrize("change", [lambda w: 1e4 * w, lambda w: w + torch.ones(len(w), 1) * w[:1]])
def test_a_weight_may_be_scaled_and_moved(cell, name, change):
    """Ba et al. 2016, section 5.1: neither W → s W nor W → W + 1 vᵀ changes the output."""
    weight = getattr(cell, name)
    with torch.no_grad():
        weight.mul_(1e4)
        inputs, state = torch.randn(6, 2, INPUT).double(), LayerNormLSTMState(*torch.randn(2, 2, 4).double())
        expected, _ = Reference().run(cell, inputs, state)
        weight.copy_(change(weight))
        outputs, _ = Reference().run(cell, inputs, state)
    torch.testing.assert_close(outputs, expected)


def test_the_forget_bias_is_the_only_bias_that_is_not_zero():
    bias = LayerNormLSTM(INPUT, HIDDEN, forget_bias=2.0).bias
    assert bias.chunk(4)[1].tolist() == [2.0] * HIDDEN
    assert bias.sum() == 2.0 * HIDDEN
