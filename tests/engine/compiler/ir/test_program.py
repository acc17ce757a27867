from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.ir.program import Matrix, Outer, Program


def test_a_product_asked_for_twice_is_done_once():
    program = Program()
    row = (program.make.load(Source("before", 0, 4)),)
    first, second = (program.multiply(row, Matrix(0, 4, 6)) for _ in range(2))
    assert first == second
    assert program.multiply(row, Matrix(0, 4, 6, transposed=True)) != first
    assert len(program.products) == 2


def test_what_depends_on_a_gradient_is_told_through_products():
    program = Program()
    coming = program.make.load(Source("after_gradient", 0, 4))
    behind = program.multiply((coming,), Matrix(0, 4, 4))[0]
    before = program.make.load(Source("before", 0, 4))
    assert program.tangent(program.make.apply("tanh", behind), {})
    assert not program.tangent(program.make.apply("tanh", before), {})


def test_the_transpose_of_outer_products_turns_each_pair():
    make = Program().make
    a, b = ((make.load(Source("before", index, 4)),) for index in range(2))
    assert Outer(((a, b), (b, b))).transpose() == Outer(((b, a), (b, b)))
