"""A delay line shows each step the inputs of chosen steps before it, whatever the chunks, lengths and resets."""

from functools import partial

import pytest
import torch
from torch import Tensor

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.delays import Delays
from throughtime.tree import map_state

STEPS, LANES, INPUT, HIDDEN = 9, 3, 2, 4
DELAYS = (1, 3, 5)


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(STEPS, LANES, INPUT, generator=torch.Generator().manual_seed(0)).double()


def delays(**options) -> Delays:
    torch.manual_seed(1)
    options = {"delays": DELAYS, "size": HIDDEN, "residual": True, "depth": 2} | options
    return Delays(partial(GRU, hidden_size=HIDDEN), Reference(), INPUT, **options).double().eval()


@pytest.mark.parametrize("size", [None, HIDDEN])
def test_the_layers_read_the_steps_before_and_zeros_before_the_first(inputs, size):
    model = delays(size=size)
    padded = torch.cat((inputs.new_zeros(max(DELAYS), LANES, INPUT), inputs))
    joined = torch.cat(
        [padded[max(DELAYS) - delay : max(DELAYS) - delay + STEPS] for delay in (0, *DELAYS)], -1
    )
    expected, _ = model.stack(model.map(joined), model.stack.initial_state(LANES))
    torch.testing.assert_close(model(inputs, model.initial_state(LANES))[0], expected)


@pytest.mark.parametrize("cuts", [(4,), (1, 2, 8)])
def test_a_run_is_chunk_after_chunk_and_step_after_step(inputs, cuts):
    model = delays()
    whole, last = model(inputs, model.initial_state(LANES))
    state, parts = model.initial_state(LANES), []
    for chunk in inputs.tensor_split(cuts):
        outputs, state = model(chunk, state)
        parts.append(outputs)
    torch.testing.assert_close((torch.cat(parts), state), (whole, last))
    state, parts = model.initial_state(LANES), []
    for step in inputs:
        output, state = model.step(step, state)
        parts.append(output)
    torch.testing.assert_close((torch.stack(parts), state), (whole, last))


@pytest.mark.parametrize("chunk", [2, 4, STEPS])
def test_lengths_and_resets_are_those_of_separate_sequences(inputs, chunk):
    """Lane 0 has all steps, lane 1 a second sequence from step 4 on, lane 2 six steps with two more sequences."""
    model = delays()
    lengths, resets = torch.tensor([STEPS, STEPS, 6]), torch.zeros(STEPS, LANES, dtype=torch.bool)
    resets[4, 1] = resets[2, 2] = resets[3, 2] = True
    state, parts = model.initial_state(LANES), []
    for first in range(0, STEPS, chunk):
        part = slice(first, first + chunk)
        own = (lengths - first).clamp(0, len(inputs[part]))
        outputs, state = model(inputs[part], state, own, resets[part])
        parts.append(outputs)
    outputs = torch.cat(parts)
    for lane, sequences in enumerate(([(0, STEPS)], [(0, 4), (4, STEPS)], [(0, 2), (2, 3), (3, 6)])):
        for first, last in sequences:
            alone, after = model(inputs[first:last, lane : lane + 1], model.initial_state(1))
            torch.testing.assert_close(outputs[first:last, lane : lane + 1], alone)
        own = map_state(lambda part, lane=lane: part[lane : lane + 1], state)
        torch.testing.assert_close(own, after)


def test_the_gradient_goes_to_the_delayed_inputs_without_the_steps_between(inputs):
    """Of a recurrence that forgets all at once, so that nothing else leads back."""
    torch.manual_seed(1)
    model = Delays(partial(Elman, hidden_size=HIDDEN), Reference(), INPUT, DELAYS).double()
    with torch.no_grad():
        model.stack.cells[0].weight_recurrent.zero_()
    inputs.requires_grad_()
    outputs, _ = model(inputs, model.initial_state(LANES))
    (gradient,) = torch.autograd.grad(outputs[7].sum(), inputs)
    reached = {step for step in range(STEPS) if bool(gradient[step].any())}
    assert reached == {7 - delay for delay in (0, *DELAYS)}


@pytest.mark.parametrize("given", [(), (2, 2), (0,), (3, -1)])
def test_delays_are_positive_and_differ(given):
    with pytest.raises(UserError, match=r"model\.layers\.delays"):
        delays(delays=given)
    with pytest.raises(UserError, match=r"model\.layers\.size"):
        delays(size=0)
    with pytest.raises(UserError, match=r"model\.layers\.input_dropout"):
        delays(input_dropout=1.5)
