"""How each operator of arithmetic acts on rows."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.fx import Node

from throughtime.engine.compiler.ir.expression import Row
from throughtime.engine.compiler.ir.functions import ELEMENTWISE
from throughtime.engine.compiler.ir.program import Outer, Program, Summed, UnknownOperatorError, Value
from throughtime.engine.compiler.ir.rows import as_row, features

Rule = Callable[..., Value]
"""(program, node, lanes, *arguments) -> value"""


def elementwise(program: Program, node: Node, lanes: int, *arguments: Value) -> Value:
    name = ELEMENTWISE[node.target]
    if node.kwargs:
        raise UnknownOperatorError(f"{node.target} with {', '.join(node.kwargs)}")
    if isinstance(arguments[0], Summed) and name in ("mul", "div", "neg"):
        return Summed(
            program.make.elementwise(name, arguments[0].row, *_constants(program, node, arguments[1:]))
        )
    return program.make.elementwise(name, *(as_row(program, a, node) for a in arguments))


def _constants(program: Program, node: Node, values: Sequence[Value]) -> list[Row]:
    if not all(isinstance(value, int | float) for value in values):
        raise UnknownOperatorError(f"{node.target} of a sum over lanes")
    return [as_row(program, value, node) for value in values]


def add(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    if isinstance(left, Outer) and isinstance(right, Outer):
        return Outer(left.pairs + right.pairs)
    if isinstance(left, Summed) and isinstance(right, Summed):
        return Summed(program.make.elementwise("add", left.row, right.row))
    return _scaled(program, node, "add", left, right)


def subtract(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    return _scaled(program, node, "sub", left, right)


def _scaled(program: Program, node: Node, name: str, left: Value, right: Value) -> Row:
    rows = as_row(program, left, node), as_row(program, right, node)
    scale = node.kwargs.get("alpha", 1)
    if scale != 1:
        rows = rows[0], program.make.elementwise("mul", rows[1], as_row(program, scale, node))
    return program.make.elementwise(name, *rows)


def reversed_subtract(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    return _scaled(program, node, "sub", right, left)


def reciprocal(program: Program, node: Node, lanes: int, value: Value) -> Row:
    return program.make.elementwise("div", as_row(program, 1.0, node), as_row(program, value, node))


def reciprocal_root(program: Program, node: Node, lanes: int, value: Value) -> Row:
    root = program.make.elementwise("sqrt", as_row(program, value, node))
    return program.make.elementwise("div", as_row(program, 1.0, node), root)


def tanh_backward(program: Program, node: Node, lanes: int, gradient: Value, result: Value) -> Row:
    make, y = program.make, as_row(program, result, node)
    slope = make.elementwise("sub", as_row(program, 1.0, node), make.elementwise("mul", y, y))
    return make.elementwise("mul", as_row(program, gradient, node), slope)


def sigmoid_backward(program: Program, node: Node, lanes: int, gradient: Value, result: Value) -> Row:
    make, y = program.make, as_row(program, result, node)
    slope = make.elementwise("mul", y, make.elementwise("sub", as_row(program, 1.0, node), y))
    return make.elementwise("mul", as_row(program, gradient, node), slope)


def power(program: Program, node: Node, lanes: int, base: Value, exponent: int | float) -> Row:
    make, x = program.make, as_row(program, base, node)
    if exponent in (1, 2, 3):
        row = x
        for _ in range(int(exponent) - 1):
            row = make.elementwise("mul", row, x)
        return row
    if exponent == 0.5:
        return make.elementwise("sqrt", x)
    if exponent == -1:
        return reciprocal(program, node, lanes, base)
    return make.elementwise("pow", x, as_row(program, exponent, node))


def clamp(
    program: Program, node: Node, lanes: int, value: Value, lowest: Value = None, highest: Value = None
) -> Row:
    row = as_row(program, value, node)
    if lowest is not None:
        row = program.make.elementwise("maximum", row, as_row(program, lowest, node))
    if highest is not None:
        row = program.make.elementwise("minimum", row, as_row(program, highest, node))
    return row


def filled(value_of: Callable[[Node], float]) -> Rule:
    """A tensor of one number."""

    def rule(program: Program, node: Node, lanes: int, *arguments: Any) -> Value:
        shape = tuple(node.meta["val"].shape)
        if len(shape) == 2 and lanes not in shape:
            return None
        return (program.make.constant(float(value_of(node)), features(node, lanes)),)

    return rule
