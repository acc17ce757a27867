"""Gates of any cell are found by watching its step."""

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.diagnosis.gates import observe


def names(cell) -> list[str]:
    return [gate.name for gate in observe(cell, torch.randn(4, 2, 3), cell.initial_state(2)).gates]


def test_the_gates_of_cells_are_counted_once_whatever_the_number_of_steps() -> None:
    assert sorted(names(LSTM(3, 4))) == ["sigmoid 1", "sigmoid 2", "sigmoid 3", "tanh 1", "tanh 2"]
    assert sorted(names(GRU(3, 4))) == ["sigmoid 1", "sigmoid 2", "tanh 1"]
    assert names(Elman(3, 4, output_activation=None)) == ["tanh 1"]
    assert names(Elman(3, 4, activation="relu", output_activation=None)) == []
    assert "sigmoid 1" in names(MinGRU(3, 4))  # which computes its gate for the whole sequence at once


def test_shares_of_saturated_values_are_those_of_a_planted_gate() -> None:
    """i, f, g, o of an LSTM that reads nothing: f is closed in one unit, open in another, and half open in two."""
    cell = LSTM(3, 4)
    with torch.no_grad():
        cell.weight_input.zero_()
        cell.weight_recurrent.zero_()
        cell.bias.zero_()
        cell.bias[4:8] = torch.tensor([-9.0, 9.0, 0.0, 0.0])
        cell.bias[8:12] = torch.tensor([9.0, 9.0, 9.0, 0.1])
    gates = {g.name: g for g in observe(cell, torch.randn(5, 2, 3), cell.initial_state(2)).gates}
    shares = {name: (gate.low, gate.high) for name, gate in gates.items()}
    assert (0.25, 0.25) in shares.values()
    assert shares["tanh 1"] == (0, 0.75)
    assert gates["sigmoid 2"].mean == pytest.approx(0.5, abs=1e-3)


def test_units_that_hardly_vary_are_dead() -> None:
    cell = Elman(2, 4, activation="relu", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.zero_()
        cell.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -100.0]))
    inputs = torch.randn(20, 3, 2)
    assert observe(cell, inputs, cell.initial_state(3)).dead == 0.25
    with torch.no_grad():
        cell.bias.fill_(-100.0)
    assert observe(cell, inputs, cell.initial_state(3)).dead == 1.0
