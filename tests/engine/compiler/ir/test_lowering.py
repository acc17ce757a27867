import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import Outer, Program, Summed, UnknownOperatorError
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def lowered(cell) -> Program:
    projected = cell.project(torch.zeros(1, 2, 3, dtype=cell.bias.dtype))
    found = trace(cell, projected, cell.initial_state(2))
    return lower(differentiate(found, decompositions()), found.lanes)


def test_every_row_has_the_features_of_its_tensor():
    program = lowered(LSTM(3, 8, peepholes=True, projection_size=5))
    assert [width(row) for row in program.values] == [5]
    assert [width(row) for row in program.after] == [5, 8]
    assert width(program.projected_gradient) == 32
    assert [width(row) for row in program.before_gradients] == [5, 8]


def test_matrices_have_outer_products_and_vectors_sums():
    kinds = [type(gradient) for gradient in lowered(GRU(3, 8)).weight_gradients]
    assert sorted(kinds, key=str) == [Outer, Summed]


def test_gates_are_no_wider_than_the_state_whatever_was_split_and_joined():
    program = lowered(GRU(3, 8))
    assert {piece.width for piece in program.projected_gradient} == {8}


def test_another_precision_is_named():
    with pytest.raises(UnknownOperatorError, match="the type bfloat16"):
        lowered(LSTM(3, 8).bfloat16())
