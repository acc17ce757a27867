from throughtime.engine.compiler.codegen.statements import Block, number
from throughtime.engine.compiler.ir.expression import Expressions, Source


def test_what_is_needed_twice_is_computed_once():
    make, block = Expressions(), Block({})
    inner = make.apply("tanh", make.load(Source("before", 0, 4)))
    block.name(make.apply("mul", inner, inner))
    assert block.lines == [
        "const real v1 = state0_before[j];",
        "const real v2 = TANH(v1);",
        "const real v3 = (v2 * v2);",
    ]


def test_what_is_the_same_for_every_feature_is_computed_outside_the_loop():
    make, outside = Expressions(), Block({})
    inside = Block({}, outside)
    scalar = make.apply("exp", make.load(Source("weight", 0, 1)))
    inside.name(make.apply("mul", make.load(Source("before", 0, 4)), scalar))
    assert any("EXP" in line for line in outside.lines)
    assert not any("EXP" in line for line in inside.lines)


def test_numbers_that_are_none_can_be_written():
    assert "nan" in number(float("nan"))
    assert number(float("-inf")).endswith("-__builtin_inf()")
    assert number(0.1) == "(real)0.1"
