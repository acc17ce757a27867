"""Arrays of a compiled loop: their names, layouts and sizes, and the slices of them that a step reads and writes."""

from dataclasses import dataclass

from throughtime.engine.compiler.ir.expression import Source, width
from throughtime.engine.compiler.ir.program import Product

ROW_INDEX = {
    "steps": "(t * lanes + b)",  # [T, B, n]
    "state": "(t * lanes + b)",  # [T + 1, B, n]: a part of the state before step t …
    "next_state": "((t + 1) * lanes + b)",  # … and after it
    "lanes": "b",  # [B, n]
    "vector": "0",  # [n]
    "matrix": "0",  # a weight as the caller has it
    "packed": "0",  # a weight packed into micro-panels
    "per_thread": "thread",  # [threads, n]
    "grad_in": "(buffer_in * lanes + b)",  # [buffers, B, n]: the gradient that comes from step t + 1 …
    "grad_out": "(buffer_out * lanes + b)",  # … and the one that goes to step t - 1
}
"""The index in C of the row of lane b at step t, by layout."""

MAX_NR = 64  # columns of a micro-panel on the processor with the longest vectors


def packed_size(inner: int, outer: int) -> int:
    """Numbers in a matrix `[inner, outer]` packed into micro-panels, at most: the last panel is padded with zeros."""
    return inner * -(-outer // MAX_NR) * MAX_NR


@dataclass(frozen=True)
class Array:
    """A named array of rows; arrays of the same name share their memory.

    Attributes:
        name: its name in C.
        layout: a key of `ROW_INDEX`.
        width: n, the features of a row.
    """

    name: str
    layout: str
    width: int

    @property
    def row_name(self) -> str:
        """The name in C of the pointer to the row of lane b at step t."""
        return f"{self.name}_{self.layout}"

    @property
    def row_address(self) -> str:
        """The address in C of the row of lane b at step t."""
        return f"{self.name} + {ROW_INDEX[self.layout]} * {self.width}"


@dataclass(frozen=True)
class ArraySlice:
    """The features of an array's rows from `offset` on."""

    array: Array
    offset: int = 0


SOURCE_ARRAYS = {
    "weight": ("weight{}", "vector"),
    "projected": ("projected", "steps"),
    "state": ("state{}", "state"),
    "product": ("product{}", "lanes"),
    "grad_value": ("grad_value{}", "steps"),
    "grad_state": ("grad_state{}", "grad_in"),
}
"""The name and the layout of the array of a source, by its kind."""


def source_slice(source: Source, offset: int = 0) -> ArraySlice:
    """The slice of an array that a load from a source reads."""
    name, layout = SOURCE_ARRAYS[source.kind]
    return ArraySlice(Array(name.format(source.index), layout, source.width), offset)


def weight_array(product: Product) -> Array:
    """The weight of a product as the caller has it."""
    return Array(f"weight{product.weight}", "matrix", width(product.row) * product.width)


def packed_array(product: Product) -> Array:
    """The packed weight of a product; its width is that of the whole matrix."""
    name = f"packed{product.weight}{'_transposed' if product.transposed else ''}"
    return Array(name, "packed", packed_size(width(product.row), product.width))
