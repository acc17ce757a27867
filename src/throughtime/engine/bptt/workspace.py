"""Memory that the blocks of a run write into."""

from typing import Any

import torch
from torch import Tensor

from throughtime.engine.buffer_pool import memory


class Room:
    """Memory that the blocks of a run use one after another."""

    def __init__(self) -> None:
        self._known: dict[tuple, Tensor] = {}

    def __call__(self, user: Any, like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """As `empty`, and for the same user and shape always the same memory."""
        if (user, shape) not in self._known:
            self._known[user, shape] = empty(like, *shape, dtype=dtype)
        return self._known[user, shape]


def empty(like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """Memory for any numbers, on the device of a tensor."""
    dtype = like.dtype if dtype is None else dtype
    if like.device.type == "cpu":
        return memory.empty(*shape, dtype=dtype)
    return torch.empty(shape, dtype=dtype, device=like.device)
