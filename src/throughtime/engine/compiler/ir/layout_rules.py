"""Lowering rules of operators that slice, concatenate, transpose, reduce or multiply rows.

Each rule is named after its ATen operator and takes that operator's arguments after (program, node, lanes).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.fx import Node

from throughtime.engine.compiler.ir.expression import Row, width
from throughtime.engine.compiler.ir.program import (
    LaneSum,
    Matrix,
    OuterProducts,
    Program,
    TransposedRow,
    UnknownOperatorError,
    Value,
    as_row,
    feature_count,
)

aten = torch.ops.aten


def view(program: Program, node: Node, lanes: int, value: Value, *arguments: Any, **options: Any) -> Value:
    """Operators that keep the numbers and their order: views, reshapes, clones."""
    if isinstance(value, tuple):
        if width(value) != feature_count(node, lanes):
            raise UnknownOperatorError(f"{node.target} to the shape {tuple(node.meta['val'].shape)}")
        return value
    if isinstance(value, LaneSum) or node.target in (
        aten.clone.default,
        aten.alias.default,
        aten.detach.default,
    ):
        return value
    raise UnknownOperatorError(f"{node.target} of a weight")


def to_copy(program: Program, node: Node, lanes: int, value: Value) -> Row:
    row, wanted, given = as_row(program, value, node), node.meta["val"].dtype, node.args[0].meta["val"].dtype
    if all(piece.boolean for piece in row):
        return program.builder.elementwise("number", row)
    if given.is_floating_point and wanted != given:
        raise UnknownOperatorError(f"{node.target} to {str(wanted).removeprefix('torch.')}")
    return row


def expand(program: Program, node: Node, lanes: int, value: Value, *arguments: Any) -> Row:
    row, size = as_row(program, value, node), feature_count(node, lanes)
    return row if width(row) == size else (program.builder.apply("copy", row[0], width=size),)


def copy(program: Program, node: Node, lanes: int, target: Value, source: Value) -> Row:
    return expand(program, node, lanes, source)


def transpose(program: Program, node: Node, lanes: int, value: Value, *arguments: Any) -> Value:
    if isinstance(value, Matrix):
        return Matrix(value.weight, value.columns, value.rows, not value.transposed)
    if isinstance(value, OuterProducts):
        return value.transpose()
    if isinstance(value, TransposedRow):
        return value.row
    return TransposedRow(as_row(program, value, node))


def mm(program: Program, node: Node, lanes: int, left: Value, right: Value) -> Value:
    if isinstance(left, TransposedRow):
        return OuterProducts(((left.row, as_row(program, right, node)),))
    if not isinstance(right, Matrix):
        raise UnknownOperatorError(f"{node.target} of two rows")
    return program.multiply(as_row(program, left, node), right)


def addmm(program: Program, node: Node, lanes: int, added: Value, left: Value, right: Value) -> Value:
    if node.kwargs:
        raise UnknownOperatorError(f"{node.target} with {', '.join(node.kwargs)}")
    result = mm(program, node, lanes, left, right)
    return program.builder.elementwise("add", result, as_row(program, added, node))


def sum_(
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
        row = (program.builder.reduce("sum", row),)
    return LaneSum(row) if 0 in over else row


def amax(
    program: Program, node: Node, lanes: int, value: Value, axes: Sequence[int] = (), keep: bool = False
) -> Row:
    if [axis % 2 for axis in axes] != [1]:
        raise UnknownOperatorError(f"{node.target} over the lanes")
    return (program.builder.reduce("amax", as_row(program, value, node)),)


def split(program: Program, node: Node, lanes: int, value: Value, sizes: Any, axis: int = 0) -> list[Row]:
    row = as_row(program, value, node)
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of the lanes")
    found, start = [], 0
    for size in sizes if isinstance(sizes, list | tuple) else _chunks(width(row), sizes):
        found.append(program.builder.slice(row, start, size))
        start += size
    return found


def _chunks(size: int, chunk: int) -> list[int]:
    """The sizes of the chunks of `size` features; the last may be smaller."""
    return [min(chunk, size - start) for start in range(0, size, chunk)]


def _slice_range(
    node: Node, size: int, axis: int, start: int | None, end: int | None, step: int
) -> tuple[int, int]:
    """The first feature and the length of a slice."""
    if axis not in (1, -1) or step != 1:
        raise UnknownOperatorError(f"{node.target} of the lanes or with a step")
    first, last, _ = slice(start, end).indices(size)
    return first, last - first


def slice_(
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
    return program.builder.slice(row, *_slice_range(node, width(row), axis, start, end, step))


def select(program: Program, node: Node, lanes: int, value: Value, axis: int, index: int) -> Row:
    row = as_row(program, value, node)
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of a lane")
    return program.builder.slice(row, index % width(row), 1)


def slice_scatter(
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
    row, size = as_row(program, value, node), feature_count(node, lanes)
    first, length = _slice_range(node, size, axis, start, end, step)
    builder, after = program.builder, first + length
    return (
        *builder.slice(row, 0, first),
        *as_row(program, inner, node),
        *builder.slice(row, after, size - after),
    )


def constant_pad(
    program: Program,
    node: Node,
    lanes: int,
    value: Value,
    amounts: Sequence[int],
    value_of_padding: float = 0.0,
) -> Row:
    if len(amounts) != 2 or min(amounts) < 0:
        raise UnknownOperatorError(f"{node.target} of the lanes")
    padding = [(program.builder.constant(value_of_padding, size),) if size else () for size in amounts]
    return (*padding[0], *as_row(program, value, node), *padding[1])


def cat(program: Program, node: Node, lanes: int, rows: Sequence[Value], axis: int = 0) -> Row:
    if axis not in (1, -1):
        raise UnknownOperatorError(f"{node.target} of lanes")
    return tuple(piece for row in rows for piece in as_row(program, row, node))


def getitem(program: Program, node: Node, lanes: int, values: list[Value], index: int) -> Value:
    return values[index]
