"""A compiled recurrence: the program of a trace as C functions, and how they are called on tensors."""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from throughtime.engine.buffer_pool import buffer_pool, scratch_buffer
from throughtime.engine.compiler.codegen.barrier import MEET, most_threads
from throughtime.engine.compiler.codegen.bf16 import HALVES
from throughtime.engine.compiler.codegen.emit import Function
from throughtime.engine.compiler.codegen.gemm_source import MULTIPLY, SHARE, STEP
from throughtime.engine.compiler.codegen.prelude import prelude
from throughtime.engine.compiler.ir.expression import width
from throughtime.engine.compiler.ir.lowering import lower
from throughtime.engine.compiler.ir.operators import decompositions
from throughtime.engine.compiler.ir.program import Program, UnknownOperatorError
from throughtime.engine.compiler.runtime.buffers import Arrays
from throughtime.engine.compiler.runtime.toolchain import compiler, library
from throughtime.engine.compiler.schedule.arrays import Array
from throughtime.engine.compiler.schedule.passes import Passes, passes
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.trace import Trace
from throughtime.engine.trace.without_hooks import without_hooks

FEW, MANY = 8, 64  # lanes a thread
LARGE, HUGE = (
    1 << 16,
    1 << 21,
)  # numbers of a weight: more than a first-level cache has, than a core's own caches have


class Run(ctypes.Structure):
    """`struct run` of the prelude."""

    _fields_ = (
        ("steps", ctypes.c_long),
        ("lanes", ctypes.c_long),
        ("threads", ctypes.c_long),
        ("shared", ctypes.c_long),
        ("sides", ctypes.c_long),
        ("lengths", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("arrays", ctypes.POINTER(ctypes.c_void_p)),
        ("strides", ctypes.POINTER(ctypes.c_long)),
        ("packed", ctypes.c_long),
    )


@dataclass(frozen=True, eq=False)
class Compiled:
    """The functions of a recurrence.

    Attributes:
        program: what they compute.
        passes: the passes through time that they are.
        functions: by name: plain, keeping, backward.
        source: their C.
        library: their C, compiled.
        halves: whether products are done in bfloat16, where the processor can.
    """

    program: Program
    passes: Passes
    functions: dict[str, Function]
    source: str
    library: ctypes.CDLL
    halves: bool

    def call(
        self,
        name: str,
        given: dict[str, Tensor],
        weights: list[Tensor],
        steps: int,
        lanes: int,
        lengths: Tensor | None,
        resets: Tensor | None,
        sides: int = 2,
    ) -> dict[str, Tensor]:
        """Run a function on the arrays given; the others are made, and those of all steps are returned by name.

        The gradients that go from step to step have so many sides: 2, or T + 1 where all are wanted.
        What only the backward pass reads goes by the one name "kept".

        Raises:
            RuntimeError: an array is missing, or has not the numbers that the C takes it to have.
        """
        function, precision = self.functions[name], self.program.precision
        threads, shared = shares(function, lanes)
        arrays = _arrays(self, name, steps, lanes)
        found = dict(given)
        for array, shape in arrays.made:
            if array not in found:
                found[array] = buffer_pool.empty(*shape, dtype=precision)
        for array, features in function.sums:
            found[array] = torch.zeros(threads, features, dtype=precision)
        if name == "keeping":
            found["kept"] = buffer_pool.empty(arrays.kept_size, dtype=precision)
        weights = [w if w.dim() == 2 and 1 not in w.shape else w.contiguous() for w in weights]
        found_weights = {f"weight{index}": weight for index, weight in enumerate(weights)}
        arrays.check(found | found_weights, lengths, resets, sides)
        addresses = {array: tensor.data_ptr() for array, tensor in found.items()}
        begins = scratch_buffer.address(arrays.scratch_size * precision.itemsize), addresses.get("kept", 0)
        for begin, offsets in zip(begins, (arrays.scratch, arrays.kept), strict=True):
            addresses.update({array: begin + offset for array, offset in offsets})
        addresses.update({weight: tensor.data_ptr() for weight, tensor in found_weights.items()})
        strides = [stride for w in weights for stride in (w.stride() if w.dim() == 2 else (0, 0))]
        run = Run(
            steps,
            lanes,
            threads,
            shared,
            sides,
            None if lengths is None else lengths.data_ptr(),
            None if resets is None else resets.data_ptr(),
            (ctypes.c_void_p * len(function.arrays))(*(addresses.get(a.name) for a in function.arrays)),
            (ctypes.c_long * len(strides))(*strides),
        )
        getattr(self.library, name)(ctypes.byref(run))
        return found

    @cached_property
    def saved(self) -> frozenset[str]:
        """The arrays of a forward pass that a backward pass and the weights' gradients need."""
        read = {array.name for array in self.functions["backward"].arrays if array.rows != "lanes"}
        return frozenset(read | self._factors | {"kept"})

    @cached_property
    def _factors(self) -> set[str]:
        return {place.array.name for pairs in self.passes.factors for pair in pairs for place in pair}

    @cached_property
    def kept(self) -> tuple[Array, ...]:
        """What the forward pass makes for the backward pass alone."""
        shown = {f"value{index}" for index in range(len(self.program.values))} | {"projected"} | self._factors
        arrays = self.functions["keeping"].arrays
        return tuple(array for array in arrays if array.rows == "steps" and array.name not in shown)


@lru_cache(maxsize=1024)
def _arrays(kernel: Compiled, name: str, steps: int, lanes: int) -> Arrays:
    kept = () if name == "plain" else kernel.kept
    return Arrays(kernel.functions[name], kept, kernel.program.precision, steps, lanes)


def shares(function: Function, lanes: int) -> tuple[int, bool]:
    """How many threads there are, and whether they share each product by its columns rather than by lanes.

    Lanes need no meetings; but each thread reads all of the weights for its few lanes.
    """
    threads = most_threads()
    largest = max((a.width for a in function.arrays if a.rows == "matrix"), default=0)
    few = MANY if largest >= HUGE else FEW
    shared = threads > 1 and lanes <= few * threads and largest >= LARGE
    return (threads if shared else min(threads, max(1, lanes))), shared


def compiled(trace: Trace, halves: bool = False) -> Compiled:
    """The compiled recurrence of a trace, with `halves` its products in bfloat16.

    Raises:
        UnknownOperatorError: the compiler has no C for something in it.
        CompilerError: there is no C compiler, or it fails.
        UntraceableError: torch has no derivative for an operator.
    """
    found = _compiled(trace, halves)
    if isinstance(found, UnknownOperatorError):
        raise found.with_traceback(None)
    return found


@lru_cache(maxsize=64)
def _compiled(trace: Trace, halves: bool) -> Compiled | UnknownOperatorError:
    compiler()
    try:
        return _compile(trace, halves)
    except UnknownOperatorError as error:
        return error


def _compile(trace: Trace, halves: bool) -> Compiled:
    with without_hooks():
        derivative = differentiate(trace, decompositions())
    program = lower(derivative, trace.lanes)
    found = passes(program)
    parts = [width(row) for row in program.after]
    functions = {
        "plain": Function("plain", found.plain, False, parts),
        "keeping": Function("keeping", found.keeping, False, parts),
        "backward": Function("backward", found.backward, True, parts),
    }
    halves = halves and program.precision == torch.float32
    source = file_of(functions.values(), program.precision, halves)
    return Compiled(program, found, functions, source, library(source), halves)


def file_of(functions: Iterable[Function], precision: torch.dtype, halves: bool = False) -> str:
    """The C of functions with all that it calls."""
    head = HALVES * halves + prelude(precision) + MEET + MULTIPLY + SHARE + STEP
    return "\n".join([head, *(function.code for function in functions)])
