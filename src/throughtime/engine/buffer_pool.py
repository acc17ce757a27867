"""Memory that is used again: fresh pages from the system cost more than the work done in them.

A block lives on after its tensor is gone. Whether it is, the count of references to its storage tells, so a tensor
from here is like any other to whoever holds it.
"""

import math
from threading import local

import torch
from torch import Tensor

SMALLEST = 1 << 16  # bytes; less is what malloc keeps anyway
KEPT = 1 << 8  # so many requests long an idle block is kept
_ALONE = 1  # references to a storage that only its block here has


class Pool:
    """Blocks of memory by size."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[torch.UntypedStorage]] = {}
        self._last: dict[int, int] = {}
        self._requests = 0

    def empty(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """A tensor of any numbers, as `torch.empty`."""
        size = math.prod(shape) * dtype.itemsize
        if size < SMALLEST:
            return torch.empty(shape, dtype=dtype)
        # Sequences of nearly the same length share blocks.
        unit = 1 << max(size.bit_length() - 4, 0)
        size = -(-size // unit) * unit
        self._requests += 1
        self._last[size] = self._requests
        if self._requests % KEPT == 0:
            self._forget()
        blocks = self._blocks.setdefault(size, [])
        for _ in range(len(blocks)):
            try:
                # Out of the list, so that no other thread of Python finds it idle too.
                block = blocks.pop(0)
            except IndexError:
                break
            if _references(block) > _ALONE:
                blocks.append(block)
                continue
            found = _tensor(block, shape, dtype)
            blocks.insert(0, block)
            return found
        block = torch.empty(size, dtype=torch.uint8).untyped_storage()
        found = _tensor(block, shape, dtype)
        blocks.append(block)
        return found

    def _forget(self) -> None:
        for size, last in list(self._last.items()):
            if self._requests - last >= KEPT:
                self._blocks.pop(size, None)
                self._last.pop(size, None)


memory = Pool()
"""That of the process."""


class Scratch(local):
    """One piece of memory for each thread of Python, for what no call leaves behind: it stays in the caches."""

    def __init__(self) -> None:
        self._piece = torch.empty(0, dtype=torch.uint8)

    def address(self, size: int) -> int:
        """Where so many bytes are free until the next call."""
        if len(self._piece) < size:
            with torch.inference_mode(False):
                self._piece = torch.empty(size, dtype=torch.uint8)
        return self._piece.data_ptr()


scratch = Scratch()
"""That of the thread."""


def _references(block: torch.UntypedStorage) -> int:
    return torch._C._storage_Use_Count(block._cdata)


def _tensor(block: torch.UntypedStorage, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor of its own, no view, on the block's storage."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.insert(0, step)
        step *= extent
    return torch.empty(0, dtype=dtype).set_(block, 0, shape, strides)
