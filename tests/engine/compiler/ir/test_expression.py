import pytest

from throughtime.engine.compiler.ir.expression import ExpressionBuilder, Source, width

WIDE, NARROW = Source("projected", 0, 8), Source("state", 0, 4)


@pytest.fixture
def builder() -> ExpressionBuilder:
    return ExpressionBuilder()


def test_equal_expressions_are_one_object(builder):
    a, b = builder.load(WIDE), builder.load(NARROW)
    assert builder.apply("tanh", a) is builder.apply("tanh", a)
    assert builder.apply("tanh", a) is not builder.apply("tanh", b)
    assert builder.constant(0.0) is not builder.constant(-0.0)
    assert builder.constant(float("nan")) is builder.constant(float("nan"))


def test_a_slice_of_a_function_is_the_function_of_the_slice(builder):
    row = (builder.apply("tanh", builder.load(WIDE)),)
    assert builder.slice(row, 2, 3) == (builder.apply("tanh", builder.load(WIDE, 2, 3)),)


def test_adjacent_slices_have_all_features_of_the_row(builder):
    row = (builder.load(WIDE), builder.load(NARROW))
    pieces = builder.slice(row, 0, 5) + builder.slice(row, 5, 7)
    assert width(pieces) == width(row) == 12
    assert [piece.width for piece in pieces] == [5, 3, 4]


def test_an_elementwise_operation_splits_rows_where_either_is_split(builder):
    joined = (builder.load(NARROW), builder.load(Source("state", 1, 4)))
    total = builder.elementwise("add", (builder.load(WIDE),), joined)
    assert total == (
        builder.apply("add", builder.load(WIDE, 0, 4), joined[0]),
        builder.apply("add", builder.load(WIDE, 4, 4), joined[1]),
    )


def test_a_scalar_is_broadcast_over_features(builder):
    row = builder.elementwise("mul", (builder.load(WIDE),), (builder.constant(2.0),))
    assert width(row) == 8
    assert builder.slice(row, 3, 2)[0].operands[1] is builder.constant(2.0)


def test_identities_are_simplified_but_a_product_with_zero_is_not(builder):
    a = builder.load(WIDE)
    assert builder.apply("mul", a, builder.constant(1.0)) is a
    assert builder.apply("add", builder.constant(0.0), a) is a
    assert builder.apply("mul", a, builder.constant(0.0)) is not builder.constant(0.0)


def test_a_sum_over_pieces_is_the_sum_of_their_sums(builder):
    found = builder.reduce("sum", (builder.load(WIDE), builder.load(NARROW)))
    assert found.width == 1
    assert [operand.operation for operand in found.operands] == ["sum", "sum"]
