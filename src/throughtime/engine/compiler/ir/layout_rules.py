"""How operators act on rows that join, cut, sum or multiply them: joins and cuts are bookkeeping."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import Node

from throughtime.engine.compiler.ir.expression import Row, width
from throughtime.engine.compiler.ir.program import (
    Across,
    Matrix,
    Outer,
    Program,
    Summed,
    UnknownOperatorError,
    Value,
)
from throughtime.engine.compiler.ir.rows import as_row, features

aten = torch.ops.aten


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
    row, wanted, given = as_row(program, value, node), node.meta["val"].dtype, node.args[0].meta["val"].dtype
    if all(piece.binary for piece in row):
        return program.make.elementwise("number", row)
    if given.is_floating_point and wanted != given:
        raise UnknownOperatorError(f"{node.target} to {str(wanted).removeprefix('torch.')}")
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
