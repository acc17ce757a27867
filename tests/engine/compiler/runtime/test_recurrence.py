import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference


def gradients(engine, cell, inputs):
    cell.zero_grad()
    engine.run(cell, inputs, cell.initial_state(inputs.shape[1]))[0].square().sum().backward()
    return {name: weight.grad.clone() for name, weight in cell.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("kind", [LSTM, GRU, LayerNormLSTM])
@pytest.mark.parametrize("transposed", [False, True])
def test_weight_gradients_are_those_of_the_reference_for_either_order_of_memory(kind, transposed):
    cell, inputs = kind(5, 7).double(), torch.randn(9, 3, 5, dtype=torch.float64)
    if transposed:
        for weight in cell.parameters():
            weight.data = weight.data.t().contiguous().t() if weight.dim() == 2 else weight.data
    expected = gradients(Reference(), cell, inputs)
    found = gradients(Fused(), cell, inputs)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-10, atol=1e-10)


def test_a_frozen_weight_has_no_gradient():
    cell, inputs = LSTM(5, 7), torch.randn(9, 3, 5)
    cell.weight_recurrent.requires_grad_(False)
    assert "weight_recurrent" not in gradients(Fused(), cell, inputs)
