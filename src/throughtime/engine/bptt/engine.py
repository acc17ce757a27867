"""`engine=bptt`: backpropagation through time, written out in PyTorch.

With a_t = W_x x_t + W_h h_{t-1} + b and h_t = φ(a_t), the loss ℓ depends on a_t through h_t, and on h_t through
the output of step t and through a_{t+1}. So by the chain rule (Rumelhart, Hinton & Williams 1986; Werbos 1990)

    δ_t = ∂ℓ/∂a_t = (∂ℓ/∂h_t + W_hᵀ δ_{t+1}) ∘ φ'(a_t),        t = T … 1,  δ_{T+1} = 0

is all that has to be computed step by step. W_x, W_h, b are the same at every step, so their gradients are sums
over t, and a sum of outer products is one product of matrices with T·B rows:

    ∂ℓ/∂W_h = Σ_t δ_t h_{t-1}ᵀ = Δᵀ H,    ∂ℓ/∂W_x = Δᵀ X,    ∂ℓ/∂b = Δᵀ 1,    ∂ℓ/∂h_0 = W_hᵀ δ_1

and the same with the readout o_t = φ_o(W_o h_t + b_o), whose errors do not wait for each other at all:
∂ℓ/∂W_o = Δ_oᵀ H with (Δ_o)_t = ∂ℓ/∂o_t ∘ φ_o'. For a cell with gates, φ' becomes the vector-Jacobian product
of whatever the cell does with a_t; torch derives it from the step (`engine.trace.derivative`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.engine.base import unsupported
from throughtime.engine.bptt.blocked_loop import BlockedLoop
from throughtime.engine.bptt.loops import Loops, append_mask, cached_loops
from throughtime.engine.bptt.mkldnn import OneDNNProducts, transposed_matmul
from throughtime.engine.bptt.partition import PartitionedStep
from throughtime.engine.bptt.workspace import empty_like
from throughtime.engine.delta_clip import DeltaClip, clip_gradient
from throughtime.engine.gradient_records import is_recording, next_run_number, record, state_value_index
from throughtime.engine.linear_override import LinearOverride
from throughtime.engine.recompute import RecomputingEngine
from throughtime.engine.second_derivative import vjp_function, with_second_derivative
from throughtime.engine.trace.sequence import run_sequence
from throughtime.engine.trace.trace import Trace, UntraceableError, with_delta_clip
from throughtime.engine.trace.trace_cache import cached_trace_for_inputs
from throughtime.tree import length_mask, where_state


class BackpropagationThroughTime(RecomputingEngine):
    """Run any cell whose step is a fixed graph of torch's operators, on every device and in every precision.

    Derivatives of the gradient are those of the plain loop over the traced step, run when they are asked for.

    Args:
        recompute, delta_clip, delta_clip_algorithm: as `RecomputingEngine`.
    """

    records_errors = True

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        try:
            trace = with_delta_clip(cached_trace_for_inputs(cell, inputs), self.delta_clip)
            cached_loops(trace, masked=lengths is not None)
        except UntraceableError as error:
            return str(error)
        return None

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """Run the loops.

        Raises:
            UserError: the cell's step is no fixed graph of operators.
        """
        try:
            return self._run_or_recompute(
                partial(_run_whole, self.delta_clip), cell, inputs, state, lengths, resets
            )
        except UntraceableError as error:
            raise unsupported("bptt", cell, error, instead="reference") from error


def _run_whole(
    clip: DeltaClip | None, cell: Cell, inputs: Tensor, state: State, *masks: Tensor | None
) -> tuple[Tensor, State]:
    return run_sequence(partial(_run_clipped, clip), cell, inputs, state, *masks, _project)


def _project(cell: Cell, inputs: Float[Tensor, "T B I"]) -> Float[Tensor, "T B G"]:
    with LinearOverride(OneDNNProducts()):
        return cell.project(inputs)


def _run_clipped(clip: DeltaClip | None, trace: Trace, *arguments: Any) -> list[Tensor]:
    return run_loops(with_delta_clip(trace, clip), *arguments)


def run_loops(
    trace: Trace,
    weights: list[Tensor],
    projected: Float[Tensor, "T B G"],
    before: list[Tensor],
    start: list[Tensor],
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> list[Tensor]:
    """Run the steps of a trace, as a `trace.sequence.Loop`.

    Raises:
        UntraceableError: torch has no derivative for some operator.
    """
    loops = cached_loops(trace, masked=lengths is not None)
    if lengths is not None:
        projected = append_mask(projected, ~length_mask(lengths, len(projected)))
    tensors = (projected, *weights, *before, *start)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        value = state_value_index(trace)
        return list(_Recurrence.apply(loops, resets, lengths, value, len(weights), *tensors))
    values, after, *_ = _forward(loops.plain, loops.step, weights, projected, before, start, resets)
    return [*values, *after]


def _reset_steps(resets: Bool[Tensor, "T B"] | None) -> list[int]:
    """The steps with a reset in some lane."""
    return [] if resets is None else resets.any(1).nonzero()[:, 0].tolist()


def _forward(
    loop: BlockedLoop,
    step: PartitionedStep,
    weights: Sequence[Tensor],
    projected: Tensor,
    before: Sequence[Tensor],
    start: Sequence[Tensor],
    resets: Bool[Tensor, "T B"] | None,
    keep_states: bool = False,
) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor | None]]:
    """Run a forward loop: values of all steps, state after the last, saved for backward, states before every step."""

    def reset(t: int, state: list[Tensor]) -> None:
        for part, anew in zip(state, start, strict=True):
            part.copy_(where_state(resets[t], anew, part))

    results, after, histories = loop.run(
        weights, [projected], before, _reset_steps(resets), reset, keep_states
    )
    return results[: step.values], after, results[step.values :], histories


class _Recurrence(torch.autograd.Function):
    """(projected, weights, state before, state of a reset) -> (values of all steps, state after)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        loops: Loops,
        resets: Bool[Tensor, "T B"] | None,
        lengths: Int[Tensor, " B"] | None,
        value: int | None,
        count: int,
        projected: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        parts = loops.step.parts
        weights, before, start = tensors[:count], tensors[count : count + parts], tensors[count + parts :]
        values, after, saved, histories = _forward(
            loops.saving, loops.step, weights, projected, before, start, resets, keep_states=True
        )
        ctx.loops, ctx.resets, ctx.lengths, ctx.count, ctx.start = loops, resets, lengths, count, bool(start)
        ctx.value, ctx.number = value, next_run_number()
        ctx.save_for_backward(projected, *tensors, *(history[:-1] for history in histories), *saved)
        return *values, *after

    @staticmethod
    def backward(ctx: FunctionCtx, *grad_out: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        count = 1 + ctx.count + ctx.loops.step.parts * (2 if ctx.start else 1)
        with torch.no_grad():
            gradients = _Recurrence._backward(
                ctx, saved[0], saved[1 : 1 + ctx.count], saved[count:], grad_out
            )
        function = vjp_function(partial(unrolled, ctx.loops.trace, ctx.resets, ctx.count), count)
        return *[None] * 5, *with_second_derivative(gradients, function, (*saved[:count], *grad_out))

    @staticmethod
    def _backward(
        ctx: FunctionCtx,
        projected: Tensor,
        weights: Sequence[Tensor],
        rows: Sequence[Tensor],
        grad_out: Sequence[Tensor],
    ) -> tuple[Tensor | None, ...]:
        loops, step, resets = ctx.loops, ctx.loops.step, ctx.resets
        fixed = [*weights, *step.constants(*weights)]
        value_gradients, grad_after = list(grad_out[: step.values]), list(grad_out[step.values :])
        cuts, start = _reset_steps(resets), [torch.zeros_like(part) for part in grad_after]
        earlier = {}
        for value, part in enumerate(step.shared):
            if part is not None:
                own = value_gradients[value]
                grad_after[part] = grad_after[part] + own[-1]
                earlier[part] = own
                value_gradients[value] = _delayed(own)
                value_gradients[value][cuts] = 0

        def reset(t: int, state: list[Tensor]) -> None:
            for index, part in enumerate(state):
                start[index] += where_state(resets[t], part, torch.zeros_like(part))
                part.copy_(where_state(resets[t], torch.zeros_like(part), part))
                if index in earlier and t > 0:
                    part.add_(earlier[index][t - 1])

        given = [projected, *rows, *value_gradients]
        results, before, errors = loops.backward.run(
            fixed, given, grad_after, cuts, reset, keep_carried=is_recording()
        )
        if is_recording():
            own = ctx.value is not None and step.shared[ctx.value] is None
            outputs = value_gradients[ctx.value] if own else None
            delta = results[0] if ctx.lengths is None else results[0][..., :-1]
            record(ctx.number, delta, errors[0][1:], outputs, ctx.lengths)
        return (
            results[0],
            *_weight_gradients(loops, weights, results[1:]),
            *before,
            *(start if ctx.start else []),
        )


def _delayed(rows: Float[Tensor, "T *B"]) -> Float[Tensor, "T *B"]:
    """Shift rows by one step: each at the next step, and 0 at the first."""
    delayed = empty_like(rows, *rows.shape)
    delayed[0], delayed[1:] = 0, rows[:-1]
    return delayed


def _weight_gradients(loops: Loops, weights: Sequence[Tensor], factors: list[Tensor]) -> list[Tensor]:
    """The weights' gradients: one product over all steps for each product of the step, and sums over all steps."""
    hoisted = loops.backward.hoisted
    count, places = loops.step.products, hoisted.results[1:]
    pairs = zip(factors[:count], factors[count : 2 * count], strict=True)
    products = [transposed_matmul(left.flatten(0, 1), right.flatten(0, 1)) for left, right in pairs]
    # A sum over the lanes is one over all steps by now; any other term is still one a step.
    sums = [
        term if kind == "epilogue" and index in hoisted.sums else term.sum(0)
        for (kind, index), term in list(zip(places, factors, strict=True))[2 * count :]
    ]
    gradients = iter(loops.step.weight_gradients(*products, *sums))
    return [next(gradients) if w.is_floating_point() or w.is_complex() else None for w in weights]


def unrolled(
    trace: Trace,
    resets: Bool[Tensor, "T B"] | None,
    weights: int,
    projected: Float[Tensor, "T B G"],
    *tensors: Tensor,
) -> tuple[Tensor, ...]:
    """Run the plain loop over a traced step: what `_Recurrence` computes, with derivatives of any order by autograd.

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
                state = where_state(resets[t], start, state)
            results = trace.recurrence(*own, x, *(part.contiguous() for part in _clipped(trace, x, state)))
            values.append(results[: trace.values])
            state = tuple(results[trace.values :])
    return *(torch.stack(rows) for rows in zip(*values, strict=True)), *state


def _clipped(trace: Trace, projected: Float[Tensor, "B G"], state: Sequence[Tensor]) -> list[Tensor]:
    """The state before a step, through which the gradient goes back clipped if the trace says so."""
    clip = trace.delta_clip
    if clip is None:
        return list(state)
    parts = [clip_gradient(part, clip) for part in state]
    if not trace.masked:
        return parts
    finished = projected[:, -1] > 0
    return [
        torch.where(finished.view(-1, *[1] * (part.dim() - 1)), part, clipped)
        for part, clipped in zip(state, parts, strict=True)
    ]
