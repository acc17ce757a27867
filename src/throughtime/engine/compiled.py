"""A compiled recurrence: the program of a trace as C functions, and how they are called on tensors."""

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from throughtime.engine.compiler import library
from throughtime.engine.derivative import differentiate
from throughtime.engine.emit import Function
from throughtime.engine.expression import width
from throughtime.engine.lower import lower
from throughtime.engine.memory import Array
from throughtime.engine.operators import decompositions
from throughtime.engine.panels import MULTIPLY, SHARE, STEP
from throughtime.engine.passes import Passes, passes
from throughtime.engine.pool import memory
from throughtime.engine.prelude import prelude
from throughtime.engine.program import Program
from throughtime.engine.team import MEET, most_threads
from throughtime.engine.trace import Trace

FEW = 8  # lanes a thread
LARGE = 1 << 16  # numbers of a weight


class _Run(ctypes.Structure):
    """`struct run` of the prelude."""

    _fields_ = (
        ("steps", ctypes.c_long),
        ("lanes", ctypes.c_long),
        ("threads", ctypes.c_long),
        ("shared", ctypes.c_long),
        ("lengths", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("arrays", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
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
    """

    program: Program
    passes: Passes
    functions: dict[str, Function]
    source: str
    library: ctypes.CDLL

    def call(
        self,
        name: str,
        given: dict[str, Tensor],
        weights: list[Tensor],
        steps: int,
        lanes: int,
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> dict[str, Tensor]:
        """Run a function on the arrays given; the others are made, and all but the weights are returned by name."""
        function = self.functions[name]
        threads, shared = self._shares(function, lanes)
        found = dict(given)
        read = {f"weight{i}": w if w.dim() == 2 else w.contiguous() for i, w in enumerate(weights)}
        for array in function.arrays:
            if array.name not in found and array.name not in read:
                found[array.name] = self._new(array, steps, lanes, threads)
        read.update(found)
        addresses = (ctypes.c_void_p * len(function.arrays))(
            *(read[a.name].data_ptr() for a in function.arrays)
        )
        numbers = [stride for w in weights for stride in (w.stride() if w.dim() == 2 else (0, 0))]
        strides = (ctypes.c_long * len(numbers))(*numbers)
        run = _Run(
            steps,
            lanes,
            threads,
            shared,
            None if lengths is None else lengths.data_ptr(),
            None if resets is None else resets.data_ptr(),
            ctypes.addressof(addresses),
            ctypes.addressof(strides),
        )
        getattr(self.library, name)(ctypes.byref(run))
        return found

    def _shares(self, function: Function, lanes: int) -> tuple[int, bool]:
        """How many threads there are, and whether they share each product by its columns rather than by lanes.

        Lanes need no meetings; but each thread reads all of the weights for its few lanes.
        """
        threads = most_threads()
        largest = max((a.width for a in function.arrays if a.rows == "matrix"), default=0)
        shared = threads > 1 and lanes < FEW * threads and largest >= LARGE
        return (threads if shared else min(threads, max(1, lanes))), shared

    def _new(self, array: Array, steps: int, lanes: int, threads: int) -> Tensor:
        shapes = {
            "steps": (steps, lanes),
            "before": (steps + 1, lanes),
            "after": (steps + 1, lanes),
            "lanes": (lanes,),
            "coming": (2, lanes),
            "going": (2, lanes),
        }
        if array.rows == "panels":
            return memory.empty(array.width, dtype=self.program.precision)
        if array.rows == "sum":
            return torch.zeros(threads, array.width, dtype=self.program.precision)
        return memory.empty(*shapes[array.rows], array.width, dtype=self.program.precision)


@lru_cache(maxsize=64)
def compiled(trace: Trace) -> Compiled:
    """The compiled recurrence of a trace.

    Raises:
        UnknownOperatorError: the compiler has no C for something in it.
        CompilerError: there is no C compiler, or it fails.
        UntraceableError: torch has no derivative for an operator.
    """
    derivative = differentiate(trace, decompositions())
    program = lower(derivative, trace.lanes)
    found = passes(program)
    parts = [width(row) for row in program.after]
    functions = {
        "plain": Function("plain", found.plain, False, parts),
        "keeping": Function("keeping", found.keeping, False, parts),
        "backward": Function("backward", found.backward, True, parts),
    }
    head = prelude(program.precision) + MEET + MULTIPLY + SHARE + STEP
    source = "\n".join([head, *(f.code for f in functions.values())])
    return Compiled(program, found, functions, source, library(source))
