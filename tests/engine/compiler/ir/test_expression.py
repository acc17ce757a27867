import pytest

from throughtime.engine.compiler.ir.expression import Expressions, Source, width

WIDE, NARROW = Source("projected", 0, 8), Source("before", 0, 4)


@pytest.fixture
def make() -> Expressions:
    return Expressions()


def test_equal_expressions_are_one(make):
    a, b = make.load(WIDE), make.load(NARROW)
    assert make.apply("tanh", a) is make.apply("tanh", a)
    assert make.apply("tanh", a) is not make.apply("tanh", b)
    assert make.constant(0.0) is not make.constant(-0.0)
    assert make.constant(float("nan")) is make.constant(float("nan"))


def test_a_slice_of_a_function_is_the_function_of_the_slice(make):
    row = (make.apply("tanh", make.load(WIDE)),)
    assert make.slice(row, 2, 3) == (make.apply("tanh", make.load(WIDE, 2, 3)),)


def test_slices_side_by_side_are_the_whole(make):
    row = (make.load(WIDE), make.load(NARROW))
    pieces = make.slice(row, 0, 5) + make.slice(row, 5, 7)
    assert width(pieces) == width(row) == 12
    assert [piece.width for piece in pieces] == [5, 3, 4]


def test_rows_of_different_pieces_are_cut_where_either_is(make):
    joined = (make.load(NARROW), make.load(Source("before", 1, 4)))
    total = make.elementwise("add", (make.load(WIDE),), joined)
    assert total == (
        make.apply("add", make.load(WIDE, 0, 4), joined[0]),
        make.apply("add", make.load(WIDE, 4, 4), joined[1]),
    )


def test_one_number_goes_with_every_feature(make):
    row = make.elementwise("mul", (make.load(WIDE),), (make.constant(2.0),))
    assert width(row) == 8
    assert make.slice(row, 3, 2)[0].operands[1] is make.constant(2.0)


def test_neutral_numbers_vanish_but_zero_times_anything_does_not(make):
    a = make.load(WIDE)
    assert make.apply("mul", a, make.constant(1.0)) is a
    assert make.apply("add", make.constant(0.0), a) is a
    assert make.apply("mul", a, make.constant(0.0)) is not make.constant(0.0)


def test_a_sum_over_pieces_is_the_sum_of_their_sums(make):
    found = make.reduce("sum", (make.load(WIDE), make.load(NARROW)))
    assert found.width == 1
    assert [operand.operation for operand in found.operands] == ["sum", "sum"]
