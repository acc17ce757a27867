"""The three loops over time of a traced step: forward, forward saving for backward, and backward."""

from dataclasses import dataclass
from functools import lru_cache

from throughtime.engine.bptt.blocked_loop import BlockedLoop
from throughtime.engine.bptt.masked_step import masked_step
from throughtime.engine.bptt.partition import PartitionedStep, partition
from throughtime.engine.bptt.simplify import simplify
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.graph import extract, placeholders
from throughtime.engine.trace.trace import Trace, UntraceableError
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
