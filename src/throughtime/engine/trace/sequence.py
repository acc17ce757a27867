"""What stands around a loop over a traced step: all that is one operation for the whole sequence.

x_t = project(inputs_t)        before the loop, and autograd takes W_x and b back through it
w = weights(parameters)        before the loop
v_t, s_t = f(w, x_t, s_{t-1})  the loop
o_t = readout(v_t)             after the loop
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.signature import tensors_of
from throughtime.engine.trace.trace import Trace
from throughtime.engine.trace.trace_cache import traced

Loop = Callable[..., list[Tensor]]
"""Runs the recurrence of a trace over all steps, differentiably:

    (trace, weights, projected [T, B, G], parts of the state before, parts of the state of a reset, lengths,
    resets) -> the values of all steps [T, B, ...] each, and the parts of the state after the last step

A lane past its length keeps its state. Without resets there are no parts of their state.
"""


def run_sequence(
    loop: Loop,
    cell: Cell,
    inputs: Float[Tensor, "T B I"],
    state: State,
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
    project: Callable[[Cell, Tensor], Tensor] = lambda cell, inputs: cell.project(inputs),
    read_out_by: Callable[[], AbstractContextManager] = nullcontext,
) -> tuple[Float[Tensor, "T B O"], State]:
    """Run a cell as `Engine.run` does: the input product by `project`, the steps by `loop`, the readout in a context.

    Raises:
        UntraceableError: the step has no trace.
    """
    steps, lanes = inputs.shape[:2]
    running = None
    if lengths is not None:
        running = torch.arange(steps, device=inputs.device)[:, None, None] < lengths[:, None]
        # Padding may hold anything; a NaN times a gradient of 0 would still reach the weights.
        inputs = torch.where(running, inputs, 0)
        resets = None if resets is None else resets & running[..., 0]
    projected = project(cell, inputs)
    trace = traced(cell, projected, state)
    start = [] if resets is None else list(cell.initial_state(lanes))
    own = tensors_of(cell).values()

    # The graphs hold every change of precision that autocast asked for.
    with torch.autocast(inputs.device.type, enabled=False):
        weights = list(trace.weights(*own))
        results = loop(trace, weights, projected, list(state), start, lengths, resets)
        values, after = results[: trace.values], results[trace.values :]
        if trace.readout is None:
            outputs = values[0] if running is None else torch.where(running, values[0], 0)
        else:
            with read_out_by():
                outputs = _read_out(trace, list(own), values, running)
    return outputs, type(state)(*after)


def _read_out(
    trace: Trace, own: list[Tensor], values: list[Tensor], running: Bool[Tensor, "T B 1"] | None
) -> Float[Tensor, "T B O"]:
    """The readout of all steps at once, of those that are no padding."""
    rows, shape = [value.flatten(0, 1) for value in values], values[0].shape[:2]
    if running is None:
        return trace.readout(*own, *rows)[0].unflatten(0, shape)
    chosen = running.flatten().nonzero()[:, 0]
    outputs = trace.readout(*own, *(row[chosen] for row in rows))[0]
    return (
        outputs.new_zeros(len(rows[0]), *outputs.shape[1:]).index_copy(0, chosen, outputs).unflatten(0, shape)
    )
