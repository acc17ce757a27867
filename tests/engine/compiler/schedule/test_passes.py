import torch

from throughtime.cell.base import Cell
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.schedule.passes import Passes, passes
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def planned(cell: Cell) -> Passes:
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    return passes(lower(differentiate(found, decompositions()), found.lanes))


def kept(found: Passes) -> list[str]:
    """The functions whose results are kept for the backward pass."""
    stored = [e for e, place in found.keeping.stored if place.array.name.startswith("kept_")]
    return sorted(expression.operation for expression in stored)


def test_an_lstm_keeps_its_gates_and_what_it_shows_of_its_memory():
    assert kept(planned(LSTM(3, 8))) == ["sigmoid", "sigmoid", "sigmoid", "tanh", "tanh"]


def test_a_gru_keeps_its_gates_and_the_part_of_the_product_that_is_reset():
    assert kept(planned(GRU(3, 8))) == ["add", "sigmoid", "sigmoid", "tanh"]


def test_a_run_without_gradient_keeps_nothing():
    plain = planned(LSTM(3, 8)).plain
    assert {place.array.rows for _, place in plain.stored} == {"steps", "after"}
    assert {place.array.name for _, place in plain.stored if place.array.rows == "steps"} == {"value0"}


def test_the_errors_of_an_lstms_gates_are_stored_once():
    found = planned(LSTM(3, 8))
    ((state, errors),) = found.factors[0]
    assert state.array.name == "state0"
    assert errors.array.name == "projected_gradient"
