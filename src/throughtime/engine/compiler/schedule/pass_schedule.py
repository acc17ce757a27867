"""Schedule of one pass over time: the stage and phase of each expression, and the arrays that results are stored in.

Within a step, the matrix products divide the work into stages: a stage computes all that needs only the products of
earlier stages, and ends with the products whose operands are then complete. Reductions over features divide a stage
into phases. The slot (stage, phase) of an expression is

    load of a product of stage s     (s + 1, 0)            any other load          (0, 0)
    function of operands             the latest of theirs  reduction over features (stage, phase + 1) of its operand
"""

from collections import defaultdict

from throughtime.engine.compiler.ir.elementwise import CHEAP
from throughtime.engine.compiler.ir.expression import Expression, Row, width
from throughtime.engine.compiler.ir.program import Program
from throughtime.engine.compiler.schedule.arrays import Array, ArraySlice, source_slice

Slot = tuple[int, int]
"""(stage, phase)."""

WorkItem = tuple[Expression, ArraySlice | None, bool]
"""(expression, its destination or None for a reduction kept in a local variable, whether it is accumulated there)"""

MAX_RECOMPUTE_COST = 6  # cheap operations that are recomputed rather than stored between stages


class PassSchedule:
    """Schedule of one pass over time, forward or backward.

    Args:
        program: the program.
        known: expressions that are in memory before the pass, and their slices.

    Attributes:
        stored: the expressions that the pass stores, and their slices.
        accumulated: the expressions that are summed over lanes and steps, and their slices.
        operands: the left operand of each product of the pass, by the product's index.
        reductions: the reductions over features of the pass, in order.
        rows: the slices of rows that are stored as a whole.
    """

    def __init__(self, program: Program, known: dict[Expression, ArraySlice]) -> None:
        self.program, self.known = program, dict(known)
        self.stored: list[tuple[Expression, ArraySlice]] = []
        self.accumulated: list[tuple[Expression, ArraySlice]] = []
        self.operands: dict[int, ArraySlice] = {}
        self.reductions: dict[Expression, None] = {}
        self.rows: dict[Row, ArraySlice] = {}
        self._slots: dict[Expression, Slot] = {}
        self._computed: set[Expression] = set()

    def store(self, row: Row, array: Array) -> None:
        """Store a row in an array at every step."""
        offset = 0
        for piece in row:
            self.stored.append((piece, ArraySlice(array, offset)))
            offset += piece.width
        self.rows.setdefault(row, ArraySlice(array))

    def accumulate(self, row: Row, array: Array) -> None:
        """Sum a row over lanes and steps into an array."""
        offset = 0
        for piece in row:
            self.accumulated.append((piece, ArraySlice(array, offset)))
            offset += piece.width

    def contiguous(self, row: Row, array: Array) -> ArraySlice:
        """The slice that holds a row as a whole; it is stored in `array` if no slice holds it yet."""
        if len(row) == 1 and row[0].operation == "load" and row[0].source.kind != "weight":
            return source_slice(row[0].source, row[0].offset)
        if len(row) == 1 and row[0] in self.known and row[0] not in self._computed:
            return self.known[row[0]]
        if row not in self.rows:
            self.store(row, array)
        return self.rows[row]

    def resolve(self) -> None:
        """Find the products, reductions and intermediate results that all stores need; to be called last."""
        self._resolve_products()
        for expression, target in self.stored:
            if expression.operation != "load" and target.array.layout != "grad_out":
                self._computed.add(expression)
                self.known.setdefault(expression, target)
        visited: set[tuple[Expression, Slot]] = set()
        position = 0
        while position < len(self.stored):
            expression = self.stored[position][0]
            self._visit(expression, self.slot(expression), visited)
            position += 1
            if position == len(self.stored):
                for added, _ in self.accumulated:
                    self._visit(added, self.slot(added), visited)

    def _resolve_products(self) -> None:
        seen: set[Expression] = set()
        waiting = [expression for expression, _ in (*self.stored, *self.accumulated)]
        while waiting:
            expression = waiting.pop()
            if expression in seen or self._is_input(expression):
                continue
            seen.add(expression)
            waiting.extend(expression.operands)
            index = self._product_index(expression)
            if index is not None and index not in self.operands:
                product = self.program.products[index]
                self.operands[index] = self.contiguous(
                    product.row, Array(f"operand{index}", "lanes", width(product.row))
                )
                waiting.extend(product.row)

    def _product_index(self, expression: Expression) -> int | None:
        source = expression.source
        return source.index if source is not None and source.kind == "product" else None

    def _is_input(self, expression: Expression) -> bool:
        """Whether an expression is in memory before the pass."""
        return expression in self.known and expression not in self._computed

    def slot(self, expression: Expression) -> Slot:
        """The earliest (stage, phase) in which an expression can be computed."""
        if expression not in self._slots:
            self._slots[expression] = self._earliest_slot(expression)
        return self._slots[expression]

    def _earliest_slot(self, expression: Expression) -> Slot:
        if self._is_input(expression):
            return 0, 0
        index = self._product_index(expression)
        if index is not None:
            return 1 + max(self.slot(piece)[0] for piece in self.program.products[index].row), 0
        stage, phase = max((self.slot(operand) for operand in expression.operands), default=(0, 0))
        return stage, phase + expression.is_reduction

    def _visit(self, expression: Expression, now: Slot, visited: set[tuple[Expression, Slot]]) -> None:
        """Make an expression available in a slot: from memory, from a local variable, or recomputed there."""
        if (expression, now) in visited or expression.operation in ("load", "constant"):
            return
        visited.add((expression, now))
        slot = self.slot(expression)
        if self._is_input(expression) or (expression in self.known and slot < now):
            return
        if expression.is_reduction:
            self.reductions[expression] = None
        is_local = expression.width == 1 and slot[0] == now[0]
        if slot < now and not is_local and not self._is_recomputed(expression):
            array = Array(f"temporary{len(self.stored)}", "lanes", expression.width)
            self.known[expression] = ArraySlice(array)
            self._computed.add(expression)
            self.stored.append((expression, ArraySlice(array)))
            return
        for operand in expression.operands:
            self._visit(operand, slot if expression.is_reduction or is_local else now, visited)

    def _is_recomputed(self, expression: Expression) -> bool:
        """Whether a later stage recomputes an expression rather than loading it."""
        return self._recompute_cost(expression) <= MAX_RECOMPUTE_COST

    def _recompute_cost(self, expression: Expression) -> int:
        """The number of cheap operations; above the maximum if any operation is not cheap."""
        if expression.operation in ("load", "constant") or expression in self.known:
            return 0
        if expression.boolean:
            return 0
        if expression.operation not in CHEAP:
            return MAX_RECOMPUTE_COST + 1
        return 1 + sum(self._recompute_cost(operand) for operand in expression.operands)

    def known_at(self, slot: Slot) -> dict[Expression, ArraySlice]:
        """The expressions that are in memory when a slot begins, and their slices."""
        return {e: where for e, where in self.known.items() if self._is_input(e) or self.slot(e) < slot}

    def work(self) -> dict[Slot, list[WorkItem]]:
        """The work of each slot, in order."""
        found: dict[Slot, list[WorkItem]] = defaultdict(list)
        for expression, target in self.stored:
            found[self.slot(expression)].append((expression, target, False))
        for expression, target in self.accumulated:
            found[self.slot(expression)].append((expression, target, True))
        for expression in self.reductions:
            found[self.slot(expression.operands[0])].append((expression, None, False))
        return dict(sorted(found.items()))

    def product_stage(self, index: int) -> int:
        """The stage that ends with a product."""
        return max(self.slot(piece)[0] for piece in self.program.products[index].row)
