"""Block: C statements that evaluate expressions, each common subexpression once."""

import math

from throughtime.engine.compiler.ir.expression import Expression
from throughtime.engine.compiler.schedule.arrays import Array, ArraySlice, source_slice

C_TEMPLATES = {
    "copy": "{0}",
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "({0} / {1})",
    "neg": "(-{0})",
    "where": "({0} ? {1} : {2})",
    "maximum": "MAXIMUM({0}, {1})",
    "minimum": "MINIMUM({0}, {1})",
    "relu": "RELU({0})",
    "abs": "FABS({0})",
    "sign": "SIGN({0})",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "eq": "({0} == {1})",
    "ne": "({0} != {1})",
    "and": "({0} & {1})",
    "or": "({0} | {1})",
    "not": "(!{0})",
    "number": "({0} ? (real)1 : (real)0)",
    "sqrt": "SQRT({0})",
    "tanh": "TANH({0})",
    "sigmoid": "SIGMOID({0})",
    "exp": "EXP({0})",
    "expm1": "EXPM1({0})",
    "log": "LOG({0})",
    "log1p": "LOG1P({0})",
    "erf": "ERF({0})",
    "sin": "SIN({0})",
    "cos": "COS({0})",
    "atan": "ATAN({0})",
    "sinh": "SINH({0})",
    "cosh": "COSH({0})",
    "pow": "POW({0}, {1})",
}
"""The C of each elementwise operation of {0}, {1}, {2}; the names in capitals are defined in `prelude`."""


def c_constant(value: float) -> str:
    """A constant in C."""
    if math.isnan(value):
        return '(real)__builtin_nan("")'
    if math.isinf(value):
        return f"(real){'-' if value < 0 else ''}__builtin_inf()"
    return f"(real){value!r}"


class Block:
    """Statements that declare one local variable for each expression, in a loop over features j or outside of it.

    Args:
        known: the expressions that are in memory, and their slices.
        outer: the block around the loop, which declares what does not depend on j; None outside of a loop.

    Attributes:
        lines: the statements.
        names: the variable of each expression.
        arrays: the arrays whose rows are read or written, by the row's name; shared with the outer block.
    """

    def __init__(self, known: dict[Expression, ArraySlice], outer: "Block | None" = None) -> None:
        self.known, self.outer = known, outer
        self.lines: list[str] = []
        self.names: dict[Expression, str] = {}
        self.arrays: dict[str, Array] = {} if outer is None else outer.arrays
        self._counter: list[int] = [0] if outer is None else outer._counter

    def new_name(self, prefix: str) -> str:
        """A variable name that is unique within the outer block."""
        self._counter[0] += 1
        return f"{prefix}{self._counter[0]}"

    def element(self, place: ArraySlice, size: int) -> str:
        """Element j of a slice in C, or its only one where `size` is 1."""
        self.arrays[place.array.row_name] = place.array
        index = str(place.offset) if size == 1 else f"{place.offset} + j" if place.offset else "j"
        return f"{place.array.row_name}[{index}]"

    def name(self, expression: Expression) -> str:
        """The variable or constant that holds an expression; statements that compute it are added where needed."""
        if expression.width == 1 and self.outer is not None:
            return self.outer.name(expression)
        if expression.operation == "constant":
            return c_constant(expression.value)
        if expression not in self.names:
            self.names[expression] = self._declare(expression)
        return self.names[expression]

    def _declare(self, expression: Expression) -> str:
        if expression in self.known:
            code, kind = self.element(self.known[expression], expression.width), "real"
        elif expression.operation == "load":
            code = self.element(source_slice(expression.source, expression.offset), expression.width)
            kind = "real"
        else:
            operands = [self.name(operand) for operand in expression.operands]
            code = C_TEMPLATES[expression.operation].format(*operands)
            kind = "int" if expression.boolean else "real"
        name = self.new_name("v")
        self.lines.append(f"const {kind} {name} = {code};")
        return name
