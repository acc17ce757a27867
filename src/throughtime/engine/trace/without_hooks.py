"""Work on a step itself, while some run of it is under way."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def aside() -> Iterator[None]:
    """With gradients, as a run without them has the same graphs; and unseen by what looks on at the run.

    `torch.utils.checkpoint` looks at every tensor that autograd keeps, and `torch.func` refuses to work under its eyes.
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
