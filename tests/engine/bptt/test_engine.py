"""What `test_contract` cannot say: which work is left to the loop, and what is refused."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.engine.bptt.engine import BackpropagationThroughTime, unrolled
from throughtime.engine.reference import Reference
from throughtime.engine.trace.sequence import run_sequence
from throughtime.errors import UserError


def run(cell, inputs):
    return BackpropagationThroughTime().run(cell, inputs, cell.initial_state(inputs.shape[1]))


def products_of_backward(steps: int) -> int:
    cell = LSTM(3, 4)
    outputs, _ = run(cell, torch.randn(steps, 2, 3))
    with torch.profiler.profile() as profile:
        outputs.sum().backward()
    products = {"aten::mm", "aten::addmm"}
    return sum(event.count for event in profile.key_averages() if event.key in products)


def test_only_the_state_needs_a_product_at_every_step():
    assert products_of_backward(20) - products_of_backward(10) == 10


def test_a_second_derivative_accumulates_what_the_plain_loops_does():
    cell, inputs = Elman(3, 4), torch.randn(3, 2, 3, requires_grad=True)
    found = []
    for engine in (BackpropagationThroughTime(), Reference()):
        outputs, _ = engine.run(cell, inputs, cell.initial_state(2))
        (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
        inputs.grad = None
        gradient.square().sum().backward()
        found.append(inputs.grad)
    torch.testing.assert_close(*found)


def test_a_gradient_can_be_taken_twice_from_one_run():
    cell, inputs = Elman(3, 4), torch.randn(3, 2, 3, requires_grad=True)
    total = run(cell, inputs)[0].sum()
    first, second = (torch.autograd.grad(total, inputs, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_step_that_chooses_by_its_numbers_is_refused_in_a_sentence():
    class Choosing(Elman):
        def step(self, projected, state):
            return super().step(projected if projected.sum() > 0 else -projected, state)

    with pytest.raises(
        UserError, match=r"engine=bptt cannot run this Choosing: its step cannot be traced .*"
    ):
        run(Choosing(3, 4), torch.randn(2, 1, 3))


def test_tensors_made_for_the_lanes_have_as_many_as_there_are():
    class Padded(Elman):
        def step(self, projected, state):
            zeros = torch.zeros(len(projected), 2)
            joined = torch.cat((projected[:, :2] * state.hidden[:, :2], zeros), 1)
            return super().step(projected + joined, state)

    cell, inputs = Padded(3, 4), torch.randn(5, 2, 3)
    expected, _ = Reference().run(cell, inputs, cell.initial_state(2))
    outputs, _ = run(cell, inputs)
    torch.testing.assert_close(outputs, expected)
    wanted = torch.autograd.grad(expected.sum(), cell.weight_recurrent)[0]
    torch.testing.assert_close(torch.autograd.grad(outputs.sum(), cell.weight_recurrent)[0], wanted)


def loop(trace, weights, projected, before, start, lengths, resets):
    assert lengths is None
    return list(unrolled(trace, resets, len(weights), projected, *weights, *before, *start))


RESETS = torch.zeros(5, 3, dtype=torch.bool)
RESETS[0, 1] = RESETS[2, 0] = RESETS[3, 1] = True


@pytest.mark.parametrize("resets", [None, RESETS])
@pytest.mark.parametrize(
    "case", ["elman", "elman learned", "gru", "lstm", "lstm projection", "layernorm_lstm", "a user's own"]
)
def test_the_unrolled_recurrence_is_the_plain_loop(case, make, resets):
    cell = make(case, torch.float64)
    inputs = torch.randn(5, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    outputs, after = run_sequence(loop, cell, inputs, cell.initial_state(3), None, resets)
    expected, expected_after = Reference().run(cell, inputs, cell.initial_state(3), None, resets)
    for a, e in zip([outputs, *after], [expected, *expected_after], strict=True):
        torch.testing.assert_close(a, e, rtol=1e-12, atol=1e-12)
