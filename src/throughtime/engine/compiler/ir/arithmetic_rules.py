"""Lowering rules of arithmetic operators: ATen operators on tensors as expressions on rows.

Each rule is named after its ATen operator and takes that operator's arguments after (program, node, lanes).
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch.fx import Node

from throughtime.engine.compiler.ir.elementwise import ELEMENTWISE
from throughtime.engine.compiler.ir.expression import Row
from throughtime.engine.compiler.ir.program import (
    LaneSum,
    OuterProducts,
    Program,
    UnknownOperatorError,
    Value,
    as_row,
    feature_count,
)

Rule = Callable[..., Value]
"""(program, node, lanes, *arguments of the node) -> the node's value; may raise `UnknownOperatorError`"""


def elementwise(program: Program, node: Node, lanes: int, *arguments: Value) -> Value:
    """The rule of all operators in `ELEMENTWISE`."""
    name = ELEMENTWISE[node.target]
    if node.kwargs:
        raise UnknownOperatorError(f"{node.target} with {', '.join(node.kwargs)}")
    if isinstance(arguments[0], LaneSum) and name in ("mul", "div", "neg"):
        return LaneSum(
            program.builder.elementwise(name, arguments[0].row, *_constants(program, node, arguments[1:]))
        )
    return program.builder.elementwise(name, *(as_row(program, a, node) for a in arguments))


def _constants(program: Program, node: Node, values: Sequence[Value]) -> list[Row]:
    """Numbers as rows: all that a sum over lanes may be multiplied with or divided by."""
    if not all(isinstance(value, int | float) for value in values):
        raise UnknownOperatorError(f"{node.target} of a sum over lanes")
    return [as_row(program, value, node) for value in values]


def add(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    if isinstance(left, OuterProducts) and isinstance(right, OuterProducts):
        return OuterProducts(left.pairs + right.pairs)
    if isinstance(left, LaneSum) and isinstance(right, LaneSum):
        return LaneSum(program.builder.elementwise("add", left.row, right.row))
    return _scaled(program, node, "add", left, right)


def sub(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    return _scaled(program, node, "sub", left, right)


def _scaled(program: Program, node: Node, name: str, left: Value, right: Value) -> Row:
    """left + α right, or left - α right."""
    rows = as_row(program, left, node), as_row(program, right, node)
    scale = node.kwargs.get("alpha", 1)
    if scale != 1:
        rows = rows[0], program.builder.elementwise("mul", rows[1], as_row(program, scale, node))
    return program.builder.elementwise(name, *rows)


def rsub(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    return _scaled(program, node, "sub", right, left)


def reciprocal(program: Program, node: Node, lanes: int, value: Value) -> Row:
    return program.builder.elementwise("div", as_row(program, 1.0, node), as_row(program, value, node))


def rsqrt(program: Program, node: Node, lanes: int, value: Value) -> Row:
    root = program.builder.elementwise("sqrt", as_row(program, value, node))
    return program.builder.elementwise("div", as_row(program, 1.0, node), root)


def tanh_backward(program: Program, node: Node, lanes: int, gradient: Value, result: Value) -> Row:
    builder, y = program.builder, as_row(program, result, node)
    slope = builder.elementwise("sub", as_row(program, 1.0, node), builder.elementwise("mul", y, y))
    return builder.elementwise("mul", as_row(program, gradient, node), slope)


def sigmoid_backward(program: Program, node: Node, lanes: int, gradient: Value, result: Value) -> Row:
    builder, y = program.builder, as_row(program, result, node)
    slope = builder.elementwise("mul", y, builder.elementwise("sub", as_row(program, 1.0, node), y))
    return builder.elementwise("mul", as_row(program, gradient, node), slope)


def pow_scalar(program: Program, node: Node, lanes: int, base: Value, exponent: int | float) -> Row:
    builder, x = program.builder, as_row(program, base, node)
    if exponent in (1, 2, 3):
        row = x
        for _ in range(int(exponent) - 1):
            row = builder.elementwise("mul", row, x)
        return row
    if exponent == 0.5:
        return builder.elementwise("sqrt", x)
    if exponent == -1:
        return reciprocal(program, node, lanes, base)
    return builder.elementwise("pow", x, as_row(program, exponent, node))


def clamp(
    program: Program, node: Node, lanes: int, value: Value, minimum: Value = None, maximum: Value = None
) -> Row:
    row = as_row(program, value, node)
    if minimum is not None:
        row = program.builder.elementwise("maximum", row, as_row(program, minimum, node))
    if maximum is not None:
        row = program.builder.elementwise("minimum", row, as_row(program, maximum, node))
    return row


def fill(value_of: Callable[[Node], float]) -> Rule:
    """The rule of operators that fill a tensor with one number, which `value_of` reads off the node."""

    def rule(program: Program, node: Node, lanes: int, *arguments: Any) -> Value:
        shape = tuple(node.meta["val"].shape)
        if len(shape) == 2 and lanes not in shape:
            return None
        return (program.builder.constant(float(value_of(node)), feature_count(node, lanes)),)

    return rule
