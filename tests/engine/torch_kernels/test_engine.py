"""What `test_contract` cannot say: which of torch's ways is taken."""

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.torch_kernels.engine import TorchKernels
from throughtime.errors import UserError


def operators(cell, inputs, **arguments) -> dict[str, int]:
    """How often each of torch's operators was called, forward and backward."""
    with torch.profiler.profile() as profile:
        outputs, _ = TorchKernels().run(cell, inputs, cell.initial_state(inputs.shape[1]), **arguments)
        outputs.sum().backward()
    return {event.key: event.count for event in profile.key_averages()}


def test_whole_lanes_of_an_lstm_run_through_onednn_and_back():
    cell, inputs = LSTM(3, 4), torch.randn(6, 2, 3)
    for lengths in (None, torch.tensor([6, 6])):
        called = operators(cell, inputs, lengths=lengths)
        assert {"aten::mkldnn_rnn_layer", "aten::mkldnn_rnn_layer_backward"} <= set(called)


def test_a_reset_at_the_first_step_cuts_nothing():
    resets = torch.zeros(6, 2, dtype=torch.bool)
    resets[0, 1] = True
    called = operators(LSTM(3, 4), torch.randn(6, 2, 3), resets=resets)
    assert called["aten::mkldnn_rnn_layer"] == 1


def test_a_cell_that_torch_does_not_know_is_refused_with_the_reason():
    cell = GRU(3, 4, reset="before")
    with pytest.raises(UserError, match=r"engine=torch cannot run this GRU: .*before it; choose engine=auto"):
        TorchKernels().run(cell, torch.randn(2, 1, 3), cell.initial_state(1))
