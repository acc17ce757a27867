"""The loops over time of a step: forward without keeping anything, forward for a gradient, and backward."""

from dataclasses import dataclass
from functools import lru_cache

from throughtime.engine.bptt.blocked_loop import Traversal
from throughtime.engine.bptt.partition import Split, split
from throughtime.engine.bptt.simplify import fold
from throughtime.engine.trace.derivative import differentiate
from throughtime.engine.trace.graph import extract, placeholders
from throughtime.engine.trace.trace import Trace


@dataclass(frozen=True, eq=False)
class Loops:
    """The loops of a step.

    Attributes:
        split: the step and its derivative.
        plain: (weights, projected, before) -> (after, values).
        keeping: the same -> (after, values, kept).
        back: (weights, constants, projected, before, kept, gradients of values, of after) -> (gradient of before, of
            projected, x of each product, δ of each product, terms of sums).
    """

    split: Split
    plain: Traversal
    keeping: Traversal
    back: Traversal


@lru_cache(maxsize=64)
def loops_of(trace: Trace) -> Loops:
    """The loops of a trace, made once."""
    step = split(differentiate(trace), trace.lanes)
    weights, parts, lanes = len(placeholders(step.forward)) - 1 - step.parts, step.parts, step.lanes
    fold(step.forward, placeholders(step.forward)[-parts:])
    fold(step.backward, placeholders(step.backward)[-parts:])
    found = step.forward.graph.output_node().args[0]
    plain = extract(step.forward, placeholders(step.forward), found[: parts + step.values])
    return Loops(
        step,
        Traversal(plain, weights, parts, lanes),
        Traversal(step.forward, weights, parts, lanes),
        Traversal(step.backward, weights + step.constant, parts, lanes, back=True),
    )
