"""The memory of a compiled loop: named arrays, and where in them a lane's row lies at step t."""

from dataclasses import dataclass

from throughtime.engine.compiler.codegen.gemm_source import panels_size
from throughtime.engine.compiler.ir.expression import Source, width
from throughtime.engine.compiler.ir.program import Product

# Where the row of lane b at step t begins, in rows of an array.
ROWS = {
    "steps": "(t * lanes + b)",  # [T, B, n]
    "before": "(t * lanes + b)",  # [T + 1, B, n]: a part of the state before step t …
    "after": "((t + 1) * lanes + b)",  # … and after it
    "lanes": "b",  # [B, n]
    "vector": "0",  # [n]
    "matrix": "0",  # a weight as the caller has it
    "panels": "0",  # a weight as `panels` packs it
    "sum": "thread",  # [threads, n]
    "coming": "(side * lanes + b)",  # [sides, B, n]: the gradient that comes from step t + 1 …
    "going": "(other * lanes + b)",  # … and the one that goes to step t - 1
}


@dataclass(frozen=True)
class Array:
    """A named array of rows; arrays of one name are the same memory.

    Attributes:
        name: as it is called in C.
        rows: a key of `ROWS`.
        width: n.
    """

    name: str
    rows: str
    width: int

    @property
    def row(self) -> str:
        """What the row of lane b at step t is called in C."""
        return f"{self.name}_{self.rows}"

    @property
    def pointer(self) -> str:
        """The row's address in C."""
        return f"{self.name} + {ROWS[self.rows]} * {self.width}"


@dataclass(frozen=True)
class Place:
    """Features of an array's rows, from `offset` on."""

    array: Array
    offset: int = 0


SOURCES = {
    "weight": ("weight{}", "vector"),
    "projected": ("projected", "steps"),
    "before": ("state{}", "before"),
    "product": ("product{}", "lanes"),
    "value_gradient": ("value_gradient{}", "steps"),
    "after_gradient": ("gradient{}", "coming"),
}


def place_of(source: Source, offset: int = 0) -> Place:
    """Where a source is read."""
    name, rows = SOURCES[source.kind]
    return Place(Array(name.format(source.index), rows, source.width), offset)


def matrix_of(product: Product) -> Array:
    """The weight of a product."""
    return Array(f"weight{product.weight}", "matrix", width(product.row) * product.width)


def panels_of(product: Product) -> Array:
    """The packed weight of a product; its width is that of all the rows together."""
    name = f"panels{product.weight}{'_transposed' if product.transposed else ''}"
    return Array(name, "panels", panels_size(width(product.row), product.width))
