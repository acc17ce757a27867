"""Rows of numbers as expressions of one feature j: what a compiled loop over j computes.

A row `[n]` of a lane is a list of pieces side by side; each piece is one expression, evaluated for j = 0 … width-1:

    cat(σ(a), tanh(b))  is  [σ(a[j]) for j < H] + [tanh(b[j]) for j < H]

so slicing and joining rows is bookkeeping, and costs nothing when the loop runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Source:
    """A named row of memory that expressions read: `[width]` for each lane, or the same for all of them.

    Attributes:
        kind: "weight", "projected", "before", "product", "value_gradient" or "after_gradient".
        index: which of that kind.
        width: its features.
    """

    kind: str
    index: int
    width: int


@dataclass(frozen=True, eq=False)
class Expression:
    """One number for each feature j < width.

    Equal expressions made by one `Expressions` are the same object.

    Attributes:
        operation: "constant", "load", "sum" or "amax" over all features, or the name of an elementwise function.
        operands: what it is applied to. An operand of width 1 holds for every j.
        width: 1 also for what is the same for every j.
        value: the number of a constant.
        source, offset: of a load, which reads `source[offset + j]`.
        binary: whether it is true or false rather than a number.
    """

    operation: str
    operands: tuple["Expression", ...] = ()
    width: int = 1
    value: float = 0.0
    source: Source | None = None
    offset: int = 0
    binary: bool = False
    narrowed: dict = field(default_factory=dict, repr=False)

    @property
    def reduces(self) -> bool:
        return self.operation in ("sum", "amax")


Row = tuple[Expression, ...]
"""Pieces side by side."""

BINARY = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def width(row: Sequence[Expression]) -> int:
    """The features of a row."""
    return sum(piece.width for piece in row)


class Expressions:
    """Makes expressions, each different one once."""

    def __init__(self) -> None:
        self._known: dict[tuple, Expression] = {}

    def _once(self, **attributes: object) -> Expression:
        key = tuple(sorted(attributes.items(), key=lambda item: item[0]))
        if key not in self._known:
            self._known[key] = Expression(**attributes)
        return self._known[key]

    def constant(self, value: float, width: int = 1) -> Expression:
        # repr, because -0.0 == 0.0 and nan != nan.
        if repr(value) not in self._known:
            self._known[repr(value)] = Expression("constant", value=float(value))
        found = self._known[repr(value)]
        return found if width == 1 else self.apply("copy", found, width=width)

    def load(self, source: Source, offset: int = 0, width: int | None = None) -> Expression:
        size = source.width if width is None else width
        return self._once(operation="load", source=source, offset=offset, width=size)

    def apply(self, operation: str, *operands: Expression, width: int | None = None) -> Expression:
        """An elementwise function; neutral elements vanish."""
        kept = _without_neutral(operation, operands)
        if kept is not None and kept.width == max(o.width for o in operands):
            return kept
        size = max(o.width for o in operands) if width is None else width
        return self._once(operation=operation, operands=operands, width=size, binary=operation in BINARY)

    def reduce(self, operation: str, row: Row) -> Expression:
        """The sum or the maximum over all features of a row."""
        parts = [p if p.width == 1 else self._once(operation=operation, operands=(p,), width=1) for p in row]
        joined = parts[0]
        for part in parts[1:]:
            joined = self.apply({"sum": "add", "amax": "maximum"}[operation], joined, part)
        return joined

    def narrow(self, piece: Expression, start: int, length: int) -> Expression:
        """The features start … start + length - 1 of a piece."""
        if (start, length) == (0, piece.width):
            return piece
        if (start, length) not in piece.narrowed:
            if piece.operation == "load":
                found = self.load(piece.source, piece.offset + start, length)
            else:
                operands = [o if o.width == 1 else self.narrow(o, start, length) for o in piece.operands]
                found = self.apply(piece.operation, *operands, width=length)
            piece.narrowed[start, length] = found
        return piece.narrowed[start, length]

    def slice(self, row: Row, start: int, length: int) -> Row:
        """The features start … start + length - 1 of a row."""
        found, position = [], 0
        for piece in row:
            first, last = max(start, position), min(start + length, position + piece.width)
            if first < last:
                found.append(self.narrow(piece, first - position, last - first))
            position += piece.width
        return tuple(found)

    def elementwise(self, operation: str, *rows: Row) -> Row:
        """An elementwise function of rows of equal width; a row of width 1 goes with every feature."""
        total = max(map(width, rows))
        ends = sorted(set().union(*(_borders(row) for row in rows if width(row) == total)))
        found = []
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            pieces = [row[0] if width(row) == 1 else self.slice(row, start, end - start)[0] for row in rows]
            found.append(self.apply(operation, *pieces, width=end - start))
        return tuple(found)


def _borders(row: Row) -> set[int]:
    position, found = 0, set()
    for piece in row:
        position += piece.width
        found.add(position)
    return found


def _without_neutral(operation: str, operands: tuple[Expression, ...]) -> Expression | None:
    """The operand that x · 1, x + 0 and the like leave as it is."""
    if len(operands) != 2 or operation not in ("mul", "add", "sub", "div"):
        return None
    left, right = operands
    neutral = 1.0 if operation in ("mul", "div") else 0.0
    if right.operation == "constant" and right.value == neutral:
        return left
    if operation in ("mul", "add") and left.operation == "constant" and left.value == neutral:
        return right
    return None
