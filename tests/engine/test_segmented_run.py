"""engine.recompute=true: the same numbers, from what is made again."""

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.zoneout import Zoneout
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused

ENGINES = {"bptt": BackpropagationThroughTime, "fused": Fused}
LENGTHS = torch.tensor([11, 0, 23, 4])
RESETS = torch.rand(23, 4, generator=torch.Generator().manual_seed(1)) < 0.1


@pytest.mark.parametrize("masks", [(None, None), (LENGTHS, None), (None, RESETS), (LENGTHS, RESETS)])
@pytest.mark.parametrize("engine", ENGINES)
def test_values_and_gradients_are_those_of_the_plain_run(engine, masks):
    torch.manual_seed(0)
    cell, inputs = LSTM(3, 5, learned_state=True).double(), torch.randn(23, 4, 3).double().requires_grad_()
    found = []
    for checkpoint in (False, True):
        state = cell.initial_state(4)
        outputs, after = ENGINES[engine](checkpoint=checkpoint).run(cell, inputs, state, *masks)
        total = outputs.square().sum() + sum(part.sum() for part in after)
        gradients = torch.autograd.grad(total, [inputs, *cell.parameters()])
        found.append([outputs, *after, *gradients])
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_random_masks_are_the_same_when_a_segment_is_made_again(engine):
    torch.manual_seed(0)
    cell = Zoneout(3, 5, GRU, hidden_rate=0.5).double().train()
    inputs, chosen = torch.randn(9, 2, 3).double().requires_grad_(), ENGINES[engine](recompute=True)

    def total(inputs):
        torch.manual_seed(1)
        return chosen.run(cell, inputs, cell.initial_state(2))[0].square().sum()

    assert torch.autograd.gradcheck(total, inputs, fast_mode=True)


def test_nothing_is_kept_of_what_is_made_again():
    cell, engine, kept = LSTM(3, 5), BackpropagationThroughTime(recompute=True), []
    inputs = torch.randn(400, 2, 3)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        outputs, _ = engine.run(cell, inputs, cell.initial_state(2))
    assert sum(kept) - inputs.numel() < outputs.numel() / 4


def test_a_second_derivative_of_compiled_segments_is_a_plain_error():
    cell, inputs = LSTM(3, 5), torch.randn(9, 2, 3, requires_grad=True)
    outputs, _ = Fused(recompute=True).run(cell, inputs, cell.initial_state(2))
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    with pytest.raises(RuntimeError, match="engine=reference"):
        gradient.sum().backward()


def test_a_second_derivative_draws_the_same_random_numbers():
    cell = Zoneout(3, 4, LSTM, hidden_rate=0.3, memory_rate=0.3).double().train()
    inputs = torch.randn(5, 2, 3).double().requires_grad_()

    def outputs(inputs):
        torch.manual_seed(5)
        return BackpropagationThroughTime(recompute=True).run(cell, inputs, cell.initial_state(2))[0]

    assert torch.autograd.gradgradcheck(outputs, [inputs], check_undefined_grad=False, fast_mode=True)
