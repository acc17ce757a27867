"""PassFunction: the C function of one pass over time, as nested loops over steps, lanes and features."""

from throughtime.engine.compiler.codegen.block import Block
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.schedule.arrays import Array, packed_array, weight_array
from throughtime.engine.compiler.schedule.pass_schedule import PassSchedule, Slot, WorkItem

TAB = "    "


def indent(lines: list[str], depth: int = 1) -> list[str]:
    """Lines of C indented by `depth` levels."""
    return [TAB * depth + line if line else line for line in lines]


def _pointer(array: Array, index: int) -> str:
    """The declaration of the pointer to an array's first row."""
    address = f"args->arrays[{index}]"
    if array.layout == "packed":
        return f"operand *const {array.name} = (operand *){address};"
    return f"real *const {array.name} = {address};"


class PassFunction:
    """The C function of a pass over time.

    Args:
        name: the function's name in C.
        schedule: the schedule of the pass.
        backward: whether it goes from the last step to the first.
        state_sizes: the features of each part of the state.

    Attributes:
        arrays: the arrays in the order in which the function takes their addresses.
        array_names: their names.
        largest_weight: the numbers of the largest matrix.
        accumulated: the name and the features of the arrays that the function adds to.
        code: the C.
    """

    def __init__(self, name: str, schedule: PassSchedule, backward: bool, state_sizes: list[int]) -> None:
        self.schedule, self.backward, self.state_sizes = schedule, backward, state_sizes
        self._used: dict[str, Array] = {}
        body = self._stages()
        if backward:
            body += self._grad_of_resets()
            body.insert(
                0,
                "const long buffer_in = (args->steps - 1 - t) % args->buffers, "
                "buffer_out = (buffer_in + 1) % args->buffers;",
            )
            loop = "for (long t = args->steps - 1; t >= 0; --t) {"
        else:
            body = self._resets() + body
            loop = "for (long t = 0; t < args->steps; ++t) {"
        packing = self._packing()
        self.arrays = list(self._used.values())
        self.array_names = [array.name for array in self.arrays]
        self.largest_weight = max((a.width for a in self.arrays if a.layout == "matrix"), default=0)
        self.accumulated = [
            (array.name, array.width) for array in self.arrays if array.layout == "per_thread"
        ]
        pointers = [_pointer(array, index) for index, array in enumerate(self.arrays)]
        lines = [
            f"static void {name}_thread(const struct pass_args *args, struct barrier *barrier, long thread, "
            "long threads) {",
            *indent(
                [
                    "const long lanes = args->lanes;",
                    "const long first = lanes * thread / threads, last = lanes * (thread + 1) / threads;",
                    *pointers,
                    *packing,
                    loop,
                    *indent(body),
                    "}",
                ]
            ),
            "}",
            f"PARALLEL(pass_args, {name})",
        ]
        self.code = "\n".join(lines) + "\n"

    def _use(self, array: Array) -> str:
        """The name of an array, which becomes an argument of the function."""
        self._used.setdefault(array.name, array)
        return array.name

    def _stages(self) -> list[str]:
        """All stages of a step: a loop over lanes each, and the products between them."""
        work = self.schedule.work()
        products = {i: self.schedule.product_stage(i) for i in self.schedule.operands}
        count = 1 + max([stage for stage, _ in work] + list(products.values()))
        lines: list[str] = []
        for stage in range(count):
            here = {slot: items for slot, items in work.items() if slot[0] == stage}
            last = stage == count - 1
            body = self._lane(here)
            if body or last:
                lines += self._over_lanes(body, self._finished_lane() if last else [])
            for index in sorted(i for i, s in products.items() if s == stage):
                lines += self._product(index)
        return lines

    def _over_lanes(self, body: list[str], finished: list[str]) -> list[str]:
        """The loop over a thread's lanes: `body` for a lane that is running, `finished` for one past its length."""
        return [
            "for (long b = first; b < last; ++b) {",
            f"{TAB}if (args->lengths && t >= args->lengths[b]) {{",
            *indent([*finished, "continue;"], 2),
            f"{TAB}}}",
            *indent(body),
            "}",
        ]

    def _lane(self, work: dict[Slot, list[WorkItem]]) -> list[str]:
        """One stage of one lane: for each phase its scalars, and then its loops over features."""
        scalars = Block({})
        body: list[str] = []
        for slot, items in sorted(work.items()):
            scalars.known = self.schedule.known_at(slot)
            sizes = dict.fromkeys(self._loop_width(item) for item in items)
            for size in sorted(sizes):
                chosen = [item for item in items if self._loop_width(item) == size]
                if size == 1:
                    loop = [self._store(scalars, item) for item in chosen]
                else:
                    loop = self._feature_loop(scalars, chosen, size)
                body += scalars.lines + loop
                scalars.lines = []
        for array in scalars.arrays.values():
            self._use(array)
        rows = [f"real *const {array.row_name} = {array.row_address};" for array in scalars.arrays.values()]
        return rows + body

    @staticmethod
    def _loop_width(item: WorkItem) -> int:
        expression, target, _ = item
        return expression.operands[0].width if target is None else expression.width

    def _store(self, block: Block, item: WorkItem) -> str:
        expression, target, accumulated = item
        element = block.element(target, expression.width)
        return f"{element} {'+=' if accumulated else '='} {block.name(expression)};"

    def _feature_loop(self, scalars: Block, items: list[WorkItem], size: int) -> list[str]:
        """The loop over features that computes stores and reductions of the same width."""
        inside = Block(scalars.known, scalars)
        statements, declarations, reduced = [], [], {"sum": [], "amax": []}
        for item in items:
            expression, target, _ = item
            if target is not None:
                statements.append(self._store(inside, item))
                continue
            name = scalars.new_name("reduction")
            value = inside.name(expression.operands[0])
            reduced[expression.operation].append(name)
            scalars.names[expression] = name
            if expression.operation == "sum":
                declarations.append(f"real {name} = 0;")
                statements.append(f"{name} += {value};")
            else:
                declarations.append(f"real {name} = (real)-__builtin_inf();")
                statements.append(f"{name} = MAXIMUM({value}, {name});")
        simd = "#pragma omp simd" + (f" reduction(+:{', '.join(reduced['sum'])})" if reduced["sum"] else "")
        return [
            *declarations,
            *([] if reduced["amax"] else [simd]),
            f"for (long j = 0; j < {size}; ++j) {{",
            *indent(inside.lines + statements),
            "}",
        ]

    def _packing(self) -> list[str]:
        """The packing of the weights of all products, shared by all threads, unless they are packed already."""
        lines: dict[str, None] = {}
        for index in self.schedule.operands:
            product = self.schedule.program.products[index]
            weight, packed = weight_array(product), packed_array(product)
            strides = [f"args->strides[{2 * product.weight + axis}]" for axis in (0, 1)]
            if product.transposed:
                strides.reverse()
            sizes = f"{width(product.row)}, {product.width}"
            matrix = f"{self._use(weight)}, {', '.join(strides)}"
            lines[f"pack_b({sizes}, {matrix}, {self._use(packed)}, thread, threads);"] = None
        if not lines:
            return []
        return ["if (!args->packed) {", *indent([*lines, "barrier_wait(barrier, threads);"]), "}"]

    def _product(self, index: int) -> list[str]:
        """The matrix product of all lanes with a weight."""
        product = self.schedule.program.products[index]
        left = self.schedule.operands[index]
        result = Array(f"product{index}", "lanes", product.width)
        packed = packed_array(product)
        self._use(left.array), self._use(result), self._use(packed)
        first_row = left.array.row_address.replace(" b)", " 0)").replace("b *", "0 *")
        sizes = f"{width(product.row)}, {product.width}"
        a = f"{first_row} + {left.offset}, {left.array.width}"
        return [f"step_gemm(args, barrier, thread, threads, {sizes}, {a}, {packed.name}, {result.name});"]

    def _copy_row(self, target: Array, source: Array) -> str:
        self._use(target), self._use(source)
        return f"memcpy({target.row_address}, {source.row_address}, sizeof(real) * {target.width});"

    def _clear_row(self, target: Array) -> str:
        self._use(target)
        return f"memset({target.row_address}, 0, sizeof(real) * {target.width});"

    def _finished_lane(self) -> list[str]:
        """A lane past its length: its state, or the gradient of it, is copied; all other results are 0."""
        lines = []
        for index, size in enumerate(self.state_sizes):
            if self.backward:
                name = f"grad_state{index}"
                lines.append(self._copy_row(Array(name, "grad_out", size), Array(name, "grad_in", size)))
            else:
                name = f"state{index}"
                lines.append(self._copy_row(Array(name, "next_state", size), Array(name, "state", size)))
        arrays = dict.fromkeys(
            target.array for _, target in self.schedule.stored if target.array.layout == "steps"
        )
        return lines + [self._clear_row(array) for array in arrays]

    def _over_reset_lanes(self, body: list[str]) -> list[str]:
        return [
            "if (args->resets) for (long b = first; b < last; ++b) if (args->resets[t * lanes + b]) {",
            *indent(body),
            "}",
        ]

    def _resets(self) -> list[str]:
        """At a reset, the state before the step becomes the initial state."""
        return self._over_reset_lanes(
            [
                self._copy_row(Array(f"state{i}", "state", size), Array(f"initial{i}", "lanes", size))
                for i, size in enumerate(self.state_sizes)
            ]
        )

    def _grad_of_resets(self) -> list[str]:
        """At a reset, the gradient is added to that of the initial state and goes no further back."""
        lines = []
        for index, size in enumerate(self.state_sizes):
            initial = Array(f"initial{index}", "lanes", size)
            grad_out = Array(f"grad_state{index}", "grad_out", size)
            self._use(initial), self._use(grad_out)
            addition = f"({initial.row_address})[j] += ({grad_out.row_address})[j];"
            lines += [f"for (long j = 0; j < {size}; ++j) {addition}", self._clear_row(grad_out)]
        return self._over_reset_lanes(lines)
