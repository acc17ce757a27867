"""Buffer layout of a compiled function: shapes, offsets and sizes of all arrays that it reads and writes."""

from typing import NamedTuple

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


class _Expected(NamedTuple):
    """An array that a function is given.

    Attributes:
        name: its name.
        size: its numbers, or those of one of its buffers.
        is_buffered: whether it has several buffers.
        is_weight: whether it is a weight, whose strides are given too if it is a matrix.
        is_initial: whether it is a part of the state after a reset, which is there if there are resets.
    """

    name: str
    size: int
    is_buffered: bool
    is_weight: bool
    is_initial: bool


class BufferLayout:
    """The arrays of a function for T steps and B lanes.

    Args:
        function: the function.
        saved: the arrays that a forward pass saves for the backward pass alone.
        precision: the type of all numbers.
        steps, lanes: T and B.

    Attributes:
        results: the names and shapes of the arrays of all steps, each a tensor of its own.
        saved_size: the numbers of the tensor "saved", which the saved arrays share.
        scratch_size: the numbers of the buffer that the arrays of one step and the packed weights share.
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
        in_saved, self.saved_size = aligned_offsets(
            [(a.name, a.width * steps * lanes) for a in saved], itemsize
        )
        in_scratch, self.scratch_size = aligned_offsets(scratch_arrays(function, lanes), itemsize)
        internal = {name for name, _ in (*in_saved, *in_scratch, *function.accumulated)}
        # The block of each array in the order of the function's arguments, None for a tensor of its own.
        blocks = {name: ("saved", offset) for name, offset in in_saved}
        blocks |= {name: ("scratch", offset) for name, offset in in_scratch}
        self._places = [(array.name, *blocks.get(array.name, (None, 0))) for array in function.arrays]
        rows = {
            "steps": steps * lanes,
            **dict.fromkeys(("state", "next_state"), (steps + 1) * lanes),
            **dict.fromkeys(("lanes", "grad_in", "grad_out"), lanes),
            **dict.fromkeys(("vector", "matrix"), 1),
        }
        self._expected = [
            _Expected(
                array.name,
                array.width * rows[array.layout],
                array.layout in ("grad_in", "grad_out"),
                array.name.startswith("weight"),
                array.name.startswith("initial"),
            )
            for array in function.arrays
            if array.name not in internal
        ]

    def addresses(self, arrays: dict[str, Tensor], scratch: int) -> list[int]:
        """The address of each array in the order of the function's arguments; 0 for one that is not there.

        Args:
            arrays: the arrays by name, checked.
            scratch: the address of the scratch buffer.
        """
        bases = {"scratch": scratch, "saved": arrays["saved"].data_ptr() if "saved" in arrays else 0}
        return [
            (arrays[name].data_ptr() if name in arrays else 0) if block is None else bases[block] + offset
            for name, block, offset in self._places
        ]

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
        for name, size, is_buffered, is_weight, is_initial in self._expected:
            array = arrays.get(name)
            if array is not None:
                strided = is_weight and array.dim() == 2
                expected = size * buffers if is_buffered else size
                check_array(name, array, self._precision, expected, not strided)
            elif resets is not None or not is_initial:
                raise RuntimeError(f"expected {name}, got no such array")
        if "saved" in arrays:
            check_array("saved", arrays["saved"], self._precision, self.saved_size)
        if lengths is not None:
            check_array("lengths", lengths, torch.int64, self._lanes)
        if resets is not None:
            check_array("resets", resets, torch.bool, self._steps * self._lanes)
