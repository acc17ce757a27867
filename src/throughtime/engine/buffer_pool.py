"""Buffer pool: reuse freed tensors' memory by size, to avoid the page faults of fresh memory.

A fresh page costs more than the work done in it. A block lives on after its tensor is gone; the count of references to
its storage tells whether it is, so a tensor from the pool is like any other to whoever holds it.
"""

import math
from threading import local

import torch
from torch import Tensor

SMALLEST = 1 << 16  # bytes; malloc keeps smaller blocks anyway
IDLE_REQUESTS = 1 << 8  # blocks of a size that so many requests have not asked for are freed
_ONLY_REFERENCE = 1  # references to a storage that nobody but the pool holds


class BufferPool:
    """Blocks of memory by size, handed out as tensors."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[torch.UntypedStorage]] = {}
        self._last_request: dict[int, int] = {}
        self._requests = 0

    def empty(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """An uninitialised tensor on the CPU, as `torch.empty`."""
        size = math.prod(shape) * dtype.itemsize
        if size < SMALLEST:
            return torch.empty(shape, dtype=dtype)
        # Sequences of nearly the same length share blocks.
        unit = 1 << max(size.bit_length() - 4, 0)
        size = -(-size // unit) * unit
        self._requests += 1
        self._last_request[size] = self._requests
        if self._requests % IDLE_REQUESTS == 0:
            self._free_idle()
        blocks = self._blocks.setdefault(size, [])
        for _ in range(len(blocks)):
            try:
                # Out of the list, so that no other thread of Python finds it idle too.
                block = blocks.pop(0)
            except IndexError:
                break
            if _reference_count(block) > _ONLY_REFERENCE:
                blocks.append(block)
                continue
            tensor = _tensor(block, shape, dtype)
            blocks.insert(0, block)
            return tensor
        block = torch.empty(size, dtype=torch.uint8).untyped_storage()
        tensor = _tensor(block, shape, dtype)
        blocks.append(block)
        return tensor

    def _free_idle(self) -> None:
        for size, last in list(self._last_request.items()):
            if self._requests - last >= IDLE_REQUESTS:
                self._blocks.pop(size, None)
                self._last_request.pop(size, None)


buffer_pool = BufferPool()
"""The pool of the process."""


class ScratchBuffer(local):
    """One buffer for each thread of Python, for data that no call leaves behind: it stays in the caches."""

    def __init__(self) -> None:
        self._buffer = torch.empty(0, dtype=torch.uint8)

    def address(self, size: int) -> int:
        """The address of `size` bytes that are free until the next call."""
        if len(self._buffer) < size:
            with torch.inference_mode(False):
                self._buffer = torch.empty(size, dtype=torch.uint8)
        return self._buffer.data_ptr()


scratch_buffer = ScratchBuffer()
"""The scratch buffer of the calling thread."""


def _reference_count(block: torch.UntypedStorage) -> int:
    return torch._C._storage_Use_Count(block._cdata)


def _tensor(block: torch.UntypedStorage, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A contiguous tensor on the block's storage that is no view of another tensor."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.insert(0, step)
        step *= extent
    return torch.empty(0, dtype=dtype).set_(block, 0, shape, strides)
