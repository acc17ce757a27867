"""Stepper: a compiled single step of a cell, for callers that need each step's result before the next, as decoding.

A run over a sequence spreads its set-up over all steps; for one step it would cost more than the step itself. So a
stepper sets up once: it packs the weights and allocates states for many steps, and a call sets a few addresses and
runs the C.
"""

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.buffer_pool import buffer_pool
from throughtime.engine.compiler.codegen.gemm_source import gemm_file
from throughtime.engine.compiler.codegen.pass_function import PassFunction
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import Program, UnknownOperatorError
from throughtime.engine.compiler.runtime.array_checks import check_array, check_shape
from throughtime.engine.compiler.runtime.buffer_layout import aligned_offsets, scratch_arrays
from throughtime.engine.compiler.runtime.kernel import PassArguments, c_source, long_array, matrix_strides
from throughtime.engine.compiler.runtime.threads import divide_work
from throughtime.engine.compiler.runtime.toolchain import library
from throughtime.engine.compiler.schedule.forward_backward import schedule_forward
from throughtime.engine.trace.derivative import forward_only
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace import Trace
from throughtime.engine.trace.trace_cache import cached_trace
from throughtime.engine.trace.without_hooks import without_hooks

HISTORY_BYTES = 1 << 18  # of states in one allocation; less than a core's cache
MIN_STEPS, MAX_STEPS = 16, 256  # of such an allocation


@dataclass(frozen=True, eq=False)
class _StepKernel:
    """The compiled forward pass of a step.

    Attributes:
        program: the step.
        function: the C function.
        library: the compiled file.
    """

    program: Program
    function: PassFunction
    library: ctypes.CDLL


@lru_cache(maxsize=16)
def _step_kernel(trace: Trace) -> _StepKernel:
    with without_hooks():
        step = forward_only(trace, decompositions())
    program = lower(step, trace.lanes)
    forward = schedule_forward(program)
    forward.resolve()
    state_sizes = [width(row) for row in program.next_state]
    function = PassFunction("forward_inference", forward, False, state_sizes)
    source = c_source([function], program.precision)
    return _StepKernel(program, function, library(source, linked=gemm_file(program.precision)))


class Stepper:
    """Runs a cell's step from state to state, with the weights that the cell has when the stepper is made.

    The output of the step must be a part of its state.

    Args:
        cell: the cell.
        projected: the projected input of one step, as an example; later ones have its shape.

    Raises:
        UntraceableError: the step is no fixed graph of operators.
        UnknownOperatorError: the compiler has no C for an operator, or the output is no part of the state.
        CompilerError: there is no C compiler, or it fails.
        RuntimeError: an array's type or size is not what the C reads.
    """

    def __init__(self, cell: Cell, projected: Float[Tensor, "B G"]) -> None:
        lanes = len(projected)
        with torch.no_grad():
            state = cell.initial_state(lanes)
            trace = cached_trace(cell, projected[None], state)
            self._weights = [w.contiguous() for w in trace.weights(*cell_tensors(cell).values())]
        if lanes == 0:
            raise RuntimeError("expected a step of at least one lane, got none")
        kernel = _step_kernel(trace)
        self._kernel, self._next_state = kernel, kernel.program.next_state
        if not all(row in self._next_state for row in kernel.program.values):
            raise UnknownOperatorError("an output that is no part of the state")
        self._call = kernel.library.forward_inference
        self._state_shapes = [part.shape for part in state]
        self._input_shape = projected.shape
        self._check(state, projected)
        state_bytes = sum(part.numel() for part in state) * kernel.program.precision.itemsize
        self._steps = min(max(HISTORY_BYTES // state_bytes, MIN_STEPS), MAX_STEPS)
        self._set_up(lanes)
        self._allocate_states()

    def _check(self, state: State, projected: Float[Tensor, "B G"]) -> None:
        """Check the types and sizes of a step's arrays."""
        precision, lanes = self._kernel.program.precision, len(projected)
        known = {f"weight{index}": weight for index, weight in enumerate(self._weights)}
        known["projected"] = projected.contiguous()
        known |= {f"state{index}": part.contiguous() for index, part in enumerate(state)}
        for array in self._kernel.function.arrays:
            if array.name in known:
                rows = 1 if array.layout in ("vector", "matrix") else lanes
                check_array(array.name, known[array.name], precision, array.width * rows)

    def _set_up(self, lanes: int) -> None:
        """Allocate the scratch buffer, and fill in all arguments that stay the same from step to step."""
        function, precision = self._kernel.function, self._kernel.program.precision
        threads, by_columns = divide_work(function, lanes)
        offsets, size = aligned_offsets(scratch_arrays(function, lanes), precision.itemsize)
        self._scratch = torch.empty(size, dtype=precision)
        addresses = {name: self._scratch.data_ptr() + offset for name, offset in offsets}
        addresses.update({f"weight{index}": weight.data_ptr() for index, weight in enumerate(self._weights)})
        names = function.array_names
        self._arrays = long_array([addresses.get(name, 0) for name in names])
        self._strides = long_array(matrix_strides(self._weights))
        tables = (table.buffer_info()[0] for table in (self._arrays, self._strides))
        self._arguments = PassArguments(1, lanes, threads, by_columns, 2, None, None, *tables)
        self._projected_index = names.index("projected")
        # The part of the state that an array holds, and whether it begins before (0) or after (1) the step.
        parts = {f"state{index}": (index, 0) for index in range(len(self._next_state))}
        for index, row in enumerate(self._kernel.program.values):
            parts[f"value{index}"] = (self._next_state.index(row), 1)
        self._state_arrays = [(index, *parts[name]) for index, name in enumerate(names) if name in parts]

    def _allocate_states(self) -> None:
        """Allocate the states of the next steps; the callers own those of the last allocation."""
        precision = self._kernel.program.precision
        histories = [
            buffer_pool.empty(self._steps + 1, *shape, dtype=precision) for shape in self._state_shapes
        ]
        self._states = list(zip(*(history.unbind() for history in histories), strict=True))
        self._state_addresses = []
        for index, part, row in self._state_arrays:
            history, stride = histories[part], histories[part][0].nbytes
            self._state_addresses.append((index, history.data_ptr() + row * stride, stride))
        self._position = 0

    def _load_state(self, state: State) -> None:
        """Copy a state that is not the one returned last."""
        if len(state) != len(self._state_shapes):
            raise RuntimeError(f"expected a state of {len(self._state_shapes)} parts, got {len(state)}")
        for index, (part, shape) in enumerate(zip(state, self._state_shapes, strict=True)):
            check_shape(f"state[{index}]", part, shape)
        if self._position:
            self._position += 1
        if self._position >= self._steps:
            self._allocate_states()
        for target, part in zip(self._states[self._position], state, strict=True):
            target.copy_(part)

    def __call__(self, projected: Float[Tensor, "B G"], state: State) -> State:
        """The state after the step, a plain tuple; passing this tuple to the next call saves copying it.

        Raises:
            RuntimeError: the shape of the input or of the state is not that of the example.
        """
        check_shape("projected", projected, self._input_shape)
        projected = projected.contiguous()
        check_array("projected", projected, self._kernel.program.precision, self._input_shape.numel())
        if self._position == self._steps or state is not self._states[self._position]:
            self._load_state(state)
        position, arrays = self._position, self._arrays
        for index, address, stride in self._state_addresses:
            arrays[index] = address + position * stride
        arrays[self._projected_index] = projected.data_ptr()
        self._call(ctypes.byref(self._arguments))
        self._arguments.packed = 1
        self._position = position + 1
        return self._states[self._position]
