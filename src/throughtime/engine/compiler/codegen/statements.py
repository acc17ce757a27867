"""Expressions as lines of C."""

import math

from throughtime.engine.compiler.ir.expression import Expression
from throughtime.engine.compiler.ir.functions import C
from throughtime.engine.compiler.schedule.arrays import Array, Place, place_of


def number(value: float) -> str:
    """A constant in C."""
    if math.isnan(value):
        return '(real)__builtin_nan("")'
    if math.isinf(value):
        return f"(real){'-' if value < 0 else ''}__builtin_inf()"
    return f"(real){value!r}"


class Block:
    """Lines of C that name one expression after another, in the body of a loop over j or outside of any.

    Args:
        known: where expressions are in memory by now.
        outside: the block around a loop, which has what is the same for every j.
        fresh: makes names.
    """

    def __init__(self, known: dict[Expression, Place], outside: "Block | None" = None) -> None:
        self.known, self.outside = known, outside
        self.lines: list[str] = []
        self.names: dict[Expression, str] = {}
        self.rows: dict[str, Array] = {} if outside is None else outside.rows
        self.count: list[int] = [0] if outside is None else outside.count

    def fresh(self, prefix: str) -> str:
        """A name that nothing else has."""
        self.count[0] += 1
        return f"{prefix}{self.count[0]}"

    def element(self, place: Place, size: int) -> str:
        """An element of an array in C."""
        self.rows[place.array.row] = place.array
        index = str(place.offset) if size == 1 else f"{place.offset} + j" if place.offset else "j"
        return f"{place.array.row}[{index}]"

    def name(self, expression: Expression) -> str:
        """The name of an expression's number, computed first where it has none."""
        if expression.width == 1 and self.outside is not None:
            return self.outside.name(expression)
        if expression.operation == "constant":
            return number(expression.value)
        if expression not in self.names:
            self.names[expression] = self._new(expression)
        return self.names[expression]

    def _new(self, expression: Expression) -> str:
        if expression in self.known:
            code, kind = self.element(self.known[expression], expression.width), "real"
        elif expression.operation == "load":
            code, kind = (
                self.element(place_of(expression.source, expression.offset), expression.width),
                "real",
            )
        else:
            operands = [self.name(operand) for operand in expression.operands]
            code, kind = C[expression.operation].format(*operands), "int" if expression.binary else "real"
        name = self.fresh("v")
        self.lines.append(f"const {kind} {name} = {code};")
        return name
