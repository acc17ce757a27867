"""One step and its backward as expressions: what the compiler works on."""

from dataclasses import dataclass, field

import torch

from throughtime.engine.compiler.ir.expression import Expression, Expressions, Row, Source


class UnknownOperatorError(Exception):
    """Something that the compiler has no C for; the message names it."""


@dataclass(frozen=True)
class Matrix:
    """A weight `[rows, columns]` of a product, or its transpose; the sizes are those after transposing."""

    weight: int
    rows: int
    columns: int
    transposed: bool = False


@dataclass(frozen=True)
class Across:
    """A row with its lanes as columns, `[n, B]`: the left side of a sum of outer products."""

    row: Row


@dataclass(frozen=True)
class Outer:
    """A matrix's gradient, the sum over lanes (and steps) of leftᵀ right for each pair of rows."""

    pairs: tuple[tuple[Row, Row], ...]

    def transpose(self) -> "Outer":
        return Outer(tuple((right, left) for left, right in self.pairs))


@dataclass(frozen=True)
class Summed:
    """A vector's gradient, the sum of a row over the lanes (and steps)."""

    row: Row


Value = Row | Matrix | Across | Outer | Summed | list | bool | int | float | None
"""What a node of the graph is to the compiler; a list is an operator's several results."""


@dataclass(frozen=True)
class Product:
    """row @ W, or row @ Wᵀ, of so many features."""

    row: Row
    weight: int
    transposed: bool
    width: int


@dataclass
class Program:
    """One step and its backward.

    Attributes:
        precision: of all its numbers.
        make: the maker of all expressions.
        products: by the index that `Source("product", index)` has.
        values, after: rows of the step's results.
        projected_gradient, before_gradients: rows of the backward's results.
        weight_gradients: for each weight `Outer` (of a matrix), `Summed` (of a vector), or None for zero.
    """

    precision: torch.dtype = torch.float32
    make: Expressions = field(default_factory=Expressions)
    products: list[Product] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    after: list[Row] = field(default_factory=list)
    projected_gradient: Row = ()
    before_gradients: list[Row] = field(default_factory=list)
    weight_gradients: list[Outer | Summed | None] = field(default_factory=list)

    def vector(self, weight: int, size: int) -> Row:
        """The row of a weight that is a vector."""
        return (self.make.load(Source("weight", weight, size)),)

    def multiply(self, row: Row, matrix: Matrix) -> Row:
        """The row of a product."""
        product = Product(row, matrix.weight, matrix.transposed, matrix.columns)
        if product not in self.products:
            self.products.append(product)
        return (self.make.load(Source("product", self.products.index(product), matrix.columns)),)

    def tangent(self, expression: Expression, known: dict[Expression, bool]) -> bool:
        """Whether an expression depends on a gradient that comes in; `known` remembers."""
        if expression not in known:
            source = expression.source
            if source is not None and source.kind == "product":
                below = self.products[source.index].row
            else:
                below = expression.operands
            coming = source is not None and source.kind in ("value_gradient", "after_gradient")
            known[expression] = coming or any(self.tangent(e, known) for e in below)
        return known[expression]
