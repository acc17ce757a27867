import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lem import LEM
from throughtime.cell.lstm import LSTM
from throughtime.cell.mgu import MGU
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.mixed_precision import replace_bf16_autocast, to_float32
from throughtime.engine.reference import Reference


def test_autocast_to_bfloat16_is_off_inside_and_on_again_after():
    cell = LSTM(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        with replace_bf16_autocast(cell) as bf16:
            assert bf16 and not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


def test_nothing_changes_without_autocast_or_with_another_precision():
    cell = LSTM(2, 3)
    with replace_bf16_autocast(cell) as bf16:
        assert not bf16
    with torch.autocast("cpu", torch.float16), replace_bf16_autocast(cell) as bf16:
        assert not bf16 and torch.is_autocast_enabled("cpu")


def test_a_cell_in_bfloat16_is_left_to_autocast():
    with torch.autocast("cpu", torch.bfloat16), replace_bf16_autocast(LSTM(2, 3).bfloat16()) as bf16:
        assert not bf16 and torch.is_autocast_enabled("cpu")


def test_only_what_is_in_bfloat16_is_changed():
    state = LSTM(2, 3).bfloat16().initial_state(4)
    assert {part.dtype for part in to_float32(state)} == {torch.float32} and type(to_float32(state)) is type(
        state
    )
    assert to_float32(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64


def values_and_gradients(engine, cell, inputs, lengths, resets):
    inputs = inputs.clone().requires_grad_()
    cell.zero_grad()
    outputs, after = engine.run(cell, inputs, cell.initial_state(inputs.shape[1]), lengths, resets)
    generator = torch.Generator().manual_seed(4)
    sum((r * torch.randn(r.shape, generator=generator)).sum() for r in (outputs, *after)).backward()
    return outputs, *after, inputs.grad, *(weight.grad.clone() for weight in cell.parameters())


@pytest.mark.parametrize("kind", [Elman, LSTM, GRU, LEM, MGU, LayerNormLSTM])
@pytest.mark.parametrize("sizes", [(3, 8), (33, 70)])
def test_values_and_gradients_in_bfloat16_are_within_two_percent_of_the_plain_loop(kind, sizes):
    """The state stays in single precision, so that rounding does not pile up over the steps."""
    torch.manual_seed(1)
    cell, inputs = kind(*sizes), torch.randn(12, 4, sizes[0])
    lengths, resets = torch.tensor([12, 0, 7, 1]), torch.rand(12, 4) < 0.2
    expected = values_and_gradients(Reference(), cell, inputs, lengths, resets)
    with torch.autocast("cpu", torch.bfloat16):
        found = values_and_gradients(Fused(), cell, inputs, lengths, resets)
    assert {part.dtype for part in found} == {torch.float32}
    one, other = (torch.cat([part.detach().flatten() for part in parts]) for parts in (found, expected))
    assert (one - other).norm() <= 0.02 * other.norm()
