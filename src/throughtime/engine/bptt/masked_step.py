"""A step that leaves some lanes as they are: those whose sequence is over."""

from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.engine.trace.graph import placeholders
from throughtime.engine.trace.trace import Trace, free_lanes, operators_of


def with_rests(projected: Float[Tensor, "T B G"], rests: Bool[Tensor, "T B"]) -> Float[Tensor, "T B _"]:
    """What the step of `resting` takes: `projected`, and one number more that is 1 where a lane rests."""
    return torch.cat((projected, rests[..., None].to(projected.dtype)), -1)


@lru_cache(maxsize=64)
def resting(trace: Trace) -> Trace:
    """The same step, but s_t = s_{t-1} in lanes that rest; its projected input is that of `with_rests`."""
    inputs = [node.meta["val"] for node in placeholders(trace.recurrence)]
    parts = len(trace.recurrence.graph.output_node().args[0]) - trace.values
    count = len(inputs) - parts - 1
    examples = [torch.zeros(value.shape, dtype=value.dtype, device=value.device) for value in inputs]
    wide = examples[count]
    examples[count] = torch.cat((wide, wide[:, :1]), 1)

    def step(*arguments: Tensor) -> tuple[Tensor, ...]:
        weights, projected, before = arguments[:count], arguments[count], arguments[count + 1 :]
        rests = projected[:, -1:] > 0
        results = trace.recurrence(*weights, projected[:, :-1], *before)
        after = zip(before, results[trace.values :], strict=True)
        return *results[: trace.values], *(torch.where(rests, old, new) for old, new in after)

    recurrence = free_lanes(operators_of(step, examples), count, trace.lanes)
    return Trace(trace.weights, recurrence, trace.readout, trace.values, trace.lanes)
