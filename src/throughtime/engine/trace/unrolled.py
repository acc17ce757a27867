"""The unrolled recurrence of a trace: all steps as one graph of torch's operators, differentiable by autograd.

It computes the same as the loops of `engine=bptt` and `engine=fused`, and has derivatives of any order.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.engine.trace.trace import Trace
from throughtime.tree import select


def unrolled(
    trace: Trace,
    resets: Bool[Tensor, "T B"] | None,
    weights: int,
    projected: Float[Tensor, "T B G"],
    *tensors: Tensor,
) -> tuple[Tensor, ...]:
    """Run the recurrence: (projected, weights, state before, state of a reset) -> (values of all steps, state after).

    Args:
        trace: of the step.
        resets: the steps before which a lane's state is replaced.
        weights: the number of weights among the tensors.
        projected: x_t of all steps.
        tensors: the weights, the parts of the state before, and with resets those of the state of a reset.
    """
    own, states = tensors[:weights], tensors[weights:]
    parts = len(states) if resets is None else len(states) // 2
    state, start = states[:parts], states[parts:]
    values = []
    # The graph holds every change of precision that autocast asked for.
    with torch.autocast(projected.device.type, enabled=False):
        for t, x in enumerate(projected):
            if resets is not None:
                state = select(resets[t], start, state)
            results = trace.recurrence(*own, x, *(part.contiguous() for part in state))
            values.append(results[: trace.values])
            state = tuple(results[trace.values :])
    return *(torch.stack(rows) for rows in zip(*values, strict=True)), *state
