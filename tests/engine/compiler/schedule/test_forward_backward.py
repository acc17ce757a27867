import torch

from throughtime.cell.base import Cell
from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.schedule.forward_backward import ForwardBackward, schedule
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def scheduled(cell: Cell) -> ForwardBackward:
    found = trace(cell, cell.project(torch.zeros(1, 2, 3)), cell.initial_state(2))
    return schedule(lower(differentiate(found, decompositions()), found.lanes))


def saved(found: ForwardBackward) -> list[str]:
    """The operations whose results are saved for the backward pass."""
    stored = [e for e, place in found.training.stored if place.array.name.startswith("saved")]
    return sorted(expression.operation for expression in stored)


def test_an_lstm_saves_its_gates_and_the_tanh_of_its_memory():
    assert saved(scheduled(LSTM(3, 8))) == ["sigmoid", "sigmoid", "sigmoid", "tanh", "tanh"]


def test_a_gru_saves_its_gates_and_the_product_that_the_reset_gate_scales():
    assert saved(scheduled(GRU(3, 8))) == ["add", "sigmoid", "sigmoid", "tanh"]


def test_inference_saves_nothing():
    inference = scheduled(LSTM(3, 8)).inference
    assert {place.array.layout for _, place in inference.stored} == {"steps", "next_state"}
    assert {place.array.name for _, place in inference.stored if place.array.layout == "steps"} == {"value0"}


def test_the_errors_of_an_lstms_gates_are_stored_once():
    found = scheduled(LSTM(3, 8))
    ((state, errors),) = found.outer_operands[0]
    assert state.array.name == "state0"
    assert errors.array.name == "grad_projected"
