"""The two passes of a program through time, and what the forward one keeps for the backward one.

Kept is what is dear to compute (σ, tanh, a division, a sum over features) or cannot be had again without a
product; the rest is computed a second time from these, the states and the weights, which are there anyway.
"""

from dataclasses import dataclass

from throughtime.engine.compiler.ir.expression import Expression, Row, width
from throughtime.engine.compiler.ir.functions import CHEAP
from throughtime.engine.compiler.ir.program import Outer, Program, Summed
from throughtime.engine.compiler.schedule.arrays import Array, Place
from throughtime.engine.compiler.schedule.schedule import Pass


@dataclass(frozen=True)
class Passes:
    """Forward without keeping anything, forward for a gradient, and backward.

    Attributes:
        plain, keeping, backward: the passes.
        factors: for each weight, the pairs of places whose sum of outer products is its gradient.
        sums: for each weight, the array of its sum, or None.
    """

    plain: Pass
    keeping: Pass
    backward: Pass
    factors: list[list[tuple[Place, Place]]]
    sums: list[Array | None]


def passes(program: Program) -> Passes:
    """The passes of a program."""
    tangents: dict[Expression, bool] = {}
    plain, keeping = forward(program), forward(program)
    factor_rows = [pair for gradient in program.weight_gradients for pair in _pairs(gradient)]
    early = [row for pair in factor_rows for row in pair if not _any_tangent(program, row, tangents)]
    factors: dict[Row, Place] = {}
    for row in early:
        factors[row] = _whole(keeping, row, f"factor{len(factors)}")
    _keep(program, keeping, tangents)
    keeping.finish()

    kept = {e: p for e, p in keeping.stored if p.array.rows == "steps"}
    backward = Pass(program, kept)
    backward.store(
        program.projected_gradient, Array("projected_gradient", "steps", width(program.projected_gradient))
    )
    for index, row in enumerate(program.before_gradients):
        backward.store(row, Array(f"gradient{index}", "going", width(row)))
    for pair in factor_rows:
        for row in pair:
            if row not in factors:
                factors[row] = _whole(backward, row, f"factor{len(factors)}")
    sums: list[Array | None] = []
    for index, gradient in enumerate(program.weight_gradients):
        array = (
            Array(f"weight_gradient{index}", "sum", width(gradient.row))
            if isinstance(gradient, Summed)
            else None
        )
        sums.append(array)
        if array is not None:
            backward.recomputed_loss(gradient.row, array)
    backward.finish()
    plain.finish()
    pairs = [[(factors[a], factors[b]) for a, b in _pairs(gradient)] for gradient in program.weight_gradients]
    return Passes(plain, keeping, backward, pairs, sums)


def _pairs(gradient: Outer | Summed | None) -> tuple[tuple[Row, Row], ...]:
    return gradient.pairs if isinstance(gradient, Outer) else ()


def forward(program: Program) -> Pass:
    """The pass that computes the values and the states, still to be finished."""
    found = Pass(program, {})
    for index, row in enumerate(program.values):
        found.store(row, Array(f"value{index}", "steps", width(row)))
    for index, row in enumerate(program.after):
        found.store(row, Array(f"state{index}", "after", width(row)))
    return found


def _whole(direction: Pass, row: Row, name: str) -> Place:
    """Where a row is as an array of its own for all steps."""
    first = row[0]
    whole = len(row) == 1 and first.operation == "load" and first.width == first.source.width
    if whole and first.source.kind in ("before", "projected", "value_gradient"):
        return direction.row(row, Array(name, "steps", width(row)))
    found = direction.rows.get(row)
    if found is None or found.array.rows != "steps":
        direction.store(row, Array(name, "steps", width(row)))
        found = Place(Array(name, "steps", width(row)))
        direction.rows[row] = found
    return found


def _any_tangent(program: Program, row: Row, known: dict[Expression, bool]) -> bool:
    return any(program.tangent(piece, known) for piece in row)


def _keep(program: Program, keeping: Pass, tangents: dict[Expression, bool]) -> None:
    """Have the forward pass keep what the backward pass cannot cheaply compute."""
    forward = _reachable(program, [e for row in (*program.values, *program.after) for e in row])
    wanted = _frontier(program, tangents)
    known = {e for e, place in keeping.stored if place.array.rows == "steps"}

    def keep(expression: Expression) -> None:
        if expression not in known:
            known.add(expression)
            keeping.store((expression,), Array(f"kept_{len(known)}", "steps", expression.width))

    def free(expression: Expression) -> bool:
        if expression in known or expression.operation == "constant":
            return True
        if expression.operation == "load":
            return expression.source.kind != "product"
        return expression.operation in CHEAP and all(free(operand) for operand in expression.operands)

    def obtain(expression: Expression) -> None:
        if free(expression):
            return
        cheap = expression.operation in CHEAP
        if expression.binary or (cheap and expression not in forward):
            for operand in expression.operands:
                obtain(operand)
        else:
            keep(expression)

    dear = [e for e in wanted if e.operation not in CHEAP]
    for expression in (*dear, *wanted):
        obtain(expression)


def _reachable(program: Program, roots: list[Expression]) -> dict[Expression, None]:
    found: dict[Expression, None] = {}  # in an order that is the same in every process, unlike a set's
    waiting = list(roots)
    while waiting:
        expression = waiting.pop()
        if expression not in found:
            found[expression] = None
            waiting.extend(expression.operands)
            if expression.source is not None and expression.source.kind == "product":
                waiting.extend(program.products[expression.source.index].row)
    return found


def _frontier(program: Program, tangents: dict[Expression, bool]) -> list[Expression]:
    """What the backward pass reads of the forward one: operands without tangent of expressions with one."""
    rows = [program.projected_gradient, *program.before_gradients]
    for gradient in program.weight_gradients:
        if isinstance(gradient, Summed):
            rows.append(gradient.row)
        rows += [row for pair in _pairs(gradient) for row in pair if _any_tangent(program, row, tangents)]
    roots = [piece for row in rows for piece in row]
    found = dict.fromkeys(e for e in roots if not program.tangent(e, tangents))
    for expression in _reachable(program, roots):
        if program.tangent(expression, tangents):
            below = expression.operands
            if expression.source is not None and expression.source.kind == "product":
                below = program.products[expression.source.index].row
            found.update(dict.fromkeys(e for e in below if not program.tangent(e, tangents)))
    return list(found)
