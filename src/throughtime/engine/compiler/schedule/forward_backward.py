"""Schedules of a program's forward and backward passes, and the choice of results that are saved for backward.

Saved is what is expensive to compute (σ, tanh, a division, a sum over features) or would need a matrix product. The
rest is recomputed in the backward pass from these, the states and the weights, which are in memory anyway.
"""

from dataclasses import dataclass

from throughtime.engine.compiler.ir.elementwise import CHEAP
from throughtime.engine.compiler.ir.expression import Expression, Row, width
from throughtime.engine.compiler.ir.program import LaneSum, OuterProducts, Program
from throughtime.engine.compiler.schedule.arrays import Array, ArraySlice
from throughtime.engine.compiler.schedule.pass_schedule import PassSchedule


@dataclass(frozen=True)
class ForwardBackward:
    """Schedules of the forward passes for inference and for training, and of the backward pass.

    Attributes:
        inference: the forward pass that saves nothing.
        training: the forward pass that saves what the backward pass needs.
        backward: the backward pass.
        outer_operands: for each weight, the pairs (left, right) of slices `[T, B, n]`; its gradient is the sum of
            leftᵀ right over lanes, steps and pairs.
        grad_sums: for each weight that is a vector, the array of its gradient, a sum over lanes and steps; else None.
    """

    inference: PassSchedule
    training: PassSchedule
    backward: PassSchedule
    outer_operands: list[list[tuple[ArraySlice, ArraySlice]]]
    grad_sums: list[Array | None]


def schedule(program: Program) -> ForwardBackward:
    """Schedule all passes of a program."""
    memo: dict[Expression, bool] = {}
    inference, training = schedule_forward(program), schedule_forward(program)
    operand_pairs = [pair for gradient in program.grad_weights for pair in _pairs(gradient)]
    forward_operands = [row for pair in operand_pairs for row in pair if not _is_gradient(program, row, memo)]
    operands: dict[Row, ArraySlice] = {}
    for row in forward_operands:
        operands[row] = _all_steps(training, row, f"outer{len(operands)}")
    _save_for_backward(program, training, memo)
    training.resolve()

    saved = {e: where for e, where in training.stored if where.array.layout == "steps"}
    backward = PassSchedule(program, saved)
    backward.store(program.grad_projected, Array("grad_projected", "steps", width(program.grad_projected)))
    for index, row in enumerate(program.grad_state):
        backward.store(row, Array(f"grad_state{index}", "grad_out", width(row)))
    for pair in operand_pairs:
        for row in pair:
            if row not in operands:
                operands[row] = _all_steps(backward, row, f"outer{len(operands)}")
    sums: list[Array | None] = []
    for index, gradient in enumerate(program.grad_weights):
        array = (
            Array(f"grad_weight{index}", "per_thread", width(gradient.row))
            if isinstance(gradient, LaneSum)
            else None
        )
        sums.append(array)
        if array is not None:
            backward.accumulate(gradient.row, array)
    backward.resolve()
    inference.resolve()
    pairs = [[(operands[a], operands[b]) for a, b in _pairs(gradient)] for gradient in program.grad_weights]
    return ForwardBackward(inference, training, backward, pairs, sums)


def schedule_forward(program: Program) -> PassSchedule:
    """The forward pass with the stores of all values and states; `resolve` is still to be called."""
    found = PassSchedule(program, {})
    for index, row in enumerate(program.values):
        found.store(row, Array(f"value{index}", "steps", width(row)))
    for index, row in enumerate(program.next_state):
        found.store(row, Array(f"state{index}", "next_state", width(row)))
    return found


def _pairs(gradient: OuterProducts | LaneSum | None) -> tuple[tuple[Row, Row], ...]:
    return gradient.pairs if isinstance(gradient, OuterProducts) else ()


def _all_steps(one_pass: PassSchedule, row: Row, name: str) -> ArraySlice:
    """The whole array that holds a row for all steps; one of the name given unless there is one already."""
    first = row[0]
    whole = len(row) == 1 and first.operation == "load" and first.width == first.source.width
    if whole and first.source.kind in ("state", "projected", "grad_value"):
        return one_pass.contiguous(row, Array(name, "steps", width(row)))
    found = one_pass.rows.get(row)
    if found is None or found.array.layout != "steps":
        one_pass.store(row, Array(name, "steps", width(row)))
        found = ArraySlice(Array(name, "steps", width(row)))
        one_pass.rows[row] = found
    return found


def _is_gradient(program: Program, row: Row, memo: dict[Expression, bool]) -> bool:
    return any(program.depends_on_gradient(piece, memo) for piece in row)


def _save_for_backward(program: Program, training: PassSchedule, memo: dict[Expression, bool]) -> None:
    """Add stores of all that the backward pass reads and cannot recompute cheaply."""
    forward = _reachable(program, [e for row in (*program.values, *program.next_state) for e in row])
    needed = _needed_by_backward(program, memo)
    saved = {e for e, where in training.stored if where.array.layout == "steps"}

    def save(expression: Expression) -> None:
        if expression not in saved:
            saved.add(expression)
            training.store((expression,), Array(f"saved{len(saved)}", "steps", expression.width))

    def is_available(expression: Expression) -> bool:
        if expression in saved or expression.operation == "constant":
            return True
        if expression.operation == "load":
            return expression.source.kind != "product"
        return expression.operation in CHEAP and all(map(is_available, expression.operands))

    def make_available(expression: Expression) -> None:
        if is_available(expression):
            return
        is_cheap = expression.operation in CHEAP
        if expression.boolean or (is_cheap and expression not in forward):
            for operand in expression.operands:
                make_available(operand)
        else:
            save(expression)

    expensive = [e for e in needed if e.operation not in CHEAP]
    for expression in (*expensive, *needed):
        make_available(expression)


def _reachable(program: Program, roots: list[Expression]) -> dict[Expression, None]:
    """All expressions that the roots are computed from, also through products, and the roots."""
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


def _needed_by_backward(program: Program, memo: dict[Expression, bool]) -> list[Expression]:
    """Forward results that the backward pass reads: operands of gradients that are no gradients themselves."""
    rows = [program.grad_projected, *program.grad_state]
    for gradient in program.grad_weights:
        if isinstance(gradient, LaneSum):
            rows.append(gradient.row)
        rows += [row for pair in _pairs(gradient) for row in pair if _is_gradient(program, row, memo)]
    roots = [piece for row in rows for piece in row]
    found = dict.fromkeys(e for e in roots if not program.depends_on_gradient(e, memo))
    for expression in _reachable(program, roots):
        if program.depends_on_gradient(expression, memo):
            operands = expression.operands
            if expression.source is not None and expression.source.kind == "product":
                operands = program.products[expression.source.index].row
            found.update(dict.fromkeys(e for e in operands if not program.depends_on_gradient(e, memo)))
    return list(found)
