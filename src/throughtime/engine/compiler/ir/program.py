"""Program: one step of a recurrence and its backward pass as expressions, and the values that a graph's nodes have."""

from dataclasses import dataclass, field

import torch
from torch.fx import Node

from throughtime.engine.compiler.ir.expression import Expression, ExpressionBuilder, Row, Source


class UnknownOperatorError(Exception):
    """An operator or a type that the compiler cannot express in C; the message names it."""


@dataclass(frozen=True)
class Matrix:
    """A weight `[rows, columns]` as an operand of a matrix product.

    Attributes:
        weight: its index among the weights.
        rows, columns: the sizes after transposing.
        transposed: whether the weight in memory is `[columns, rows]`.
    """

    weight: int
    rows: int
    columns: int
    transposed: bool = False


@dataclass(frozen=True)
class TransposedRow:
    """A row transposed to `[n, B]`: the left operand of a sum of outer products over lanes."""

    row: Row


@dataclass(frozen=True)
class OuterProducts:
    """The gradient of a matrix: Σ leftᵀ right over lanes (and steps), summed over pairs of rows (left, right)."""

    pairs: tuple[tuple[Row, Row], ...]

    def transpose(self) -> "OuterProducts":
        """The same sum, transposed."""
        return OuterProducts(tuple((right, left) for left, right in self.pairs))


@dataclass(frozen=True)
class LaneSum:
    """The gradient of a vector: the sum of a row over lanes (and steps)."""

    row: Row


Value = Row | Matrix | TransposedRow | OuterProducts | LaneSum | list | bool | int | float | None
"""The value of a node of the graph in the compiler; a list for an operator with several results."""


@dataclass(frozen=True)
class Product:
    """The matrix product row @ W or, if `transposed`, row @ Wᵀ.

    Attributes:
        row: the left operand.
        weight: the index of W among the weights.
        transposed: whether W is transposed.
        width: the features of the result.
    """

    row: Row
    weight: int
    transposed: bool
    width: int


@dataclass
class Program:
    """One step and its backward pass.

    Attributes:
        precision: the type of all its numbers.
        builder: the builder of all its expressions.
        products: the matrix products; `Source("product", index)` is the result of the one at `index`.
        values: the rows that are read out of the step.
        next_state: the rows of the state after the step.
        grad_projected, grad_state: the rows of the gradients of the step's inputs.
        grad_weights: for each weight `OuterProducts` (of a matrix), `LaneSum` (of a vector), or None for zero.
    """

    precision: torch.dtype = torch.float32
    builder: ExpressionBuilder = field(default_factory=ExpressionBuilder)
    products: list[Product] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    next_state: list[Row] = field(default_factory=list)
    grad_projected: Row = ()
    grad_state: list[Row] = field(default_factory=list)
    grad_weights: list[OuterProducts | LaneSum | None] = field(default_factory=list)

    def vector(self, weight: int, size: int) -> Row:
        """The row of a weight that is a vector."""
        return (self.builder.load(Source("weight", weight, size)),)

    def multiply(self, row: Row, matrix: Matrix) -> Row:
        """The row of the product of a row and a matrix; equal products share one result."""
        product = Product(row, matrix.weight, matrix.transposed, matrix.columns)
        if product not in self.products:
            self.products.append(product)
        return (self.builder.load(Source("product", self.products.index(product), matrix.columns)),)

    def depends_on_gradient(self, expression: Expression, known: dict[Expression, bool]) -> bool:
        """Whether an expression depends on an incoming gradient.

        Args:
            expression: the expression.
            known: a memo of the results, which is filled.
        """
        if expression not in known:
            source = expression.source
            if source is not None and source.kind == "product":
                operands = self.products[source.index].row
            else:
                operands = expression.operands
            is_gradient = source is not None and source.kind in ("grad_value", "grad_state")
            known[expression] = is_gradient or any(self.depends_on_gradient(e, known) for e in operands)
        return known[expression]


def as_row(program: Program, value: Value, node: Node) -> Row:
    """A value as a row: a number becomes a constant, a matrix of one row or column a vector.

    Raises:
        UnknownOperatorError: the value is another one; the message names the operator of `node`.
    """
    if isinstance(value, bool | int | float):
        return (program.builder.constant(float(value)),)
    if isinstance(value, Matrix) and 1 in (value.rows, value.columns):
        return program.vector(value.weight, value.rows * value.columns)
    if not isinstance(value, tuple):
        raise UnknownOperatorError(f"{node.target} of a weight or of a sum over lanes")
    return value


def feature_count(node: Node, lanes: int) -> int:
    """n of a node's tensor `[B, n]` or `[B]` (n = 1), or of `[n]`, `[1, n]` or `[]`, which all lanes share.

    Raises:
        UnknownOperatorError: the tensor has another shape.
    """
    shape = list(node.meta["val"].shape)
    if len(shape) == 2 and shape[0] in (lanes, 1):
        return shape[1]
    if len(shape) < 2:
        return 1 if shape in ([], [lanes]) else shape[0]
    raise UnknownOperatorError(f"{node.target} to the shape {['B' if s == lanes else s for s in shape]}")
