from throughtime.engine.compiler.codegen.block import C_TEMPLATES, Block, c_constant
from throughtime.engine.compiler.ir.elementwise import CHEAP, ELEMENTWISE
from throughtime.engine.compiler.ir.expression import ExpressionBuilder, Source


def test_a_common_subexpression_is_computed_once():
    builder, block = ExpressionBuilder(), Block({})
    inner = builder.apply("tanh", builder.load(Source("state", 0, 4)))
    block.name(builder.apply("mul", inner, inner))
    assert block.lines == [
        "const real v1 = state0_state[j];",
        "const real v2 = TANH(v1);",
        "const real v3 = (v2 * v2);",
    ]


def test_a_scalar_is_computed_outside_the_loop_over_features():
    builder, outer = ExpressionBuilder(), Block({})
    inside = Block({}, outer)
    scalar = builder.apply("exp", builder.load(Source("weight", 0, 1)))
    inside.name(builder.apply("mul", builder.load(Source("state", 0, 4)), scalar))
    assert any("EXP" in line for line in outer.lines)
    assert not any("EXP" in line for line in inside.lines)


def test_constants_are_written_exactly_also_nan_and_infinity():
    assert "nan" in c_constant(float("nan"))
    assert c_constant(float("-inf")).endswith("-__builtin_inf()")
    assert c_constant(0.1) == "(real)0.1"


def test_every_operation_has_a_template():
    assert set(ELEMENTWISE.values()) | CHEAP <= set(C_TEMPLATES)


def test_a_template_reads_each_operand_of_its_operator():
    for operator, name in ELEMENTWISE.items():
        operands = [a for a in operator._schema.arguments if a.name not in ("alpha", "rounding_mode")]
        assert all(f"{{{index}}}" in C_TEMPLATES[name] for index in range(len(operands))), operator
        assert f"{{{len(operands)}}}" not in C_TEMPLATES[name], operator
