"""Tracing without hooks: a context in which a step can be traced while a run of it is under way."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def without_hooks() -> Iterator[None]:
    """Enable gradients and disable the hooks on saved tensors inside the block.

    A run without gradients has the same graphs as one with them. `torch.utils.checkpoint` hooks every tensor that
    autograd saves, and `torch.func` refuses to work under such hooks.
    """
    autograd = torch._C._autograd
    hooks = []
    while (top := autograd._top_saved_tensors_default_hooks(True)) is not None:
        hooks.append(top)
        autograd._pop_saved_tensors_default_hooks()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for pack, unpack in reversed(hooks):
            autograd._push_saved_tensors_default_hooks(pack, unpack)
