import pytest
import torch
from torch.fx import Graph

from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.ir.program import (
    Matrix,
    OuterProducts,
    Program,
    UnknownOperatorError,
    as_row,
    feature_count,
)


def test_equal_products_are_one():
    program = Program()
    row = (program.builder.load(Source("state", 0, 4)),)
    first, second = (program.multiply(row, Matrix(0, 4, 6)) for _ in range(2))
    assert first == second
    assert program.multiply(row, Matrix(0, 4, 6, transposed=True)) != first
    assert len(program.products) == 2


def test_dependence_on_a_gradient_passes_through_products():
    program = Program()
    gradient = program.builder.load(Source("grad_state", 0, 4))
    product = program.multiply((gradient,), Matrix(0, 4, 4))[0]
    state = program.builder.load(Source("state", 0, 4))
    assert program.depends_on_gradient(program.builder.apply("tanh", product), {})
    assert not program.depends_on_gradient(program.builder.apply("tanh", state), {})


def test_the_transpose_of_outer_products_swaps_each_pair():
    builder = Program().builder
    a, b = ((builder.load(Source("state", index, 4)),) for index in range(2))
    assert OuterProducts(((a, b), (b, b))).transpose() == OuterProducts(((b, a), (b, b)))


def node(*shape: int):
    found = Graph().placeholder("x")
    found.meta["val"] = torch.empty(shape)
    return found


@pytest.mark.parametrize(
    ("shape", "size"), [((9, 4), 4), ((9, 1), 1), ((9,), 1), ((1, 4), 4), ((4,), 4), ((), 1)]
)
def test_the_feature_count_leaves_out_the_axis_of_lanes(shape, size):
    assert feature_count(node(*shape), 9) == size


@pytest.mark.parametrize("shape", [(3, 4), (9, 2, 2)])
def test_an_error_names_a_shape_without_features(shape):
    with pytest.raises(UnknownOperatorError, match="to the shape"):
        feature_count(node(*shape), 9)


def test_a_number_is_a_constant_row_and_a_matrix_of_one_row_a_vector():
    program = Program()
    assert as_row(program, 2, node()) == (program.builder.constant(2.0),)
    assert as_row(program, Matrix(0, 1, 4), node()) == program.vector(0, 4)
    with pytest.raises(UnknownOperatorError):
        as_row(program, OuterProducts(()), node())
