"""One step of a cell as a compiled function, for who needs the result of each step before the next, as decoding does.

What a run over a sequence spreads over its steps would cost more than the step itself. So all of it is done once:
the weights are packed, memory for many steps is there, and a call moves a few addresses and runs the C.
"""

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.array_checks import check_array, check_shape
from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.compiler.codegen.emit import Function
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import Program, UnknownOperatorError
from throughtime.engine.compiler.runtime.buffers import side_by_side
from throughtime.engine.compiler.runtime.kernel import Run, file_of, shares
from throughtime.engine.compiler.runtime.toolchain import library
from throughtime.engine.compiler.schedule.passes import forward
from throughtime.engine.trace.derivative import forward_only
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace import Trace
from throughtime.engine.trace.trace_cache import cached_trace
from throughtime.engine.trace.without_hooks import without_hooks

# Bytes of states that are handed out before there is new memory for them: a core's cache has more.
BLOCK = 1 << 18
FEWEST, MOST = 16, 256  # steps of such a block


@dataclass(frozen=True, eq=False)
class _Kernel:
    """The C of a step.

    Attributes:
        program: what it computes.
        function: how it takes its arrays.
        library: it, compiled.
    """

    program: Program
    function: Function
    library: ctypes.CDLL


@lru_cache(maxsize=16)
def _kernel(trace: Trace) -> _Kernel:
    with without_hooks():
        step = forward_only(trace, decompositions())
    program = lower(step, trace.lanes)
    direction = forward(program)
    direction.finish()
    function = Function("plain", direction, False, [width(row) for row in program.after])
    return _Kernel(program, function, library(file_of([function], program.precision)))


class Stepper:
    """Runs a cell's step from state to state, with the weights as they are now.

    What a decoder reads of a step is to be a part of the state, so that there is one way out.

    Args:
        cell: the cell.
        projected: the projected input of a step, as an example; later ones have its shape.

    Raises:
        UntraceableError: the step is no fixed graph of operators.
        UnknownOperatorError: there is no C for something in it, or the output has a part that the state has not.
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: an array has not the numbers that the C takes it to have.
    """

    def __init__(self, cell: Cell, projected: Float[Tensor, "B G"]) -> None:
        lanes = len(projected)
        with torch.no_grad():
            before = cell.initial_state(lanes)
            trace = cached_trace(cell, projected[None], before)
            self._weights = [w.contiguous() for w in trace.weights(*cell_tensors(cell).values())]
        if lanes == 0:
            raise RuntimeError("expected a step of at least one lane, got none")
        kernel = _kernel(trace)
        self._kernel, self._after = kernel, kernel.program.after
        if not all(row in self._after for row in kernel.program.values):
            raise UnknownOperatorError("an output that is no part of the state")
        self._call = kernel.library.plain
        self._shapes = [part.shape for part in before]
        self._input = projected.shape
        self._check(before, projected)
        numbers = sum(part.numel() for part in before) * kernel.program.precision.itemsize
        self._steps = min(max(BLOCK // numbers, FEWEST), MOST)
        self._lay_out(lanes)
        self._begin()

    def _check(self, before: State, projected: Float[Tensor, "B G"]) -> None:
        """The arrays of a step beside what the C takes them to be."""
        precision, lanes = self._kernel.program.precision, len(projected)
        known = {f"weight{index}": weight for index, weight in enumerate(self._weights)}
        known["projected"] = projected.contiguous()
        known |= {f"state{index}": part.contiguous() for index, part in enumerate(before)}
        for array in self._kernel.function.arrays:
            if array.name in known:
                rows = 1 if array.rows in ("vector", "matrix") else lanes
                check_array(array.name, known[array.name], precision, array.width * rows)

    def _lay_out(self, lanes: int) -> None:
        """All that stays from step to step."""
        function, precision = self._kernel.function, self._kernel.program.precision
        threads, shared = shares(function, lanes)
        short = [
            a for a in function.arrays if a.rows in ("lanes", "panels") and not a.name.startswith("start")
        ]
        counts = [(a.name, a.width * (lanes if a.rows == "lanes" else 1)) for a in short]
        places, size = side_by_side(counts, precision.itemsize)
        self._room = torch.empty(size, dtype=precision)
        addresses = {name: self._room.data_ptr() + place for name, place in places}
        addresses.update({f"weight{index}": weight.data_ptr() for index, weight in enumerate(self._weights)})
        names = [array.name for array in function.arrays]
        self._arrays = (ctypes.c_void_p * len(names))(*(addresses.get(name) for name in names))
        strides = [stride for w in self._weights for stride in (w.stride() if w.dim() == 2 else (0, 0))]
        self._strides = (ctypes.c_long * len(strides))(*strides)
        self._run = Run(1, lanes, threads, shared, 2, None, None, self._arrays, self._strides)
        self._projected = names.index("projected")
        # Which part's row, before (0) or after (1) the step, an array begins with.
        parts = {f"state{index}": (index, 0) for index in range(len(self._after))}
        for index, row in enumerate(self._kernel.program.values):
            parts[f"value{index}"] = (self._after.index(row), 1)
        self._moving = [(place, *parts[name]) for place, name in enumerate(names) if name in parts]

    def _begin(self) -> None:
        """New memory for states, as what is in the last belongs to who was handed it."""
        precision = self._kernel.program.precision
        block = [buffer_pool.empty(self._steps + 1, *shape, dtype=precision) for shape in self._shapes]
        self._states = list(zip(*(part.unbind() for part in block), strict=True))
        begins = [(place, block[part], row) for place, part, row in self._moving]
        self._addresses = [
            (place, history.data_ptr() + row * history[0].nbytes, history[0].nbytes)
            for place, history, row in begins
        ]
        self._position = 0

    def _take(self, state: State) -> None:
        """Go on from a state that is not the last one handed out."""
        if len(state) != len(self._shapes):
            raise RuntimeError(f"expected a state of {len(self._shapes)} parts, got {len(state)}")
        for index, (part, shape) in enumerate(zip(state, self._shapes, strict=True)):
            check_shape(f"state[{index}]", part, shape)
        if self._position:
            self._position += 1
        if self._position >= self._steps:
            self._begin()
        for place, part in zip(self._states[self._position], state, strict=True):
            place.copy_(part)

    def __call__(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """The state after the step, a plain tuple; with this very tuple the next call is quickest.

        Raises:
            RuntimeError: the input or the state is not of the shape that the step was made for.
        """
        check_shape("projected", projected, self._input)
        projected = projected.contiguous()
        check_array("projected", projected, self._kernel.program.precision, self._input.numel())
        if self._position == self._steps or state is not self._states[self._position]:
            self._take(state)
        position, arrays = self._position, self._arrays
        for place, begin, step in self._addresses:
            arrays[place] = begin + position * step
        arrays[self._projected] = projected.data_ptr()
        self._call(ctypes.byref(self._run))
        self._run.packed = 1
        self._position = position + 1
        return self._states[self._position]
