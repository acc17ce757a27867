from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.coupled import Coupled

INPUT, HIDDEN, LANES = 3, 4, 2


def layers(cell=LSTM, **options):
    torch.manual_seed(0)
    return Coupled(partial(cell, hidden_size=HIDDEN), Reference(), INPUT, **options).double()


def test_the_outputs_of_both_tasks_stand_side_by_side():
    coupled, inputs = layers().eval(), torch.randn(5, LANES, INPUT).double()
    outputs, state = coupled(inputs, coupled.initial_state(LANES))
    assert outputs.shape == (5, LANES, 2, HIDDEN) and coupled.output_size == HIDDEN
    torch.testing.assert_close(outputs[-1].flatten(1), state[0].hidden)


def test_chunks_and_single_steps_are_the_whole():
    coupled, inputs = layers().eval(), torch.randn(5, LANES, INPUT).double()
    whole, after = coupled(inputs, coupled.initial_state(LANES))
    first, state = coupled(inputs[:3], coupled.initial_state(LANES))
    parts = [first]
    for step in inputs[3:]:
        output, state = coupled.step(step, state)
        parts.append(output[None])
    torch.testing.assert_close(torch.cat(parts), whole)
    torch.testing.assert_close(state, after)


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        (LSTM, {"tasks": 3}, "for two tasks, and the data have 3; choose model=multitask_uniform"),
        (GRU, {}, "couples LSTMs, not GRU"),
        (partial(LSTM, projection_size=2), {}, "with a projection"),
    ],
)
def test_what_cannot_be_coupled_is_a_mistake_of_the_user(cell, options, message):
    with pytest.raises(UserError, match=message):
        layers(cell, **options)
