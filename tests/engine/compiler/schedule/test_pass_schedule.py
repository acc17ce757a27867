import pytest

from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.ir.program import Matrix, Program
from throughtime.engine.compiler.schedule.arrays import Array
from throughtime.engine.compiler.schedule.pass_schedule import PassSchedule


@pytest.fixture
def program() -> Program:
    return Program()


def test_products_divide_stages_and_sums_divide_phases(program):
    builder = program.builder
    state = builder.load(Source("state", 0, 4))
    product = program.multiply((builder.apply("tanh", state),), Matrix(0, 4, 4))
    total = builder.reduce("sum", product)
    schedule = PassSchedule(program, {})
    schedule.store(builder.elementwise("sub", product, (total,)), Array("value0", "steps", 4))
    schedule.resolve()
    assert schedule.slot(state) == (0, 0)
    assert schedule.slot(product[0]) == (1, 0)
    assert schedule.slot(total) == (1, 1)
    assert list(schedule.work()) == [(0, 0), (1, 0), (1, 1)]


def test_a_later_stage_loads_expensive_results_and_recomputes_cheap_ones(program):
    builder = program.builder
    state = builder.load(Source("state", 0, 4))
    gate, half = builder.apply("sigmoid", state), builder.apply("mul", state, builder.constant(0.5))
    product = program.multiply((builder.apply("mul", gate, half),), Matrix(0, 4, 4))[0]
    schedule = PassSchedule(program, {})
    later = builder.apply("add", builder.apply("mul", gate, product), half)
    schedule.store((later,), Array("value0", "steps", 4))
    schedule.resolve()
    stored = [
        expression for expression, target in schedule.stored if target.array.name.startswith("temporary")
    ]
    assert stored == [gate]


def test_a_product_reads_a_row_that_is_in_memory_without_a_copy(program):
    state = program.builder.load(Source("state", 0, 4))
    product = program.multiply((state,), Matrix(0, 4, 4))
    schedule = PassSchedule(program, {})
    schedule.store(product, Array("value0", "steps", 4))
    schedule.resolve()
    assert schedule.operands[0].array == Array("state0", "state", 4)
