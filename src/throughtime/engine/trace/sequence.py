"""Run a traced cell over a whole sequence: prologue, loop over the steps, epilogue.

x_t = project(inputs_t)        prologue, through which autograd differentiates W_x and b
w = weights(parameters)        prologue
v_t, s_t = f(w, x_t, s_{t-1})  loop
o_t = readout(v_t)             epilogue
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from throughtime.cell.base import Cell, State
from throughtime.engine.trace.signature import cell_tensors
from throughtime.engine.trace.trace import Trace
from throughtime.engine.trace.trace_cache import cached_trace
from throughtime.tree import length_mask

Loop = Callable[..., list[Tensor]]
"""A function that runs the recurrence of a trace over all steps, differentiably:

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
    readout_context: Callable[[], AbstractContextManager] = nullcontext,
) -> tuple[Float[Tensor, "T B O"], State]:
    """Run a cell as `Engine.run` does.

    Args:
        loop: runs the steps.
        cell, inputs, state, lengths, resets: as those of `Engine.run`.
        project: computes the projected inputs.
        readout_context: makes a context for the readout.

    Raises:
        UntraceableError: the step has no trace.
    """
    steps, lanes = inputs.shape[:2]
    running = None
    if lengths is not None:
        running = length_mask(lengths, steps)[..., None]
        # Padding may hold anything; a NaN times a gradient of 0 would still reach the weights.
        inputs = torch.where(running, inputs, 0)
        resets = None if resets is None else resets & running[..., 0]
    projected = project(cell, inputs)
    trace = cached_trace(cell, projected, state)
    start = [] if resets is None else list(cell.initial_state(lanes))
    own = cell_tensors(cell).values()

    # The graphs hold every change of precision that autocast asked for.
    with torch.autocast(inputs.device.type, enabled=False):
        weights = list(trace.weights(*own))
        results = loop(trace, weights, projected, list(state), start, lengths, resets)
        values, after = results[: trace.values], results[trace.values :]
        if trace.readout is None:
            outputs = values[0] if running is None else torch.where(running, values[0], 0)
        else:
            with readout_context():
                outputs = _read_out(trace, list(own), values, running)
    return outputs, type(state)(*after)


def _read_out(
    trace: Trace, own: list[Tensor], values: list[Tensor], running: Bool[Tensor, "T B 1"] | None
) -> Float[Tensor, "T B O"]:
    """Compute the readout of all steps at once, without those of padding."""
    rows, shape = [value.flatten(0, 1) for value in values], values[0].shape[:2]
    if running is None:
        return trace.readout(*own, *rows)[0].unflatten(0, shape)
    chosen = running.flatten().nonzero()[:, 0]
    outputs = trace.readout(*own, *(row[chosen] for row in rows))[0]
    return (
        outputs.new_zeros(len(rows[0]), *outputs.shape[1:]).index_copy(0, chosen, outputs).unflatten(0, shape)
    )
