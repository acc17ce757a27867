"""When each expression of a pass over time is computed, and what is stored on the way.

Within a step, the products with weights cut the work into stages: a stage computes what needs the products before
it, and ends with the products that it makes possible. Sums over the features cut a stage into phases. So the time of
an expression is (stage, phase):

    load of a product of stage s     (s + 1, 0)          any other load    (0, 0)
    function of operands             the latest of them   sum over features  (stage, phase + 1) of its operand
"""

from collections import defaultdict

from throughtime.engine.compiler.ir.expression import Expression, Row, width
from throughtime.engine.compiler.ir.functions import CHEAP
from throughtime.engine.compiler.ir.program import Program
from throughtime.engine.compiler.schedule.arrays import Array, Place, place_of

Time = tuple[int, int]
RECOMPUTED = 6  # as many cheap functions are rather computed twice than kept


class Pass:
    """One direction through time, forward or backward.

    Args:
        program: what is computed.
        known: expressions that are in memory already, and where.

    Attributes:
        stored: where expressions are stored in this pass.
        operands: for each product of this pass, by index, where its row is.
        sums: expressions that are summed over lanes and steps, and where.
    """

    def __init__(self, program: Program, known: dict[Expression, Place]) -> None:
        self.program, self.known = program, dict(known)
        self.stored: list[tuple[Expression, Place]] = []
        self.sums: list[tuple[Expression, Place]] = []
        self.operands: dict[int, Place] = {}
        self.reductions: dict[Expression, None] = {}
        self.rows: dict[Row, Place] = {}
        self._times: dict[Expression, Time] = {}
        self._own: set[Expression] = set()

    def store(self, row: Row, array: Array) -> None:
        """Have a row stored in an array."""
        offset = 0
        for piece in row:
            self.stored.append((piece, Place(array, offset)))
            offset += piece.width
        self.rows.setdefault(row, Place(array))

    def recomputed_loss(self, row: Row, array: Array) -> None:
        """Have a row summed over lanes and steps."""
        offset = 0
        for piece in row:
            self.sums.append((piece, Place(array, offset)))
            offset += piece.width

    def row(self, row: Row, array: Array) -> Place:
        """Where a row is as a whole; in the array when it is nowhere yet."""
        if len(row) == 1 and row[0].operation == "load" and row[0].source.kind != "weight":
            return place_of(row[0].source, row[0].offset)
        if len(row) == 1 and row[0] in self.known and row[0] not in self._own:
            return self.known[row[0]]
        if row not in self.rows:
            self.store(row, array)
        return self.rows[row]

    def finish(self) -> None:
        """Find the products, sums over features and intermediate stores that the stores ask for."""
        self._plan_products()
        for expression, place in self.stored:
            if expression.operation != "load" and place.array.rows != "going":
                self._own.add(expression)
                self.known.setdefault(expression, place)
        visited: set[tuple[Expression, Time]] = set()
        position = 0
        while position < len(self.stored):
            expression = self.stored[position][0]
            self._visit(expression, self.time(expression), visited)
            position += 1
            if position == len(self.stored):
                for added, _ in self.sums:
                    self._visit(added, self.time(added), visited)

    def _plan_products(self) -> None:
        seen: set[Expression] = set()
        waiting = [expression for expression, _ in (*self.stored, *self.sums)]
        while waiting:
            expression = waiting.pop()
            if expression in seen or self._given(expression):
                continue
            seen.add(expression)
            waiting.extend(expression.operands)
            index = self._product(expression)
            if index is not None and index not in self.operands:
                product = self.program.products[index]
                self.operands[index] = self.row(
                    product.row, Array(f"operand{index}", "lanes", width(product.row))
                )
                waiting.extend(product.row)

    def _product(self, expression: Expression) -> int | None:
        source = expression.source
        return source.index if source is not None and source.kind == "product" else None

    def _given(self, expression: Expression) -> bool:
        """Whether an expression is in memory from before this pass."""
        return expression in self.known and expression not in self._own

    def time(self, expression: Expression) -> Time:
        """The earliest (stage, phase) in which an expression can be computed."""
        if expression not in self._times:
            self._times[expression] = self._time(expression)
        return self._times[expression]

    def _time(self, expression: Expression) -> Time:
        if self._given(expression):
            return 0, 0
        index = self._product(expression)
        if index is not None:
            return 1 + max(self.time(piece)[0] for piece in self.program.products[index].row), 0
        stage, phase = max((self.time(operand) for operand in expression.operands), default=(0, 0))
        return stage, phase + expression.reduces

    def _visit(self, expression: Expression, now: Time, visited: set[tuple[Expression, Time]]) -> None:
        """Make sure that an expression can be read at a time: from memory, from a local, or computed again."""
        if (expression, now) in visited or expression.operation in ("load", "constant"):
            return
        visited.add((expression, now))
        time = self.time(expression)
        if self._given(expression) or (expression in self.known and time < now):
            return
        if expression.reduces:
            self.reductions[expression] = None
        local = expression.width == 1 and time[0] == now[0]
        if time < now and not local and not self._again(expression):
            array = Array(f"kept{len(self.stored)}", "lanes", expression.width)
            self.known[expression] = Place(array)
            self._own.add(expression)
            self.stored.append((expression, Place(array)))
            return
        for operand in expression.operands:
            self._visit(operand, time if expression.reduces or local else now, visited)

    def _again(self, expression: Expression) -> bool:
        """Whether to compute an expression again rather than to keep it."""
        return self._cost(expression) <= RECOMPUTED

    def _cost(self, expression: Expression) -> int:
        if expression.operation in ("load", "constant") or expression in self.known:
            return 0
        if expression.binary:
            return 0
        if expression.operation not in CHEAP:
            return RECOMPUTED + 1
        return 1 + sum(self._cost(operand) for operand in expression.operands)

    def known_at(self, now: Time) -> dict[Expression, Place]:
        """What is in memory when the work of a time begins."""
        return {e: place for e, place in self.known.items() if self._given(e) or self.time(e) < now}

    def work(self) -> dict[Time, list[tuple[Expression, Place | None, bool]]]:
        """What is done when: (expression, where it is stored or None, whether it is summed up) by time."""
        found: dict[Time, list[tuple[Expression, Place | None, bool]]] = defaultdict(list)
        for expression, place in self.stored:
            found[self.time(expression)].append((expression, place, False))
        for expression, place in self.sums:
            found[self.time(expression)].append((expression, place, True))
        for expression in self.reductions:
            found[self.time(expression.operands[0])].append((expression, None, False))
        return dict(sorted(found.items()))

    def product_stage(self, index: int) -> int:
        """The stage that ends with a product."""
        return max(self.time(piece)[0] for piece in self.program.products[index].row)
