"""Compiled kernel of a recurrence: the C functions of a trace's passes, compiled once and called on tensors."""

import ctypes
from array import array as LongArray
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from throughtime.engine.buffer_pool import buffer_pool, scratch_buffer
from throughtime.engine.compiler.codegen.barrier import BARRIER
from throughtime.engine.compiler.codegen.bf16 import BF16
from throughtime.engine.compiler.codegen.gemm_source import (
    GEMM_DECLARATIONS,
    PARALLEL,
    STEP_GEMM,
    gemm_file,
)
from throughtime.engine.compiler.codegen.pass_function import PassFunction
from throughtime.engine.compiler.codegen.prelude import prelude
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import Program, UnknownOperatorError
from throughtime.engine.compiler.runtime.buffer_layout import BufferLayout
from throughtime.engine.compiler.runtime.threads import divide_work
from throughtime.engine.compiler.runtime.toolchain import CompilerError, find_compiler, library
from throughtime.engine.compiler.schedule.arrays import Array
from throughtime.engine.compiler.schedule.forward_backward import ForwardBackward, schedule
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import Trace, UntraceableError
from throughtime.engine.trace.without_hooks import without_hooks

NO_KERNEL = (UnknownOperatorError, CompilerError, UntraceableError)
"""The reasons why a recurrence has no kernel."""


class PassArguments(ctypes.Structure):
    """`struct pass_args` of the prelude."""

    _fields_ = (
        ("steps", ctypes.c_long),
        ("lanes", ctypes.c_long),
        ("threads", ctypes.c_long),
        ("by_columns", ctypes.c_long),
        ("buffers", ctypes.c_long),
        ("lengths", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("arrays", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("packed", ctypes.c_long),
    )


@dataclass(frozen=True, eq=False)
class CompiledKernel:
    """The compiled passes of a recurrence.

    Attributes:
        program: the step and its backward pass.
        schedules: the schedules of the passes.
        functions: the C functions by name: forward_inference, forward_training, backward.
        source: the C file.
        library: the compiled file.
        bf16: whether operands of products are rounded to bfloat16, where the processor can.
    """

    program: Program
    schedules: ForwardBackward
    functions: dict[str, PassFunction]
    source: str
    library: ctypes.CDLL
    bf16: bool

    def call(
        self,
        name: str,
        given: dict[str, Tensor],
        weights: list[Tensor],
        steps: int,
        lanes: int,
        lengths: Tensor | None,
        resets: Tensor | None,
        buffers: int = 2,
    ) -> dict[str, Tensor]:
        """Run a function on given arrays; its other arrays are allocated.

        Args:
            name: a key of `functions`.
            given: arrays by name.
            weights: the weights of the trace.
            steps, lanes: T and B.
            lengths: the true steps of each lane `[B]`, in int64, or None.
            resets: `[T, B]`, or None.
            buffers: how many buffers the gradients from step to step have: 2, or T + 1 to keep them all.

        Returns:
            the given arrays, and those of all steps; what is read by the backward pass alone is one array "saved".

        Raises:
            RuntimeError: an array is missing, or its type, size or order in memory is not what the C reads.
        """
        function, precision = self.functions[name], self.program.precision
        threads, by_columns = divide_work(function, lanes)
        layout = _buffer_layout(self, name, steps, lanes)
        arrays = dict(given)
        for array, shape in layout.results:
            if array not in arrays:
                arrays[array] = buffer_pool.empty(*shape, dtype=precision)
        for array, features in function.accumulated:
            arrays[array] = torch.zeros(threads, features, dtype=precision)
        if name == "forward_training":
            arrays["saved"] = buffer_pool.empty(layout.saved_size, dtype=precision)
        weights = [w if w.dim() == 2 and 1 not in w.shape else w.contiguous() for w in weights]
        known = arrays | {f"weight{index}": weight for index, weight in enumerate(weights)}
        layout.check(known, lengths, resets, buffers)
        scratch = scratch_buffer.address(layout.scratch_size * precision.itemsize)
        addresses = long_array(layout.addresses(known, scratch))
        strides = long_array(matrix_strides(weights))
        arguments = PassArguments(
            steps,
            lanes,
            threads,
            by_columns,
            buffers,
            None if lengths is None else lengths.data_ptr(),
            None if resets is None else resets.data_ptr(),
            addresses.buffer_info()[0],
            strides.buffer_info()[0],
        )
        getattr(self.library, name)(ctypes.byref(arguments))
        return arrays

    @cached_property
    def needed_for_gradient(self) -> frozenset[str]:
        """The arrays of a forward pass that the backward pass or the weights' gradients read."""
        read = {array.name for array in self.functions["backward"].arrays if array.layout != "lanes"}
        return frozenset(read | self._outer_operands | {"saved"})

    @cached_property
    def _outer_operands(self) -> set[str]:
        pairs = [pair for pairs in self.schedules.outer_operands for pair in pairs]
        return {operand.array.name for pair in pairs for operand in pair}

    @cached_property
    def saved(self) -> tuple[Array, ...]:
        """The arrays that the forward pass saves for the backward pass alone."""
        values = {f"value{index}" for index in range(len(self.program.values))}
        others = values | {"projected"} | self._outer_operands
        arrays = self.functions["forward_training"].arrays
        return tuple(array for array in arrays if array.layout == "steps" and array.name not in others)


@lru_cache(maxsize=1024)
def _buffer_layout(kernel: CompiledKernel, name: str, steps: int, lanes: int) -> BufferLayout:
    saved = () if name == "forward_inference" else kernel.saved
    return BufferLayout(kernel.functions[name], saved, kernel.program.precision, steps, lanes)


def long_array(values: list[int]) -> LongArray:
    """Numbers as an array of C, which must outlive the call that reads its address (`buffer_info`)."""
    return LongArray("l", values)


def matrix_strides(weights: list[Tensor]) -> list[int]:
    """The strides of all weights as the C reads them, two each; those of vectors are not read."""
    return [stride for w in weights for stride in (w.stride() if w.dim() == 2 else (0, 0))]


def compiled_kernel(trace: Trace, bf16: bool = False) -> CompiledKernel:
    """The kernel of a trace, compiled at the first call; a failure is remembered too.

    Args:
        trace: the traced step.
        bf16: whether operands of products are rounded to bfloat16, where the processor can.

    Raises:
        UnknownOperatorError: the compiler has no C for an operator or a type.
        CompilerError: there is no C compiler, or it fails.
        UntraceableError: torch has no derivative for an operator.
    """
    found = _compiled_or_error(trace, bf16)
    if isinstance(found, Exception):
        raise found.with_traceback(None)
    return found


@lru_cache(maxsize=256)
def _compiled_or_error(trace: Trace, bf16: bool) -> CompiledKernel | Exception:
    try:
        find_compiler()
        return _compile(trace, bf16)
    except NO_KERNEL as error:
        return type(error)(str(error))


def _compile(trace: Trace, bf16: bool) -> CompiledKernel:
    with without_hooks():
        derivative = differentiate(trace, decompositions())
    program = lower(derivative, trace.lanes)
    schedules = schedule(program)
    state_sizes = [width(row) for row in program.next_state]
    functions = {
        "forward_inference": PassFunction("forward_inference", schedules.inference, False, state_sizes),
        "forward_training": PassFunction("forward_training", schedules.training, False, state_sizes),
        "backward": PassFunction("backward", schedules.backward, True, state_sizes),
    }
    bf16 = bf16 and program.precision == torch.float32
    source = c_source(functions.values(), program.precision, bf16)
    compiled = library(source, linked=gemm_file(program.precision, bf16))
    return CompiledKernel(program, schedules, functions, source, compiled, bf16)


def c_source(functions: Iterable[PassFunction], precision: torch.dtype, bf16: bool = False) -> str:
    """The C file of functions, with all that they call but the matrix product, which is in `gemm_file`."""
    common = BF16 * bf16 + prelude(precision) + BARRIER + GEMM_DECLARATIONS + PARALLEL + STEP_GEMM
    return "\n".join([common, *(function.code for function in functions)])
