"""One C function for a pass through time: plain loops over steps, lanes and features."""

from throughtime.engine.compiler.codegen.statements import Block
from throughtime.engine.compiler.ir.expression import Expression, width
from throughtime.engine.compiler.schedule.arrays import Array, Place, matrix_of, panels_of
from throughtime.engine.compiler.schedule.schedule import Pass, Time

TAB = "    "


def indent(lines: list[str], depth: int = 1) -> list[str]:
    return [TAB * depth + line if line else line for line in lines]


def _pointer(array: Array, index: int) -> str:
    address = f"run->arrays[{index}]"
    if array.rows == "panels":
        return f"factor *const {array.name} = (factor *){address};"
    return f"real *const {array.name} = {address};"


class Function:
    """The C function of a pass.

    Args:
        name: the function's.
        direction: the pass.
        backward: whether it goes from the last step to the first.
        parts: the features of each part of the state.

    Attributes:
        arrays: the arrays in the order in which the function takes their addresses.
        sums: those that are added to, by name and features.
        code: the C.
    """

    def __init__(self, name: str, direction: Pass, backward: bool, parts: list[int]) -> None:
        self.direction, self.backward, self.parts = direction, backward, parts
        self.used: dict[str, Array] = {}
        stages = self._stages()
        template = self._backward_end() if backward else self._forward_start()
        order = (
            "for (long t = run->steps - 1; t >= 0; --t) {"
            if backward
            else "for (long t = 0; t < run->steps; ++t) {"
        )
        body = stages + template if backward else template + stages
        if backward:
            body.insert(
                0, "const long side = (run->steps - 1 - t) % run->sides, other = (side + 1) % run->sides;"
            )
        packs = self._packs()
        self.arrays = list(self.used.values())
        self.sums = [(array.name, array.width) for array in self.arrays if array.rows == "sum"]
        head = [_pointer(array, index) for index, array in enumerate(self.arrays)]
        lines = [
            f"static void {name}_part(const struct run *run, struct team *team, long thread, long count) {{",
            *indent(
                [
                    "const long lanes = run->lanes;",
                    "const long first = lanes * thread / count, last = lanes * (thread + 1) / count;",
                    *head,
                    *packs,
                    order,
                    *indent(body),
                    "}",
                ]
            ),
            "}",
            f"SHARED(run, {name})",
        ]
        self.code = "\n".join(lines) + "\n"

    def _use(self, array: Array) -> str:
        self.used.setdefault(array.name, array)
        return array.name

    def _stages(self) -> list[str]:
        work = self.direction.work()
        products = {i: self.direction.product_stage(i) for i in self.direction.operands}
        count = 1 + max([stage for stage, _ in work] + list(products.values()))
        lines: list[str] = []
        for stage in range(count):
            here = {time: items for time, items in work.items() if time[0] == stage}
            last = stage == count - 1
            body = self._lane(here)
            if body or last:
                lines += self._over_lanes(body, self._rest() if last else [])
            for index in sorted(i for i, s in products.items() if s == stage):
                lines += self._product(index)
        return lines

    def _over_lanes(self, body: list[str], rest: list[str]) -> list[str]:
        resting = [*rest, "continue;"]
        return [
            "for (long b = first; b < last; ++b) {",
            f"{TAB}if (run->lengths && t >= run->lengths[b]) {{",
            *indent(resting, 2),
            f"{TAB}}}",
            *indent(body),
            "}",
        ]

    def _lane(self, work: dict[Time, list[tuple[Expression, Place | None, bool]]]) -> list[str]:
        """A stage for one lane: phase after phase, the numbers of a lane before the loops over its features."""
        outside = Block({})
        body: list[str] = []
        for now, items in sorted(work.items()):
            outside.known = self.direction.known_at(now)
            sizes = dict.fromkeys(self._loop_width(item) for item in items)
            for size in sorted(sizes):
                chosen = [item for item in items if self._loop_width(item) == size]
                loop = self._scalars(outside, chosen) if size == 1 else self._loop(outside, chosen, size)
                body += outside.lines + loop
                outside.lines = []
        for array in outside.rows.values():
            self._use(array)
        return [f"real *const {array.row} = {array.pointer};" for array in outside.rows.values()] + body

    @staticmethod
    def _loop_width(item: tuple[Expression, Place | None, bool]) -> int:
        expression, place, _ = item
        return expression.operands[0].width if place is None else expression.width

    def _store(self, block: Block, item: tuple[Expression, Place | None, bool]) -> str:
        expression, place, added = item
        target = block.element(place, expression.width)
        return f"{target} {'+=' if added else '='} {block.name(expression)};"

    def _scalars(self, outside: Block, items: list[tuple[Expression, Place | None, bool]]) -> list[str]:
        return [self._store(outside, item) for item in items]

    def _loop(
        self, outside: Block, items: list[tuple[Expression, Place | None, bool]], size: int
    ) -> list[str]:
        inside = Block(outside.known, outside)
        stores, before, sums = [], [], {"sum": [], "amax": []}
        for item in items:
            expression, place, _ = item
            if place is not None:
                stores.append(self._store(inside, item))
                continue
            name = outside.fresh("total")
            value = inside.name(expression.operands[0])
            sums[expression.operation].append(name)
            outside.names[expression] = name
            if expression.operation == "sum":
                before.append(f"real {name} = 0;")
                stores.append(f"{name} += {value};")
            else:
                before.append(f"real {name} = (real)-__builtin_inf();")
                stores.append(f"{name} = MAXIMUM({value}, {name});")
        simd = "#pragma omp simd" + (f" reduction(+:{', '.join(sums['sum'])})" if sums["sum"] else "")
        head = [] if sums["amax"] else [simd]
        return [
            *before,
            *head,
            f"for (long j = 0; j < {size}; ++j) {{",
            *indent(inside.lines + stores),
            "}",
        ]

    def _packs(self) -> list[str]:
        """All threads together bring the weights of the products into panels, unless they are there."""
        lines: dict[str, None] = {}
        for index in self.direction.operands:
            product = self.direction.program.products[index]
            matrix, panels = matrix_of(product), panels_of(product)
            steps = [f"run->strides[{2 * product.weight + side}]" for side in (0, 1)]
            if product.transposed:
                steps.reverse()
            sizes = f"{width(product.row)}, {product.width}"
            strides = ", ".join(steps)
            lines[f"pack({sizes}, {self._use(matrix)}, {strides}, {self._use(panels)}, thread, count);"] = (
                None
            )
        return ["if (!run->packed) {", *indent([*lines, "meet(team, count);"]), "}"] if lines else []

    def _product(self, index: int) -> list[str]:
        product = self.direction.program.products[index]
        place = self.direction.operands[index]
        result = Array(f"product{index}", "lanes", product.width)
        panels = panels_of(product)
        self._use(place.array), self._use(result), self._use(panels)
        at = place.array.pointer.replace(" b)", " 0)").replace("b *", "0 *")
        sizes = f"{width(product.row)}, {product.width}"
        x = f"{at} + {place.offset}, {place.array.width}"
        return [f"product(run, team, thread, count, {sizes}, {x}, {panels.name}, {result.name});"]

    def _copy(self, target: Array, source: Array) -> str:
        self._use(target), self._use(source)
        return f"memcpy({target.pointer}, {source.pointer}, sizeof(real) * {target.width});"

    def _clear(self, target: Array) -> str:
        self._use(target)
        return f"memset({target.pointer}, 0, sizeof(real) * {target.width});"

    def _rest(self) -> list[str]:
        """A lane past its length: its state, or the gradient of it, is handed on; all else is 0."""
        lines = []
        for index, size in enumerate(self.parts):
            if self.backward:
                name = f"gradient{index}"
                lines.append(self._copy(Array(name, "going", size), Array(name, "coming", size)))
            else:
                name = f"state{index}"
                lines.append(self._copy(Array(name, "after", size), Array(name, "before", size)))
        arrays = dict.fromkeys(
            place.array for _, place in self.direction.stored if place.array.rows == "steps"
        )
        return lines + [self._clear(array) for array in arrays]

    def _over_resets(self, body: list[str]) -> list[str]:
        return [
            "if (run->resets) for (long b = first; b < last; ++b) if (run->resets[t * lanes + b]) {",
            *indent(body),
            "}",
        ]

    def _forward_start(self) -> list[str]:
        """A lane that is reset: its state is the start's."""
        return self._over_resets(
            [
                self._copy(Array(f"state{i}", "before", size), Array(f"start{i}", "lanes", size))
                for i, size in enumerate(self.parts)
            ]
        )

    def _backward_end(self) -> list[str]:
        """A lane that was reset: the gradient goes to the start, and no further back."""
        lines = []
        for index, size in enumerate(self.parts):
            start, going = Array(f"start{index}", "lanes", size), Array(f"gradient{index}", "going", size)
            self._use(start), self._use(going)
            lines += [
                f"for (long j = 0; j < {size}; ++j) ({start.pointer})[j] += ({going.pointer})[j];",
                self._clear(going),
            ]
        return self._over_resets(lines)
