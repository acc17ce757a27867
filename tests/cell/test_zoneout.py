from functools import partial

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.zoneout import Zoneout
from throughtime.engine.bptt.engine import BackpropagationThroughTime
from throughtime.engine.compiler.engine import Fused
from throughtime.engine.reference import Reference
from throughtime.errors import UserError

INPUT, HIDDEN, STEPS, LANES = 3, 4, 6, 5
LENGTHS = torch.tensor([6, 2, 0, 5, 6])
RESETS = torch.zeros(STEPS, LANES, dtype=torch.bool)
RESETS[2, 0] = RESETS[4, 3] = True


def run(engine, cell, seed: int = 1):
    """Outputs, last state and gradients in training, the masks drawn from a seed."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(STEPS, LANES, INPUT, generator=generator)
    torch.manual_seed(seed)
    outputs, state = engine.run(cell, inputs, cell.initial_state(LANES), LENGTHS, RESETS)
    total = outputs.sum() + sum(part.square().sum() for part in state)
    return outputs, *state, *torch.autograd.grad(total, list(cell.parameters()))


@pytest.mark.parametrize("engine", [BackpropagationThroughTime(), Fused()], ids=["bptt", "fused"])
@pytest.mark.parametrize("inner", [LSTM, GRU])
def test_every_engine_sees_the_same_masks(engine, inner):
    torch.manual_seed(0)
    cell = Zoneout(INPUT, HIDDEN, inner, hidden_rate=0.3, memory_rate=0.5)
    expected = run(Reference(), cell)
    assert engine.unsupported_reason(cell, torch.zeros(STEPS, LANES, INPUT), LENGTHS, RESETS) is None
    for a, b in zip(run(engine, cell), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
    assert not torch.equal(run(engine, cell, seed=2)[0], expected[0])


@pytest.mark.parametrize("training", [True, False])
def test_with_a_rate_of_nothing_it_is_the_cell(training):
    cell = Zoneout(INPUT, HIDDEN, LSTM, hidden_rate=0.0, memory_rate=0.0).train(training)
    for a, b in zip(run(Reference(), cell), run(Reference(), cell.cell), strict=True):
        torch.testing.assert_close(a, b)


def test_a_feature_stays_or_goes_on_each_by_its_own_share():
    lanes, rates = 20000, (0.1, 0.6)
    cell = Zoneout(INPUT, HIDDEN, LSTM, hidden_rate=rates[0], memory_rate=rates[1])
    inputs = torch.randn(lanes, INPUT)
    before = type(cell.initial_state(1))(*torch.randn(2, lanes, HIDDEN))
    output, after = cell.step(cell.project(inputs), before)
    _, new = cell.cell.step(cell.cell.project(inputs), before)
    assert torch.equal(output, after.hidden)
    for rate, old, went, mixed in zip(rates, before, new, after, strict=True):
        stayed = mixed == old
        assert torch.equal(mixed, torch.where(stayed, old, went))
        torch.testing.assert_close(stayed.float().mean(0), torch.full((HIDDEN,), rate), rtol=0, atol=0.02)


def test_evaluation_takes_the_mean_of_training():
    lanes = 20000
    cell = Zoneout(INPUT, HIDDEN, LSTM, hidden_rate=0.3, memory_rate=0.5)
    inputs = torch.randn(1, INPUT).expand(lanes, INPUT)
    before = type(cell.initial_state(1))(*(torch.randn(2, 1, HIDDEN).expand(2, lanes, HIDDEN)))
    _, drawn = cell.step(cell.project(inputs), before)
    _, expected = cell.eval().step(cell.project(inputs), before)
    for part, mean in zip(drawn, expected, strict=True):
        torch.testing.assert_close(part.mean(0), mean[0], rtol=0, atol=0.03)


def test_a_cell_that_hands_out_more_than_its_state_is_refused():
    with pytest.raises(UserError, match="cell=Elman has an output that is not its state"):
        Zoneout(INPUT, HIDDEN, Elman)
    Zoneout(INPUT, HIDDEN, partial(Elman, output_activation=None))


def test_a_rate_of_all_is_a_mistake_of_the_user():
    with pytest.raises(UserError, match="memory_rate"):
        Zoneout(INPUT, HIDDEN, LSTM, memory_rate=1.0)
