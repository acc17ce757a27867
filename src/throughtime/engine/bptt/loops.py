"""The three loops over time of a traced step: forward, forward saving for backward, and backward."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from throughtime.engine.bptt.blocked_loop import BlockedLoop
from throughtime.engine.bptt.partition import PartitionedStep, partition
from throughtime.engine.bptt.simplify import simplify
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.graph import extract, placeholders
from throughtime.engine.trace.trace import Trace, UntraceableError, aten_graph, with_dynamic_lanes
from throughtime.engine.trace.without_hooks import without_hooks


@dataclass(frozen=True, eq=False)
class Loops:
    """The loops of a step.

    Attributes:
        trace: of the step that they run, which is a masked one for lanes of different lengths.
        step: that step and its derivative.
        plain: (weights, projected, before) -> (after, values).
        saving: the same -> (after, values, saved for backward).
        backward: (weights, constants, projected, before, saved, gradients of values, of after) -> (gradient of before,
            of projected, x of each product, δ of each product, terms of sums).
    """

    trace: Trace
    step: PartitionedStep
    plain: BlockedLoop
    saving: BlockedLoop
    backward: BlockedLoop


def cached_loops(trace: Trace, masked: bool) -> Loops:
    """The loops of a trace, made once.

    Args:
        trace: of a step.
        masked: whether lanes have lengths, so that the step is run under a mask.

    Raises:
        UntraceableError: torch has no derivative for some operator.
    """
    found = _cached_loops(trace, masked)
    if isinstance(found, UntraceableError):
        raise found.with_traceback(None)
    return found


@lru_cache(maxsize=128)
def _cached_loops(trace: Trace, masked: bool) -> Loops | UntraceableError:
    try:
        with without_hooks():
            return _make_loops(masked_step(trace) if masked else trace)
    except UntraceableError as error:
        return error


def _make_loops(trace: Trace) -> Loops:
    step = partition(differentiate(trace), trace.lanes)
    weights, parts, lanes = len(placeholders(step.forward)) - 1 - step.parts, step.parts, step.lanes
    simplify(step.forward, placeholders(step.forward)[-parts:])
    simplify(step.backward, placeholders(step.backward)[-parts:])
    results = step.forward.graph.output_node().args[0]
    plain = extract(step.forward, placeholders(step.forward), results[: parts + step.values])
    return Loops(
        trace,
        step,
        BlockedLoop(plain, weights, parts, lanes),
        BlockedLoop(step.forward, weights, parts, lanes),
        BlockedLoop(step.backward, weights + step.constant_count, parts, lanes, reverse=True),
    )


def append_mask(projected: Float[Tensor, "T B G"], finished: Bool[Tensor, "T B"]) -> Float[Tensor, "T B _"]:
    """The projected input of a masked step: one more feature, which is 1 for a finished lane and else 0."""
    return torch.cat((projected, finished[..., None].to(projected.dtype)), -1)


@lru_cache(maxsize=64)
def masked_step(trace: Trace) -> Trace:
    """The same step, but s_t = s_{t-1} in finished lanes.

    The mask is one more feature of the projected input (`append_mask`), so that a masked step is a step as any other.
    """
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
    return replace(trace, recurrence=recurrence, masked=True)
