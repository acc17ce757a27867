"""Workspace of a run: memory that its blocks of steps use one after another."""

from typing import Any

import torch
from torch import Tensor

from throughtime.engine.buffer_pool import buffer_pool


class Workspace:
    """Tensors by name and shape, made at the first request and handed out again at every later one."""

    def __init__(self) -> None:
        self._tensors: dict[tuple, Tensor] = {}

    def __call__(self, name: Any, like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """As `empty_like`; for one name and shape always the same memory."""
        if (name, shape) not in self._tensors:
            self._tensors[name, shape] = empty_like(like, *shape, dtype=dtype)
        return self._tensors[name, shape]


def empty_like(like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """An uninitialised tensor on the device of another, and of its type unless one is named."""
    dtype = like.dtype if dtype is None else dtype
    if like.device.type == "cpu":
        return buffer_pool.empty(*shape, dtype=dtype)
    return torch.empty(shape, dtype=dtype, device=like.device)
