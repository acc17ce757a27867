"""The values of a graph as rows."""

from torch.fx import Node

from throughtime.engine.compiler.ir.expression import Row
from throughtime.engine.compiler.ir.program import Matrix, Program, UnknownOperatorError, Value


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
