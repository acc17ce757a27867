"""torch.nn's modules as the oracle: the same weights give the same numbers, by steps and by the kernel."""

import pytest
import torch
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM, LSTMState
from throughtime.engine.reference import Reference
from throughtime.engine.torch_kernels.kernels import missing_kernel, run_kernel, run_padded_lstm, runs_padded

INPUT, HIDDEN, STEPS, LANES = 3, 5, 6, 4

PAIRS = {
    "tanh": (Elman(INPUT, HIDDEN, output_activation=None), nn.RNN(INPUT, HIDDEN)),
    "relu": (
        Elman(INPUT, HIDDEN, activation="relu", output_activation=None),
        nn.RNN(INPUT, HIDDEN, nonlinearity="relu"),
    ),
    "lstm": (LSTM(INPUT, HIDDEN), nn.LSTM(INPUT, HIDDEN)),
    "projection": (LSTM(INPUT, HIDDEN, projection_size=2), nn.LSTM(INPUT, HIDDEN, proj_size=2)),
    "gru": (GRU(INPUT, HIDDEN), nn.GRU(INPUT, HIDDEN)),
}


def copy_weights(cell, oracle) -> None:
    with torch.no_grad():
        cell.weight_input.copy_(oracle.weight_ih_l0)
        cell.weight_recurrent.copy_(oracle.weight_hh_l0)
        cell.bias.copy_(oracle.bias_ih_l0 + oracle.bias_hh_l0)
        if isinstance(cell, GRU):
            cell.bias[-HIDDEN:] = oracle.bias_ih_l0[-HIDDEN:]
            cell.bias_recurrent.copy_(oracle.bias_hh_l0[-HIDDEN:])
        if getattr(cell, "weight_projection", None) is not None:
            cell.weight_projection.copy_(oracle.weight_hr_l0)


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", PAIRS)
def test_the_numbers_are_those_of_torch(name):
    cell, oracle = PAIRS[name]
    copy_weights(cell, oracle)
    inputs, state = torch.randn(STEPS, LANES, INPUT), cell.initial_state(LANES)
    expected, last = oracle(inputs)
    last = last if isinstance(last, tuple) else (last,)
    expected_gradient = torch.autograd.grad(expected.sum(), oracle.weight_hh_l0)[0]
    for outputs, after in (run_kernel(cell, inputs, state), Reference().run(cell, inputs, state)):
        torch.testing.assert_close(outputs, expected)
        torch.testing.assert_close(tuple(after), tuple(part[0] for part in last))
        gradient = torch.autograd.grad(outputs.sum(), cell.weight_recurrent)[0]
        torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Elman(INPUT, HIDDEN, activation="sigmoid"), "tanh and relu"),
        (LSTM(INPUT, HIDDEN, peepholes=True), "peepholes"),
        (LSTM(INPUT, HIDDEN, projection_size=HIDDEN), "fewer than hidden_size"),
        (GRU(INPUT, HIDDEN, reset="before"), "after the product"),
    ],
)
def test_what_torch_lacks_is_named(cell, reason):
    assert reason in missing_kernel(cell)


def test_a_cell_made_from_another_is_not_taken_for_it():
    class Doubled(GRU):
        def step(self, projected, state):
            return super().step(2 * projected, state)

    assert "elman, lstm and gru only" in missing_kernel(Doubled(INPUT, HIDDEN))


def test_the_memory_outlasts_any_padding_to_the_last_bit():
    cell = LSTM(3, 4)
    state = LSTMState(torch.randn(2, 4), torch.randn(2, 4) * torch.tensor([1e-6, 1.0, 1e3, -1e3]))
    lengths = torch.tensor([0, 1])
    _, after = run_padded_lstm(cell, torch.randn(500, 2, 3), state, lengths)
    _, true = cell.step(cell.project(torch.zeros(2, 3)), state)
    assert torch.equal(after.cell[0], state.cell[0])
    assert torch.equal(after.hidden[0], state.hidden[0])
    assert not torch.equal(after.cell[1], true.cell[1])


def test_a_gradient_crosses_the_padding_unchanged():
    cell = LSTM(3, 4)
    memory = torch.randn(1, 4, requires_grad=True)
    _, after = run_padded_lstm(
        cell, torch.randn(100, 1, 3), LSTMState(torch.zeros(1, 4), memory), torch.tensor([0])
    )
    weighting = torch.randn(1, 4)
    (after.cell * weighting).sum().backward()
    torch.testing.assert_close(memory.grad, weighting, rtol=0, atol=0)
    assert not any(p.grad is not None and p.grad.abs().max() > 1e-30 for p in cell.parameters())


def test_lanes_are_padded_for_the_lstm_that_onednn_runs():
    inputs = torch.zeros(1, 1, 3)
    assert runs_padded(LSTM(3, 4), inputs)
    assert not runs_padded(LSTM(3, 4, projection_size=2), inputs)
    assert not runs_padded(GRU(3, 4), inputs)
