"""torch.nn's modules as the oracle: the same weights give the same numbers, by steps and by the kernel."""

import pytest
import torch
from torch import nn

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.reference import Reference
from throughtime.engine.torch_kernels.kernels import missing, run_kernel

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
    assert reason in missing(cell)


def test_a_cell_made_from_another_is_not_taken_for_it():
    class Doubled(GRU):
        def step(self, projected, state):
            return super().step(2 * projected, state)

    assert "elman, lstm and gru only" in missing(Doubled(INPUT, HIDDEN))
