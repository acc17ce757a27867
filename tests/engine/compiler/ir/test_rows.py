import pytest
import torch
from torch.fx import Graph

from throughtime.engine.compiler.ir.program import Matrix, Outer, Program, UnknownOperatorError
from throughtime.engine.compiler.ir.rows import as_row, features


def node(*shape: int):
    found = Graph().placeholder("x")
    found.meta["val"] = torch.empty(shape)
    return found


@pytest.mark.parametrize(
    ("shape", "size"), [((9, 4), 4), ((9, 1), 1), ((9,), 1), ((1, 4), 4), ((4,), 4), ((), 1)]
)
def test_the_features_of_a_tensor_are_those_beside_its_lanes(shape, size):
    assert features(node(*shape), 9) == size


@pytest.mark.parametrize("shape", [(3, 4), (9, 2, 2)])
def test_another_shape_is_named(shape):
    with pytest.raises(UnknownOperatorError, match="to the shape"):
        features(node(*shape), 9)


def test_a_number_is_a_row_of_one_and_a_thin_matrix_a_vector():
    program = Program()
    assert as_row(program, 2, node()) == (program.make.constant(2.0),)
    assert as_row(program, Matrix(0, 1, 4), node()) == program.vector(0, 4)
    with pytest.raises(UnknownOperatorError):
        as_row(program, Outer(()), node())
