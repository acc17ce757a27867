"""A step under a length mask: finished lanes keep their state.

The mask is one more feature of the projected input, so that a masked step is a step as any other.
"""

from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.engine.trace.graph import placeholders
from throughtime.engine.trace.trace import Trace, aten_graph, with_dynamic_lanes


def append_mask(projected: Float[Tensor, "T B G"], finished: Bool[Tensor, "T B"]) -> Float[Tensor, "T B _"]:
    """The projected input of a masked step: one more feature, which is 1 for a finished lane and else 0."""
    return torch.cat((projected, finished[..., None].to(projected.dtype)), -1)


@lru_cache(maxsize=64)
def masked_step(trace: Trace) -> Trace:
    """The same step, but s_t = s_{t-1} in finished lanes; its projected input is that of `append_mask`."""
    inputs = [node.meta["val"] for node in placeholders(trace.recurrence)]
    parts = len(trace.recurrence.graph.output_node().args[0]) - trace.values
    count = len(inputs) - parts - 1
    examples = [torch.zeros(value.shape, dtype=value.dtype, device=value.device) for value in inputs]
    projected = examples[count]
    examples[count] = torch.cat((projected, projected[:, :1]), 1)

    def step(*arguments: Tensor) -> tuple[Tensor, ...]:
        weights, projected, before = arguments[:count], arguments[count], arguments[count + 1 :]
        finished = projected[:, -1:] > 0
        results = trace.recurrence(*weights, projected[:, :-1], *before)
        after = zip(before, results[trace.values :], strict=True)
        return *results[: trace.values], *(torch.where(finished, old, new) for old, new in after)

    recurrence = with_dynamic_lanes(aten_graph(step, examples), count, trace.lanes)
    return Trace(trace.weights, recurrence, trace.readout, trace.values, trace.lanes)
