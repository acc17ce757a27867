import pytest

from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.ir.program import Matrix, Program
from throughtime.engine.compiler.schedule.arrays import Array
from throughtime.engine.compiler.schedule.schedule import Pass


@pytest.fixture
def program() -> Program:
    return Program()


def test_stages_are_cut_by_products_and_phases_by_sums(program):
    make = program.make
    state = make.load(Source("before", 0, 4))
    product = program.multiply((make.apply("tanh", state),), Matrix(0, 4, 4))
    total = make.reduce("sum", product)
    direction = Pass(program, {})
    direction.store(make.elementwise("sub", product, (total,)), Array("value0", "steps", 4))
    direction.finish()
    assert direction.time(state) == (0, 0)
    assert direction.time(product[0]) == (1, 0)
    assert direction.time(total) == (1, 1)
    assert list(direction.work()) == [(0, 0), (1, 0), (1, 1)]


def test_what_is_dear_and_needed_in_a_later_stage_is_kept_and_what_is_cheap_is_not(program):
    make = program.make
    state = make.load(Source("before", 0, 4))
    gate, half = make.apply("sigmoid", state), make.apply("mul", state, make.constant(0.5))
    product = program.multiply((make.apply("mul", gate, half),), Matrix(0, 4, 4))[0]
    direction = Pass(program, {})
    later = make.apply("add", make.apply("mul", gate, product), half)
    direction.store((later,), Array("value0", "steps", 4))
    direction.finish()
    kept = [expression for expression, place in direction.stored if place.array.name.startswith("kept")]
    assert kept == [gate]


def test_a_row_of_memory_is_multiplied_where_it_lies(program):
    state = program.make.load(Source("before", 0, 4))
    product = program.multiply((state,), Matrix(0, 4, 4))
    direction = Pass(program, {})
    direction.store(product, Array("value0", "steps", 4))
    direction.finish()
    assert direction.operands[0].array == Array("state0", "before", 4)
