from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.errors import UserError
from throughtime.model.layers.shared import Shared

INPUT, HIDDEN, LANES, TASKS = 3, 4, 2, 3


def layers(cell=LSTM, **options):
    torch.manual_seed(0)
    return Shared(partial(cell, hidden_size=HIDDEN), Reference(), INPUT, TASKS, **options).double().eval()


@pytest.mark.parametrize("cell", [LSTM, GRU])
def test_each_task_reads_the_shared_layer_with_an_lstm_of_its_own(cell):
    shared, inputs = layers(cell), torch.randn(5, LANES, INPUT).double()
    state = shared.initial_state(LANES)
    outputs, _ = shared(inputs, state)
    assert outputs.shape == (5, LANES, TASKS, HIDDEN) and shared.output_size == HIDDEN
    read = torch.cat((inputs, shared.shared(inputs, state[0])[0]), -1)
    for task in range(TASKS):
        expected, _ = shared.tasks[task](read, state[1][task])
        torch.testing.assert_close(outputs[..., task, :], expected)
    assert not torch.equal(outputs[..., 0, :], outputs[..., 1, :])


def test_the_loss_of_one_task_moves_the_shared_layer_and_no_other_task():
    shared = layers()
    outputs, _ = shared(torch.randn(5, LANES, INPUT).double(), shared.initial_state(LANES))
    outputs[..., 1, :].sum().backward()
    assert all(one.grad.any() for one in shared.shared.parameters())
    assert all(one.grad.any() for one in shared.tasks[1].parameters())
    for other in (0, 2):
        assert not any(one.grad.any() for one in shared.tasks[other].parameters())


def test_padding_changes_nothing():
    shared, inputs = layers(), torch.randn(5, LANES, INPUT).double()
    alone, _ = shared(inputs[:3, :1], shared.initial_state(1))
    padded, _ = shared(inputs, shared.initial_state(LANES), torch.tensor([3, 5]))
    torch.testing.assert_close(padded[:3, :1], alone)


def test_it_reads_whole_sequences_alone():
    shared, inputs = layers(), torch.randn(5, LANES, INPUT).double()
    assert not shared.is_causal
    with pytest.raises(UserError, match="bidirectional"):
        shared(inputs, shared.initial_state(LANES), resets=torch.zeros(5, LANES, dtype=torch.bool))
    with pytest.raises(UserError, match="bidirectional"):
        shared.step(inputs[0], shared.initial_state(LANES))
