"""Expressions over one feature index j: the intermediate representation of a compiled loop over features.

A row `[n]` of a lane is a list of pieces side by side; each piece is one expression, evaluated for j = 0 … width-1:

    cat(σ(a), tanh(b))  is  [σ(a[j]) for j < H] + [tanh(b[j]) for j < H]

so slicing and concatenating rows only changes indices, and costs nothing when the loop runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A named row in memory that expressions load from: `[width]` for each lane, or one row for all lanes.

    Attributes:
        kind: "weight", "projected", "state", "product", "grad_value" or "grad_state".
        index: its number among the sources of that kind.
        width: its features.
    """

    kind: str
    index: int
    width: int


@dataclass(frozen=True, eq=False)
class Expression:
    """One number for each feature j < width.

    Equal expressions made by one `ExpressionBuilder` are the same object.

    Attributes:
        operation: "constant", "load", "sum" or "amax" over all features, or the name of an elementwise operation.
        operands: its arguments. An operand of width 1 is broadcast over j.
        width: the number of features; 1 for a scalar.
        value: the number of a constant.
        source, offset: of a load, which reads `source[offset + j]`.
        boolean: whether its values are true or false rather than numbers.
        slices: slices of it that have been made, by (start, length).
    """

    operation: str
    operands: tuple["Expression", ...] = ()
    width: int = 1
    value: float = 0.0
    source: Source | None = None
    offset: int = 0
    boolean: bool = False
    slices: dict = field(default_factory=dict, repr=False)

    @property
    def is_reduction(self) -> bool:
        """Whether it is a sum or a maximum over features."""
        return self.operation in ("sum", "amax")


Row = tuple[Expression, ...]
"""Pieces side by side."""

BOOLEAN_OPERATIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def width(row: Sequence[Expression]) -> int:
    """Number of features of a row."""
    return sum(piece.width for piece in row)


class ExpressionBuilder:
    """Builds expressions, each distinct one once (hash consing)."""

    def __init__(self) -> None:
        self._known: dict[tuple, Expression] = {}

    def _intern(self, **attributes: object) -> Expression:
        key = tuple(sorted(attributes.items(), key=lambda item: item[0]))
        if key not in self._known:
            self._known[key] = Expression(**attributes)
        return self._known[key]

    def constant(self, value: float, width: int = 1) -> Expression:
        """A constant, broadcast to `width` features."""
        # repr, because -0.0 == 0.0 and nan != nan.
        if repr(value) not in self._known:
            self._known[repr(value)] = Expression("constant", value=float(value))
        found = self._known[repr(value)]
        return found if width == 1 else self.apply("copy", found, width=width)

    def load(self, source: Source, offset: int = 0, width: int | None = None) -> Expression:
        """The features `offset` … `offset + width - 1` of a source; by default all from `offset` on."""
        size = source.width if width is None else width
        return self._intern(operation="load", source=source, offset=offset, width=size)

    def apply(self, operation: str, *operands: Expression, width: int | None = None) -> Expression:
        """An elementwise operation; x · 1, x + 0 and the like are simplified to x."""
        simplified = _simplify_identity(operation, operands)
        if simplified is not None and simplified.width == max(o.width for o in operands):
            return simplified
        size = max(o.width for o in operands) if width is None else width
        return self._intern(
            operation=operation, operands=operands, width=size, boolean=operation in BOOLEAN_OPERATIONS
        )

    def reduce(self, operation: str, row: Row) -> Expression:
        """The sum ("sum") or the maximum ("amax") over all features of a row."""
        parts = [
            p if p.width == 1 else self._intern(operation=operation, operands=(p,), width=1) for p in row
        ]
        result = parts[0]
        for part in parts[1:]:
            result = self.apply({"sum": "add", "amax": "maximum"}[operation], result, part)
        return result

    def slice_piece(self, piece: Expression, start: int, length: int) -> Expression:
        """The features start … start + length - 1 of a piece."""
        if (start, length) == (0, piece.width):
            return piece
        if (start, length) not in piece.slices:
            if piece.operation == "load":
                found = self.load(piece.source, piece.offset + start, length)
            else:
                operands = [o if o.width == 1 else self.slice_piece(o, start, length) for o in piece.operands]
                found = self.apply(piece.operation, *operands, width=length)
            piece.slices[start, length] = found
        return piece.slices[start, length]

    def slice(self, row: Row, start: int, length: int) -> Row:
        """The features start … start + length - 1 of a row."""
        found, position = [], 0
        for piece in row:
            first, last = max(start, position), min(start + length, position + piece.width)
            if first < last:
                found.append(self.slice_piece(piece, first - position, last - first))
            position += piece.width
        return tuple(found)

    def elementwise(self, operation: str, *rows: Row) -> Row:
        """An elementwise operation on rows of equal width; a row of width 1 is broadcast over the features."""
        total = max(map(width, rows))
        ends = sorted(set().union(*(_piece_ends(row) for row in rows if width(row) == total)))
        found = []
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            pieces = [row[0] if width(row) == 1 else self.slice(row, start, end - start)[0] for row in rows]
            found.append(self.apply(operation, *pieces, width=end - start))
        return tuple(found)


def _piece_ends(row: Row) -> set[int]:
    position, found = 0, set()
    for piece in row:
        position += piece.width
        found.add(position)
    return found


def _simplify_identity(operation: str, operands: tuple[Expression, ...]) -> Expression | None:
    """x for x · 1, 1 · x, x / 1, x + 0, 0 + x and x - 0; None for anything else."""
    if len(operands) != 2 or operation not in ("mul", "add", "sub", "div"):
        return None
    left, right = operands
    neutral = 1.0 if operation in ("mul", "div") else 0.0
    if right.operation == "constant" and right.value == neutral:
        return left
    if operation in ("mul", "add") and left.operation == "constant" and left.value == neutral:
        return right
    return None
