"""The arrays of a compiled function: those that are made for it, and how large those are that it is handed."""

import torch
from torch import Tensor

from throughtime.engine.array_checks import check_array
from throughtime.engine.compiler.codegen.emit import Function
from throughtime.engine.compiler.schedule.arrays import Array

ALIGNED = 64  # numbers, at least a line of any cache


class Arrays:
    """The arrays of a function for a number of steps and lanes.

    Args:
        function: the function.
        kept: what the forward pass makes for the backward pass alone.
        precision: of all numbers.
        steps, lanes: T and B.

    Attributes:
        made: arrays of all steps, by name and shape.
        kept: those that only the backward pass reads: names and places in bytes in one piece of memory.
        scratch: arrays of one step, and packed weights, in another.
        kept_size, scratch_size: how many numbers the two pieces have.
    """

    def __init__(
        self, function: Function, kept: tuple[Array, ...], precision: torch.dtype, steps: int, lanes: int
    ) -> None:
        self._precision, self._steps, self._lanes = precision, steps, lanes
        shapes = {
            "steps": (steps, lanes),
            "before": (steps + 1, lanes),
            "after": (steps + 1, lanes),
            "coming": (2, lanes),
            "going": (2, lanes),
        }
        hidden = {array.name for array in kept}
        self.made = [
            (array.name, (*shapes[array.rows], array.width))
            for array in function.arrays
            if array.rows in shapes and array.name not in hidden
        ]
        # Without resets nothing reads their state.
        short = [
            a for a in function.arrays if a.rows in ("lanes", "panels") and not a.name.startswith("start")
        ]
        size = precision.itemsize
        self.kept, self.kept_size = side_by_side([(a.name, a.width * steps * lanes) for a in kept], size)
        self.scratch, self.scratch_size = side_by_side(
            [(a.name, a.width * (lanes if a.rows == "lanes" else 1)) for a in short], size
        )
        placed = {name for name, _ in (*self.kept, *self.scratch, *function.sums)}
        rows = {
            "steps": steps * lanes,
            **dict.fromkeys(("before", "after"), (steps + 1) * lanes),
            **dict.fromkeys(("lanes", "coming", "going"), lanes),
            **dict.fromkeys(("vector", "matrix"), 1),
        }
        # Of a gradient that goes from step to step: the numbers of one of its sides.
        self._sizes = {
            array.name: (array.width * rows[array.rows], array.rows in ("coming", "going"))
            for array in function.arrays
            if array.name not in placed
        }

    def check(
        self, found: dict[str, Tensor], lengths: Tensor | None, resets: Tensor | None, sides: int
    ) -> None:
        """Check every array whose address a call is about to hand over.

        Raises:
            RuntimeError: one is missing, or has not the numbers that the C takes it to have.
        """
        for name, (size, sided) in self._sizes.items():
            if name in found:
                # A weight's strides are handed over with it.
                strided = name.startswith("weight") and found[name].dim() == 2
                check_array(name, found[name], self._precision, size * sides if sided else size, not strided)
            elif resets is not None or not name.startswith("start"):
                raise RuntimeError(f"expected {name}, got no such array")
        if "kept" in found:
            check_array("kept", found["kept"], self._precision, self.kept_size)
        if lengths is not None:
            check_array("lengths", lengths, torch.int64, self._lanes)
        if resets is not None:
            check_array("resets", resets, torch.bool, self._steps * self._lanes)


def side_by_side(counts: list[tuple[str, int]], size: int) -> tuple[list[tuple[str, int]], int]:
    """Where arrays of so many numbers begin in one piece of memory, in bytes, and how many numbers it has."""
    places, position = [], 0
    for name, count in counts:
        places.append((name, position * size))
        position += -(-count // ALIGNED) * ALIGNED
    return places, position
