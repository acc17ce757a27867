"""Buffer layout of a compiled function: shapes, offsets and sizes of all arrays that it reads and writes."""

import torch
from torch import Tensor

from throughtime.engine.compiler.codegen.pass_function import PassFunction
from throughtime.engine.compiler.runtime.array_checks import check_array
from throughtime.engine.compiler.schedule.arrays import Array

ALIGNMENT = 64  # numbers; at least a cache line


def scratch_arrays(function: PassFunction, lanes: int) -> list[tuple[str, int]]:
    """The names and sizes, in numbers, of the arrays that a function fills and reads within one call.

    These are the arrays of one step and the packed weights. The initial states are given by the caller.
    """
    return [
        (array.name, array.width * (lanes if array.layout == "lanes" else 1))
        for array in function.arrays
        if array.layout in ("lanes", "packed") and not array.name.startswith("initial")
    ]


def aligned_offsets(sizes: list[tuple[str, int]], itemsize: int) -> tuple[list[tuple[str, int]], int]:
    """Lay out arrays one after another in one block of memory.

    Args:
        sizes: the name and the size, in numbers, of each array.
        itemsize: bytes of a number.

    Returns:
        each array's offset in bytes, and the size of the block in numbers.
    """
    offsets, position = [], 0
    for name, size in sizes:
        offsets.append((name, position * itemsize))
        position += -(-size // ALIGNMENT) * ALIGNMENT
    return offsets, position


class BufferLayout:
    """The arrays of a function for T steps and B lanes.

    Args:
        function: the function.
        saved: the arrays that a forward pass saves for the backward pass alone.
        precision: the type of all numbers.
        steps, lanes: T and B.

    Attributes:
        results: the names and shapes of the arrays of all steps, each a tensor of its own.
        saved: the names and byte offsets of the saved arrays, which share one tensor.
        saved_size: the numbers of that tensor.
        scratch: the names and byte offsets of the arrays of one step and the packed weights, which share a buffer.
        scratch_size: the numbers of that buffer.
    """

    def __init__(
        self, function: PassFunction, saved: tuple[Array, ...], precision: torch.dtype, steps: int, lanes: int
    ) -> None:
        self._precision, self._steps, self._lanes = precision, steps, lanes
        shapes = {
            "steps": (steps, lanes),
            "state": (steps + 1, lanes),
            "next_state": (steps + 1, lanes),
            "grad_in": (2, lanes),
            "grad_out": (2, lanes),
        }
        saved_names = {array.name for array in saved}
        self.results = [
            (array.name, (*shapes[array.layout], array.width))
            for array in function.arrays
            if array.layout in shapes and array.name not in saved_names
        ]
        itemsize = precision.itemsize
        self.saved, self.saved_size = aligned_offsets(
            [(a.name, a.width * steps * lanes) for a in saved], itemsize
        )
        self.scratch, self.scratch_size = aligned_offsets(scratch_arrays(function, lanes), itemsize)
        internal = {name for name, _ in (*self.saved, *self.scratch, *function.accumulated)}
        rows = {
            "steps": steps * lanes,
            **dict.fromkeys(("state", "next_state"), (steps + 1) * lanes),
            **dict.fromkeys(("lanes", "grad_in", "grad_out"), lanes),
            **dict.fromkeys(("vector", "matrix"), 1),
        }
        # The size of an array, or of one of its buffers if it has several.
        self._sizes = {
            array.name: (array.width * rows[array.layout], array.layout in ("grad_in", "grad_out"))
            for array in function.arrays
            if array.name not in internal
        }

    def check(
        self, arrays: dict[str, Tensor], lengths: Tensor | None, resets: Tensor | None, buffers: int
    ) -> None:
        """Check every array whose address is about to be handed to the function.

        Args:
            arrays: the arrays by name.
            lengths, resets: the masks.
            buffers: how many buffers the gradients from step to step have.

        Raises:
            RuntimeError: an array is missing, or its type, size or order in memory is not what the C reads.
        """
        for name, (size, is_buffered) in self._sizes.items():
            if name in arrays:
                # A weight's strides are handed over with it.
                strided = name.startswith("weight") and arrays[name].dim() == 2
                expected = size * buffers if is_buffered else size
                check_array(name, arrays[name], self._precision, expected, not strided)
            elif resets is not None or not name.startswith("initial"):
                raise RuntimeError(f"expected {name}, got no such array")
        if "saved" in arrays:
            check_array("saved", arrays["saved"], self._precision, self.saved_size)
        if lengths is not None:
            check_array("lengths", lengths, torch.int64, self._lanes)
        if resets is not None:
            check_array("resets", resets, torch.bool, self._steps * self._lanes)
