"""A gradient that can be taken, but not differentiated again."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

SENTENCE = (
    "the gradient of engine=bptt and engine=fused has no derivative of its own; "
    "choose engine=reference for second derivatives"
)


def differentiable_once(backward: Callable[..., tuple]) -> Callable[..., tuple]:
    """A `backward` that returns a tuple, whose parts raise a `RuntimeError` when they are differentiated."""

    @wraps(backward)
    def guarded(
        ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor
    ) -> Tensor | tuple[Tensor | None, ...]:
        with torch.no_grad():
            results = backward(ctx, *gradients)
        if not torch.is_grad_enabled():
            return results
        refuse = torch._C._functions.DelayedError(SENTENCE.encode(), len(results))
        return refuse(*(None if r is None else r.detach().requires_grad_() for r in results))

    return guarded
