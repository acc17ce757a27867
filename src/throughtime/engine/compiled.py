"""A compiled recurrence: the program of a trace as C functions, and how they are called on tensors."""

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from throughtime.engine.aside import aside
from throughtime.engine.compiler import compiler, library
from throughtime.engine.derivative import differentiate
from throughtime.engine.emit import Function
from throughtime.engine.expression import width
from throughtime.engine.factors import HALVES
from throughtime.engine.handover import check_array
from throughtime.engine.lower import lower
from throughtime.engine.memory import Array
from throughtime.engine.operators import decompositions
from throughtime.engine.panels import MULTIPLY, SHARE, STEP
from throughtime.engine.passes import Passes, passes
from throughtime.engine.pool import memory, scratch
from throughtime.engine.prelude import prelude
from throughtime.engine.program import Program, UnknownOperatorError
from throughtime.engine.team import MEET, most_threads
from throughtime.engine.trace import Trace

FEW, MANY = 8, 64  # lanes a thread
LARGE, HUGE = (
    1 << 16,
    1 << 21,
)  # numbers of a weight: more than a first-level cache has, than a core's own caches have
ALIGNED = 64  # numbers, at least a line of any cache


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


@dataclass(frozen=True)
class _Memory:
    """The arrays of a function that are made for it.

    Attributes:
        made: arrays of all steps, by name and shape.
        kept: those that only the backward pass reads: names and places in bytes in one piece of memory.
        scratch: arrays of one step, and packed weights, in another.
        kept_size, scratch_size: how many numbers the two pieces have.
        sizes: how many numbers each array has that is handed over by itself, and whether they are those of one of
            the sides of a gradient that goes from step to step.
    """

    made: list[tuple[str, tuple[int, ...]]]
    kept: list[tuple[str, int]]
    scratch: list[tuple[str, int]]
    kept_size: int
    scratch_size: int
    sizes: dict[str, tuple[int, bool]]


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
        arrays = _memory(self, name, steps, lanes)
        found = dict(given)
        for array, shape in arrays.made:
            if array not in found:
                found[array] = memory.empty(*shape, dtype=precision)
        for array, features in function.sums:
            found[array] = torch.zeros(threads, features, dtype=precision)
        if name == "keeping":
            found["kept"] = memory.empty(arrays.kept_size, dtype=precision)
        weights = [w if w.dim() == 2 and 1 not in w.shape else w.contiguous() for w in weights]
        found_weights = {f"weight{index}": weight for index, weight in enumerate(weights)}
        self._check(function, arrays, found | found_weights, lengths, resets, steps, lanes, sides)
        addresses = {array: tensor.data_ptr() for array, tensor in found.items()}
        begins = scratch.address(arrays.scratch_size * precision.itemsize), addresses.get("kept", 0)
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

    def _check(
        self,
        function: Function,
        arrays: _Memory,
        found: dict[str, Tensor],
        lengths: Tensor | None,
        resets: Tensor | None,
        steps: int,
        lanes: int,
        sides: int,
    ) -> None:
        """Every array whose address a call is about to hand over."""
        precision = self.program.precision
        for name, (size, sided) in arrays.sizes.items():
            if name in found:
                # A weight's strides are handed over with it.
                strided = name.startswith("weight") and found[name].dim() == 2
                check_array(name, found[name], precision, size * sides if sided else size, not strided)
            elif resets is not None or not name.startswith("start"):
                raise RuntimeError(f"expected {name}, which {function.name} reads, got no such array")
        if "kept" in found:
            check_array("kept", found["kept"], precision, arrays.kept_size)
        if lengths is not None:
            check_array("lengths", lengths, torch.int64, lanes)
        if resets is not None:
            check_array("resets", resets, torch.bool, steps * lanes)

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
def _memory(kernel: Compiled, name: str, steps: int, lanes: int) -> _Memory:
    shapes = {
        "steps": (steps, lanes),
        "before": (steps + 1, lanes),
        "after": (steps + 1, lanes),
        "coming": (2, lanes),
        "going": (2, lanes),
    }
    function, kept = kernel.functions[name], () if name == "plain" else kernel.kept
    hidden = {array.name for array in kept}
    made = [
        (array.name, (*shapes[array.rows], array.width))
        for array in function.arrays
        if array.rows in shapes and array.name not in hidden
    ]
    # Without resets nothing reads their state.
    short = [a for a in function.arrays if a.rows in ("lanes", "panels") and not a.name.startswith("start")]
    size = kernel.program.precision.itemsize
    places, kept_size = side_by_side([(a.name, a.width * steps * lanes) for a in kept], size)
    scratch, scratch_size = side_by_side(
        [(a.name, a.width * (lanes if a.rows == "lanes" else 1)) for a in short], size
    )
    placed = {name for name, _ in (*places, *scratch)} | {name for name, _ in function.sums}
    rows = {
        "steps": steps * lanes,
        **dict.fromkeys(("before", "after"), (steps + 1) * lanes),
        **dict.fromkeys(("lanes", "coming", "going"), lanes),
        **dict.fromkeys(("vector", "matrix"), 1),
    }
    sizes = {
        array.name: (array.width * rows[array.rows], array.rows in ("coming", "going"))
        for array in function.arrays
        if array.name not in placed
    }
    return _Memory(made, places, scratch, kept_size, scratch_size, sizes)


def side_by_side(counts: list[tuple[str, int]], size: int) -> tuple[list[tuple[str, int]], int]:
    """Where arrays of so many numbers begin in one piece of memory, in bytes, and how many numbers it has."""
    places, position = [], 0
    for name, count in counts:
        places.append((name, position * size))
        position += -(-count // ALIGNED) * ALIGNED
    return places, position


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
    with aside():
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
