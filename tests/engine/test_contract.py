"""Every cell × every engine: whatever the shapes, lengths and resets, all of them compute the plain loop.

The pairs are found in conf/, so a new cell or engine is tested by its files alone.
"""

import re
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from throughtime.cell.base import Cell
from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.tree import detach, map_state

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


def sequence(steps: int, lanes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(steps, lanes, 3, generator=generator, dtype=dtype)


def some_state(cell: Cell, lanes: int):
    generator = torch.Generator().manual_seed(3)
    return map_state(
        lambda part: torch.randn(part.shape, generator=generator, dtype=part.dtype), cell.initial_state(lanes)
    )


def value_and_gradients(engine, cell, inputs, state, lengths=None, resets=None):
    """Outputs, last state, and the gradient of a random weighting of both to everything that goes in."""
    inputs = inputs.clone().requires_grad_()
    state = map_state(lambda part: part.detach().clone().requires_grad_(), state)
    cell.zero_grad()
    outputs, after = engine.run(cell, inputs, state, lengths, resets)
    results = [outputs, *after]
    generator = torch.Generator().manual_seed(4)
    total = sum((r * torch.randn(r.shape, generator=generator, dtype=r.dtype)).sum() for r in results)
    sources = [inputs, *state, *cell.parameters()]
    if not total.requires_grad:
        return results, [torch.zeros_like(source) for source in sources]
    return results, torch.autograd.grad(total, sources, allow_unused=True, materialize_grads=True)


def assert_all_close(actual, expected, tolerance: float = 1e-5) -> None:
    for a, b in zip(actual, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


LENGTHS = torch.tensor([4, 0, 6, 1])
RESETS = torch.zeros(6, 4, dtype=torch.bool)
RESETS[0, 0] = RESETS[3, 2] = RESETS[3, 0] = RESETS[5, 2] = RESETS[2, 1] = True
FIRST_STEP_RESETS = torch.zeros(6, 4, dtype=torch.bool)
FIRST_STEP_RESETS[0, 1:3] = True

SITUATIONS = {
    "whole": (6, 4, None, None),
    "one step": (1, 4, None, None),
    "one lane": (6, 1, None, None),
    "one step of one lane": (1, 1, None, None),
    "lengths": (6, 4, LENGTHS, None),
    "all lengths zero": (6, 4, torch.zeros(4, dtype=torch.long), None),
    "all lengths whole": (6, 4, torch.full((4,), 6), None),
    "no lane reaches the end": (6, 4, torch.tensor([2, 0, 3, 3]), None),
    "resets at the first step": (6, 4, None, FIRST_STEP_RESETS),
    "resets inside": (6, 4, None, RESETS),
    "resets everywhere": (6, 4, None, torch.ones(6, 4, dtype=torch.bool)),
    "resets nowhere": (6, 4, None, torch.zeros(6, 4, dtype=torch.bool)),
    "lengths and resets": (6, 4, LENGTHS, RESETS),
}


@pytest.fixture(scope="module")
def plain_loop():
    """What the plain loop gives for a cell in a situation, computed once for all engines."""
    known = {}

    def expected(case, situation, arguments):
        key = case, situation
        if key not in known:
            values, gradients = value_and_gradients(Reference(), *arguments)
            known[key] = [value.detach() for value in values], gradients
        return known[key]

    return expected


@pytest.mark.parametrize("situation", SITUATIONS)
def test_values_and_gradients_are_those_of_the_plain_loop(pair, cell, engine, situation, plain_loop):
    steps, lanes, lengths, resets = SITUATIONS[situation]
    arguments = (cell, sequence(steps, lanes), some_state(cell, lanes), lengths, resets)
    values, gradients = value_and_gradients(engine, *arguments)
    expected_values, expected_gradients = plain_loop(pair[0], situation, arguments)
    assert_all_close(values, expected_values)
    assert_all_close(gradients, expected_gradients)


def test_run_is_step_after_step(cell, engine):
    inputs = sequence(6, 4)
    state = before = some_state(cell, 4)
    outputs = []
    for x in inputs:
        output, state = cell.step(cell.project(x), state)
        outputs.append(output)
    run_outputs, run_state = engine.run(cell, inputs, before)
    assert_all_close([run_outputs, *run_state], [torch.stack(outputs), *state])
    assert type(run_state) is type(state)


def test_chunks_with_carried_state_are_the_whole(cell, engine):
    inputs, state = sequence(6, 4), some_state(cell, 4)
    first, carried = engine.run(cell, inputs[:2], state)
    second, last = engine.run(cell, inputs[2:], carried)
    whole, after = engine.run(cell, inputs, state)
    assert_all_close([torch.cat((first, second)), *last], [whole, *after])


def test_the_gradient_goes_back_through_a_carried_state_until_it_is_detached(cell, engine):
    inputs = sequence(6, 4).requires_grad_()
    _, carried = engine.run(cell, inputs[:3], some_state(cell, 4))
    early = engine.run(cell, inputs[3:], carried)[0].sum()
    assert torch.autograd.grad(early, inputs, retain_graph=True)[0][:3].abs().sum() > 0
    late = engine.run(cell, inputs[3:], detach(carried))[0].sum()
    assert torch.autograd.grad(late, inputs)[0][:3].abs().sum() == 0


@pytest.mark.parametrize("padding", [1e3, float("nan")])
def test_a_padded_step_changes_nothing(cell, engine, padding):
    inputs, state = sequence(6, 4), some_state(cell, 4)
    padded = torch.arange(6)[:, None] >= LENGTHS
    other = inputs.masked_fill(padded[..., None], padding)
    values, gradients = value_and_gradients(engine, cell, inputs, state, LENGTHS)
    other_values, other_gradients = value_and_gradients(engine, cell, other, state, LENGTHS)
    assert_all_close(other_values, values, 0)
    assert_all_close(other_gradients, gradients, 0)
    assert (values[0][padded] == 0).all()
    assert (gradients[0][padded] == 0).all()


def test_a_shorter_lane_is_that_lane_alone(cell, engine):
    inputs, state = sequence(6, 4), some_state(cell, 4)
    outputs, after = engine.run(cell, inputs, state, LENGTHS)
    for lane, length in enumerate(LENGTHS.tolist()):
        alone = map_state(lambda part, lane=lane: part[lane : lane + 1], state)
        if length > 0:
            expected, alone = Reference().run(cell, inputs[:length, lane : lane + 1], alone)
            torch.testing.assert_close(outputs[:length, lane : lane + 1], expected)
        assert_all_close([part[lane : lane + 1] for part in after], alone)


def test_a_reset_forgets_all_that_was_before(cell, engine):
    inputs = sequence(6, 1).requires_grad_()
    resets = torch.tensor([[False], [False], [True], [False], [False], [False]])
    state = map_state(lambda part: part.detach().requires_grad_(), some_state(cell, 1))
    outputs, after = engine.run(cell, inputs, state, None, resets)
    anew, anew_after = engine.run(cell, inputs[2:], cell.initial_state(1))
    assert_all_close([outputs[2:], *after], [anew, *anew_after])
    gradients = torch.autograd.grad(outputs[2:].sum(), [inputs, *state], allow_unused=True)
    assert (gradients[0][:2] == 0).all()
    assert all(gradient is None or (gradient == 0).all() for gradient in gradients[1:])


def test_gradients_are_finite_differences(make_cell, engine):
    cell, inputs = make_cell(torch.float64), sequence(4, 3, torch.float64)
    state, lengths, resets = some_state(cell, 3), LENGTHS[:3].clamp(max=4), RESETS[:4, :3]
    names, parameters = zip(*cell.named_parameters(), strict=True)

    class Run(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, inputs, *parts):
            outputs, after = engine.run(self.cell, inputs, type(state)(*parts), lengths, resets)
            return outputs, *after

    def run(inputs, *others):
        parts, values = others[: len(state)], others[len(state) :]
        named = {f"cell.{name}": value for name, value in zip(names, values, strict=True)}
        return torch.func.functional_call(Run(), named, (inputs, *parts))

    arguments = [tensor.detach().clone().requires_grad_() for tensor in (inputs, *state, *parameters)]
    assert torch.autograd.gradcheck(run, arguments, fast_mode=True)


def test_an_engine_leaves_no_trace_in_the_cell(cell, engine):
    before = {name: value.clone() for name, value in cell.state_dict().items()}
    engine.run(cell, sequence(6, 4), cell.initial_state(4), LENGTHS, RESETS)
    after = cell.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_gradients_are_there_in_evaluation_mode_too(cell, engine):
    inputs = sequence(6, 4)
    expected = value_and_gradients(engine, cell, inputs, some_state(cell, 4))[1]
    assert_all_close(value_and_gradients(engine, cell.eval(), inputs, some_state(cell, 4))[1], expected)


@pytest.mark.parametrize("lengths", [pytest.param(None, marks=pytest.mark.slow), LENGTHS])
def test_lower_precision_keeps_the_state_in_the_parameters_precision(cell, engine, lengths):
    inputs = sequence(6, 4)
    exact, _ = engine.run(cell, inputs, cell.initial_state(4), lengths)
    with torch.autocast("cpu", torch.bfloat16):
        outputs, after = engine.run(cell, inputs, cell.initial_state(4), lengths)
        outputs.float().sum().backward()
    torch.testing.assert_close(outputs.float(), exact, rtol=0.05, atol=0.05)
    assert {part.dtype for part in after} == {torch.float32}
    cell = cell.to(torch.bfloat16)
    reason = engine.unsupported_reason(cell, inputs.bfloat16(), lengths, None)
    if reason is not None:
        with pytest.raises(UserError, match=re.escape(reason)):
            engine.run(cell, inputs.bfloat16(), cell.initial_state(4), lengths)
        return
    outputs, after = engine.run(cell, inputs.bfloat16(), cell.initial_state(4), lengths)
    assert {outputs.dtype, *(part.dtype for part in after)} == {torch.bfloat16}


def test_an_engine_that_does_not_support_a_cell_says_why(refused):
    engine, cell = refused
    reason = engine.unsupported_reason(cell, sequence(2, 1), None, None)
    with pytest.raises(UserError, match=re.escape(reason)):
        engine.run(cell, sequence(2, 1), cell.initial_state(1))


class Sorting(Elman):
    """A step with an operator that the compiler has no C for."""

    def step(self, projected, state):
        output, after = super().step(projected, state)
        return output, type(after)(after.hidden.sort(1).values)


class Drawing(Elman):
    """A step that draws random numbers."""

    def step(self, projected, state):
        return super().step(projected + torch.rand_like(projected), state)


class Counting(Elman):
    """A step that changes its cell."""

    steps = 0

    def step(self, projected, state):
        self.steps += 1
        return super().step(projected, state)


UNUSUAL_CELLS = {
    **{kind.__name__: partial(kind, 3, 4) for kind in (Sorting, Drawing, Counting, Elman)},
    "LSTM projection": partial(LSTM, 3, 4, projection_size=4),
}
PRECISIONS = {
    "fp32": (torch.float32, False),
    "bf16-mixed": (torch.float32, True),
    "fp64 bf16-mixed": (torch.float64, True),
    "bf16": (torch.bfloat16, False),
    "bf16 bf16-mixed": (torch.bfloat16, True),
    "fp16": (torch.float16, False),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", UNUSUAL_CELLS)
@pytest.mark.parametrize("name", ["auto", "bptt", "fused", "scan", "torch"])
def test_the_reason_why_not_is_exact(name, case, precision, engine_of):
    """Without a reason a run computes values and gradients, with one it says so and nothing else."""
    torch.manual_seed(0)
    dtype, autocast = PRECISIONS[precision]
    cell, engine = UNUSUAL_CELLS[case]().to(dtype), engine_of(name)
    inputs = sequence(6, 4, dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        reason = engine.unsupported_reason(cell, inputs, LENGTHS, None)
        if reason is None:
            outputs, _ = engine.run(cell, inputs, cell.initial_state(4), LENGTHS)
            outputs.float().sum().backward()
            assert inputs.grad.isfinite().all()
        else:
            with pytest.raises(UserError, match=re.escape(reason)):
                engine.run(cell, inputs, cell.initial_state(4), LENGTHS)
