import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import LaneSum, OuterProducts, Program, UnknownOperatorError
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import trace


def lowered(cell) -> Program:
    projected = cell.project(torch.zeros(1, 2, 3, dtype=cell.bias.dtype))
    found = trace(cell, projected, cell.initial_state(2))
    return lower(differentiate(found, decompositions()), found.lanes)


def test_every_row_has_the_features_of_its_tensor():
    program = lowered(LSTM(3, 8, peepholes=True, projection_size=5))
    assert [width(row) for row in program.values] == [5]
    assert [width(row) for row in program.next_state] == [5, 8]
    assert width(program.grad_projected) == 32
    assert [width(row) for row in program.grad_state] == [5, 8]


def test_gradients_of_matrices_are_outer_products_and_of_vectors_lane_sums():
    kinds = [type(gradient) for gradient in lowered(GRU(3, 8)).grad_weights]
    assert sorted(kinds, key=str) == [LaneSum, OuterProducts]


def test_pieces_are_as_wide_as_a_gate_after_split_and_cat():
    program = lowered(GRU(3, 8))
    assert {piece.width for piece in program.grad_projected} == {8}


def test_an_error_names_a_precision_without_c():
    with pytest.raises(UnknownOperatorError, match="the type bfloat16"):
        lowered(LSTM(3, 8).bfloat16())
