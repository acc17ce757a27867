"""A compiled recurrence: the program of a trace as C functions, and how they are called on tensors."""

import ctypes
import os
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from throughtime.engine.blas import gemm
from throughtime.engine.compiler import library
from throughtime.engine.derivative import differentiate
from throughtime.engine.emit import Function
from throughtime.engine.expression import width
from throughtime.engine.lower import lower
from throughtime.engine.memory import Array
from throughtime.engine.operators import decompositions
from throughtime.engine.passes import Passes, passes
from throughtime.engine.prelude import prelude
from throughtime.engine.program import Program
from throughtime.engine.trace import Trace

_forked = False


def _after_fork() -> None:
    # The threads of a parent that has used OpenMP are not there in its child.
    global _forked
    _forked = True


os.register_at_fork(after_in_child=_after_fork)


class _Run(ctypes.Structure):
    """`struct run` of the prelude."""

    _fields_ = (
        ("steps", ctypes.c_long),
        ("lanes", ctypes.c_long),
        ("threads", ctypes.c_long),
        ("lengths", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("arrays", ctypes.c_void_p),
        ("transposed", ctypes.c_void_p),
        ("gemm", ctypes.c_void_p),
    )


@dataclass(frozen=True, eq=False)
class Compiled:
    """The functions of a recurrence.

    Attributes:
        program: what they compute.
        passes: the passes through time that they are.
        functions: by name: plain, keeping, backward.
        source: their C.
    """

    program: Program
    passes: Passes
    functions: dict[str, Function]
    source: str
    precision: torch.dtype

    def call(
        self,
        name: str,
        given: dict[str, Tensor],
        steps: int,
        lanes: int,
        lengths: Tensor | None,
        resets: Tensor | None,
    ) -> dict[str, Tensor]:
        """Run a function on the arrays given; the others are made, and all are returned by name.

        A weight that is a matrix may be given as a transposed view.
        """
        function = self.functions[name]
        threads = 1 if _forked else max(1, min(torch.get_num_threads(), lanes))
        found = dict(given)
        for array in function.arrays:
            if array.name not in found:
                found[array.name] = self._new(array, steps, lanes, threads)
        addresses = (ctypes.c_void_p * len(function.arrays))(
            *(found[a.name].data_ptr() for a in function.arrays)
        )
        count = len(self.program.weight_gradients)
        weights = [found.get(f"weight{index}") for index in range(count)]
        flags = (ctypes.c_long * max(count, 1))(*(w is not None and not w.is_contiguous() for w in weights))
        run = _Run(
            steps,
            lanes,
            threads,
            None if lengths is None else lengths.data_ptr(),
            None if resets is None else resets.data_ptr(),
            ctypes.addressof(addresses),
            ctypes.addressof(flags),
            gemm(self.precision),
        )
        getattr(library(self.source), name)(ctypes.byref(run))
        return found

    def _new(self, array: Array, steps: int, lanes: int, threads: int) -> Tensor:
        shapes = {
            "steps": (steps, lanes),
            "before": (steps + 1, lanes),
            "after": (steps + 1, lanes),
            "lanes": (lanes,),
            "coming": (2, lanes),
            "going": (2, lanes),
        }
        if array.rows == "sum":
            return torch.zeros(threads, array.width, dtype=self.precision)
        return torch.empty(*shapes[array.rows], array.width, dtype=self.precision)


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
    precision = derivative.projected.meta["val"].dtype
    source = prelude(precision == torch.float32) + "\n".join(["", *(f.code for f in functions.values())])
    library(source)
    return Compiled(program, found, functions, source, precision)
