"""How each operator on `[B, n]` acts on rows: slices and joins are bookkeeping, sums and products are kept apart."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.fx import Node

from throughtime.engine.expression import Row, width
from throughtime.engine.functions import ELEMENTWISE
from throughtime.engine.program import Across, Matrix, Outer, Program, Summed, UnknownOperatorError, Value

aten = torch.ops.aten
Rule = Callable[..., Value]
"""(program, node, lanes, *arguments) -> value"""


def as_row(program: Program, value: Value, node: Node) -> Row:
    """A value as a row: a number is the same for every feature, a matrix of one row or column is a vector."""
    if isinstance(value, bool | int | float):
        return (program.make.constant(float(value)),)
    if isinstance(value, Matrix) and 1 in (value.rows, value.columns):
        return program.vector(value.weight, value.rows * value.columns)
    if not isinstance(value, tuple):
        raise UnknownOperatorError(f"{node.target} of a weight or of a sum over lanes")
    return value


def features(node: Node, lanes: int) -> int:
    """n of a tensor `[B, n]` or `[B]` (n = 1), or of `[n]`, `[1, n]` or `[]` that holds for all lanes."""
    shape = list(node.meta["val"].shape)
    if len(shape) == 2 and shape[0] in (lanes, 1):
        return shape[1]
    if len(shape) < 2:
        return 1 if shape in ([], [lanes]) else shape[0]
    raise UnknownOperatorError(f"{node.target} to the shape {['B' if s == lanes else s for s in shape]}")


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


def composed(*names: str) -> Rule:
    """Functions of one row after each other, the first one first."""

    def rule(program: Program, node: Node, lanes: int, value: Value) -> Row:
        row = as_row(program, value, node)
        for name in names:
            row = program.make.elementwise(name, row)
        return row

    return rule


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


def same(program: Program, node: Node, lanes: int, value: Value, *arguments: Any, **options: Any) -> Value:
    """Another view of the same numbers in the same order."""
    if isinstance(value, tuple):
        if width(value) != features(node, lanes):
            raise UnknownOperatorError(f"{node.target} to the shape {tuple(node.meta['val'].shape)}")
        return value
    if isinstance(value, Summed) or node.target in (
        aten.clone.default,
        aten.alias.default,
        aten.detach.default,
    ):
        return value
    raise UnknownOperatorError(f"{node.target} of a weight")


def converted(program: Program, node: Node, lanes: int, value: Value) -> Row:
    row = as_row(program, value, node)
    if all(piece.binary for piece in row):
        return program.make.elementwise("number", row)
    return row


def expand(program: Program, node: Node, lanes: int, value: Value, *arguments: Any) -> Row:
    row, size = as_row(program, value, node), features(node, lanes)
    return row if width(row) == size else (program.make.apply("copy", row[0], width=size),)


def copied(program: Program, node: Node, lanes: int, target: Value, source: Value) -> Row:
    return expand(program, node, lanes, source)


def transpose(program: Program, node: Node, lanes: int, value: Value, *arguments: Any) -> Value:
    if isinstance(value, Matrix):
        return Matrix(value.weight, value.columns, value.rows, not value.transposed)
    if isinstance(value, Outer):
        return value.transpose()
    if isinstance(value, Across):
        return value.row
    return Across(as_row(program, value, node))


def product(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    if isinstance(left, Across):
        return Outer(((left.row, as_row(program, right, node)),))
    if not isinstance(right, Matrix):
        raise UnknownOperatorError(f"{node.target} of two rows")
    return program.multiply(as_row(program, left, node), right)


def product_and_sum(
    program: Program, node: Node, lanes: int, added: Value, left: Value, right: Value
) -> Value:
    if node.kwargs:
        raise UnknownOperatorError(f"{node.target} with {', '.join(node.kwargs)}")
    result = product(program, node, lanes, left, right)
    return program.make.elementwise("add", result, as_row(program, added, node))


def total(
    program: Program,
    node: Node,
    lanes: int,
    value: Value,
    axes: Sequence[int] | None = None,
    keep: bool = False,
) -> Value:
    row = as_row(program, value, node)
    dimensions = len(node.args[0].meta["val"].shape)
    over = {axis % dimensions for axis in axes} if axes else set(range(dimensions))
    if 1 in over:
        row = (program.make.reduce("sum", row),)
    return Summed(row) if 0 in over else row


def maximum_of_row(
    program: Program, node: Node, lanes: int, value: Value, axes: Sequence[int] = (), keep: bool = False
) -> Row:
    if [axis % 2 for axis in axes] != [1]:
        raise UnknownOperatorError(f"{node.target} over the lanes")
    return (program.make.reduce("amax", as_row(program, value, node)),)


def split(program: Program, node: Node, lanes: int, value: Value, sizes: Any, axis: int = 0) -> list[Row]:
    row = as_row(program, value, node)
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of the lanes")
    found, start = [], 0
    for size in sizes if isinstance(sizes, list | tuple) else _chunks(width(row), sizes):
        found.append(program.make.slice(row, start, size))
        start += size
    return found


def _chunks(size: int, chunk: int) -> list[int]:
    return [min(chunk, size - start) for start in range(0, size, chunk)]


def _range(
    node: Node, size: int, axis: int, start: int | None, end: int | None, step: int
) -> tuple[int, int]:
    if axis not in (1, -1) or step != 1:
        raise UnknownOperatorError(f"{node.target} of the lanes or with a step")
    first, last, _ = slice(start, end).indices(size)
    return first, last - first


def part(
    program: Program,
    node: Node,
    lanes: int,
    value: Value,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Row:
    row = as_row(program, value, node)
    if axis == 0 and not start and (end is None or end >= lanes) and step == 1:
        return row
    return program.make.slice(row, *_range(node, width(row), axis, start, end, step))


def one_feature(program: Program, node: Node, lanes: int, value: Value, axis: int, index: int) -> Row:
    row = as_row(program, value, node)
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of a lane")
    return program.make.slice(row, index % width(row), 1)


def replaced(
    program: Program,
    node: Node,
    lanes: int,
    value: Value,
    inner: Value,
    axis: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Row:
    row, size = as_row(program, value, node), features(node, lanes)
    first, length = _range(node, size, axis, start, end, step)
    make, after = program.make, first + length
    return (*make.slice(row, 0, first), *as_row(program, inner, node), *make.slice(row, after, size - after))


def padded(
    program: Program, node: Node, lanes: int, value: Value, amounts: Sequence[int], number: float = 0.0
) -> Row:
    if len(amounts) != 2 or min(amounts) < 0:
        raise UnknownOperatorError(f"{node.target} of the lanes")
    sides = [(program.make.constant(number, size),) if size else () for size in amounts]
    return (*sides[0], *as_row(program, value, node), *sides[1])


def joined(program: Program, node: Node, lanes: int, rows: Sequence[Value], axis: int = 0) -> Row:
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of lanes")
    return tuple(piece for row in rows for piece in as_row(program, row, node))


def item(program: Program, node: Node, lanes: int, values: list[Value], index: int) -> Value:
    return values[index]
