"""A layer is measured along the longest stretches of its sequences that have no reset."""

import math

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.diagnosis.gradient_flow import LayerFlow
from throughtime.diagnosis.layer import diagnose_layer, trajectory
from throughtime.diagnosis.probe import CellRun


def run_of(cell, inputs, state=None, lengths=None, resets=None) -> CellRun:
    return CellRun("a", cell, inputs, state or cell.initial_state(inputs.shape[1]), lengths, resets)


def test_a_trajectory_begins_at_a_reset_with_the_initial_state() -> None:
    cell, inputs = LSTM(1, 2), torch.arange(20.0).view(10, 2, 1)
    state = type(cell.initial_state(2))(torch.ones(2, 2), torch.ones(2, 2))
    resets = torch.zeros(5, 2, dtype=torch.bool)
    resets[1, 1] = True
    runs = [run_of(cell, inputs[:5], state, resets=resets), run_of(cell, inputs[5:])]
    rows, before = trajectory(runs, lanes=4, longest=9)
    assert rows.shape == (9, 2, 1)
    assert rows[:, 0, 0].tolist() == inputs[:9, 0, 0].tolist()
    assert rows[:, 1, 0].tolist() == inputs[1:, 1, 0].tolist()
    assert before.hidden.tolist() == [[1, 1], [0, 0]]


def test_short_lanes_are_left_out() -> None:
    cell = Elman(1, 2)
    rows, _ = trajectory([run_of(cell, torch.zeros(9, 3, 1), lengths=torch.tensor([9, 2, 7]))], 4, 100)
    assert rows.shape == (7, 2, 1)


def test_a_run_of_other_lanes_ends_the_trajectory() -> None:
    cell = Elman(1, 2)
    rows, _ = trajectory([run_of(cell, torch.zeros(5, 3, 1)), run_of(cell, torch.zeros(4, 6, 1))], 4, 100)
    assert rows.shape == (5, 3, 1)


def test_a_contracting_linear_layer() -> None:
    torch.manual_seed(0)
    cell = Elman(1, 3, activation="identity", output_activation=None)
    with torch.no_grad():
        cell.weight_recurrent.mul_(0.5)
    flow = LayerFlow("a", torch.ones(2), torch.ones(2))
    found = diagnose_layer(flow, [run_of(cell, torch.randn(40, 2, 1))])
    assert found.steps == 40
    assert sorted(found.singular) == [1, 2, 4, 8, 16, 32]
    torch.testing.assert_close(found.exponents, torch.full((3,), math.log(0.5), dtype=torch.float64))
    assert float(found.singular[32].max()) == pytest.approx(32 * math.log(0.5), rel=1e-6)
    assert list(found.memory) == ["hidden"]
    assert found.cell == "Elman"


def test_a_large_state_is_measured_without_keeping_its_jacobians(monkeypatch) -> None:
    torch.manual_seed(1)
    cell, inputs = GRU(1, 4), torch.randn(12, 2, 1)
    flow = LayerFlow("a", torch.ones(2), torch.ones(2))
    kept = diagnose_layer(flow, [run_of(cell, inputs)])
    monkeypatch.setattr("throughtime.diagnosis.layer.KEPT", 2)
    again = diagnose_layer(flow, [run_of(cell, inputs)])
    torch.testing.assert_close(again.exponents, kept.exponents)
    torch.testing.assert_close(again.memory, kept.memory)
    assert len(again.singular[1]) == 2
