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
from throughtime.engine.memory import Array, panels_of
from throughtime.engine.operators import decompositions
from throughtime.engine.passes import Passes, passes
from throughtime.engine.pool import memory
from throughtime.engine.prelude import prelude
from throughtime.engine.product import MULTIPLY, pack, threads_for
from throughtime.engine.program import Program
from throughtime.engine.trace import Trace


class _Run(ctypes.Structure):
    """`struct run` of the prelude."""

    _fields_ = (
        ("steps", ctypes.c_long),
        ("lanes", ctypes.c_long),
        ("threads", ctypes.c_long),
        ("lengths", ctypes.c_void_p),
        ("resets", ctypes.c_void_p),
        ("arrays", ctypes.c_void_p),
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
        threads = threads_for(lanes)
        found = dict(given)
        for array in function.arrays:
            if array.name not in found and array.rows not in ("vector", "panels"):
                found[array.name] = self._new(array, steps, lanes, threads)
        read = found | self._weights(function, weights)
        addresses = (ctypes.c_void_p * len(function.arrays))(
            *(read[a.name].data_ptr() for a in function.arrays)
        )
        run = _Run(
            steps,
            lanes,
            threads,
            None if lengths is None else lengths.data_ptr(),
            None if resets is None else resets.data_ptr(),
            ctypes.addressof(addresses),
        )
        getattr(self.library, name)(ctypes.byref(run))
        return found

    def _weights(self, function: Function, weights: list[Tensor]) -> dict[str, Tensor]:
        """The vectors as they are, the matrices as panels."""
        found = {
            f"weight{index}": weight.contiguous() for index, weight in enumerate(weights) if weight.dim() < 2
        }
        names = {array.name for array in function.arrays}
        for product in self.program.products:
            name = panels_of(product).name
            if name in names and name not in found:
                weight = weights[product.weight]
                found[name] = pack(weight.t() if product.transposed else weight)
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
    source = prelude(program.precision) + MULTIPLY + "\n".join(["", *(f.code for f in functions.values())])
    return Compiled(program, found, functions, source, library(source))
