"""Backpropagation through time, written out in PyTorch (`engine=bptt`).

With a_t = W_x x_t + W_h h_{t-1} + b and h_t = φ(a_t), the loss ℓ depends on a_t through h_t, and on h_t through
the output of step t and through a_{t+1}. So by the chain rule (Rumelhart, Hinton & Williams 1986; Werbos 1990)

    δ_t = ∂ℓ/∂a_t = (∂ℓ/∂h_t + W_hᵀ δ_{t+1}) ∘ φ'(a_t),        t = T … 1,  δ_{T+1} = 0

is all that has to be computed step by step. W_x, W_h, b are the same at every step, so their gradients are sums
over t, and a sum of outer products is one product of matrices with T·B rows:

    ∂ℓ/∂W_h = Σ_t δ_t h_{t-1}ᵀ = Δᵀ H,    ∂ℓ/∂W_x = Δᵀ X,    ∂ℓ/∂b = Δᵀ 1,    ∂ℓ/∂h_0 = W_hᵀ δ_1

and the same with the readout o_t = φ_o(W_o h_t + b_o), whose errors do not wait for each other at all:
∂ℓ/∂W_o = Δ_oᵀ H with (Δ_o)_t = ∂ℓ/∂o_t ∘ φ_o'. For a cell with gates, φ' becomes the vector-Jacobian product
of whatever the cell does with a_t; torch derives it from the step (`engine.derivative`).
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.engine.base import Engine
from throughtime.engine.bptt.blocked_loop import Traversal
from throughtime.engine.bptt.loops import Loops, loops_of
from throughtime.engine.bptt.masked_step import resting, with_rests
from throughtime.engine.bptt.mkldnn import Dense, outer_products
from throughtime.engine.bptt.partition import Split
from throughtime.engine.bptt.workspace import empty
from throughtime.engine.gradient_records import is_recording, next_number, record, value_that_is_the_state
from throughtime.engine.second_derivative import differentiable_as, vector_jacobian
from throughtime.engine.segmented_run import run_in_segments
from throughtime.engine.trace.sequence import run_sequence
from throughtime.engine.trace.trace import Trace, UntraceableError
from throughtime.engine.trace.trace_cache import reason_against
from throughtime.engine.trace.unrolled import unrolled
from throughtime.engine.trace.without_hooks import aside
from throughtime.errors import UserError


class BackpropagationThroughTime(Engine):
    """Runs any cell whose step is a fixed graph of torch's operators, on every device and in every precision.

    Derivatives of the gradient are those of the plain loop over the traced step, run when they are asked for.

    Args:
        recompute: whether only every √T-th state is kept for the gradient, and the steps between are run again.
    """

    records_errors = True

    def __init__(self, recompute: bool = False) -> None:
        self.recompute = recompute

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        return reason_against(cell, inputs)

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """As `Engine._run`.

        Raises:
            UserError: the cell's step is no fixed graph of operators.
        """
        try:
            if self.recompute:
                return run_in_segments(_run_whole, cell, inputs, state, lengths, resets)
            return _run_whole(cell, inputs, state, lengths, resets)
        except UntraceableError as error:
            kind = type(cell).__name__
            raise UserError(
                f"engine=bptt cannot run this {kind}: {error}; choose engine=reference"
            ) from error


def _run_whole(cell: Cell, inputs: Tensor, state: State, *masks: Tensor | None) -> tuple[Tensor, State]:
    return run_sequence(loop, cell, inputs, state, *masks, _project)


def _project(cell: Cell, inputs: Float[Tensor, "T B I"]) -> Float[Tensor, "T B G"]:
    with Dense():
        return cell.project(inputs)


def loop(
    trace: Trace,
    weights: list[Tensor],
    projected: Float[Tensor, "T B G"],
    before: list[Tensor],
    start: list[Tensor],
    lengths: Int[Tensor, " B"] | None,
    resets: Bool[Tensor, "T B"] | None,
) -> list[Tensor]:
    """As `around.Loop`."""
    if lengths is not None:
        rests = torch.arange(len(projected), device=lengths.device)[:, None] >= lengths
        projected = with_rests(projected, rests)
    with aside():
        whole = trace if lengths is None else resting(trace)
        step = loops_of(whole)
    tensors = (projected, *weights, *before, *start)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        value = value_that_is_the_state(trace)
        return list(_Recurrence.apply(whole, step, resets, lengths, value, len(weights), *tensors))
    values, after, *_ = _forward(step.plain, step.split, weights, projected, before, start, resets)
    return [*values, *after]


def _cuts(resets: Bool[Tensor, "T B"] | None) -> list[int]:
    """The steps with a reset."""
    return [] if resets is None else resets.any(1).nonzero()[:, 0].tolist()


def _pick(mask: Bool[Tensor, " B"], chosen: Tensor, other: Tensor) -> Tensor:
    """Per lane, what is chosen where the mask holds and the other elsewhere."""
    return torch.where(mask.view(-1, *[1] * (other.dim() - 1)), chosen, other)


def _forward(
    traversal: Traversal,
    step: Split,
    weights: Sequence[Tensor],
    projected: Tensor,
    before: Sequence[Tensor],
    start: Sequence[Tensor],
    resets: Bool[Tensor, "T B"] | None,
    whole: bool = False,
) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor | None]]:
    """The values of all steps, the state after the last, what was kept, and the state before every step."""

    def reset(t: int, state: list[Tensor]) -> None:
        for part, anew in zip(state, start, strict=True):
            part.copy_(_pick(resets[t], anew, part))

    results, after, histories = traversal.run(weights, [projected], before, _cuts(resets), reset, whole)
    return results[: step.values], after, results[step.values :], histories


class _Recurrence(torch.autograd.Function):
    """(projected, weights, state before, state of a reset) -> (values of all steps, state after)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        trace: Trace,
        step: Loops,
        resets: Bool[Tensor, "T B"] | None,
        lengths: Int[Tensor, " B"] | None,
        value: int | None,
        count: int,
        projected: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        parts = step.split.parts
        weights, before, start = tensors[:count], tensors[count : count + parts], tensors[count + parts :]
        values, after, kept, histories = _forward(
            step.keeping, step.split, weights, projected, before, start, resets, whole=True
        )
        ctx.step, ctx.resets, ctx.lengths, ctx.count, ctx.start = step, resets, lengths, count, bool(start)
        ctx.trace, ctx.value, ctx.number = trace, value, next_number()
        ctx.save_for_backward(projected, *tensors, *(history[:-1] for history in histories), *kept)
        return *values, *after

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        count = 1 + ctx.count + ctx.step.split.parts * (2 if ctx.start else 1)
        with torch.no_grad():
            results = _Recurrence._backward(ctx, saved[0], saved[1 : 1 + ctx.count], saved[count:], gradients)
        operators = vector_jacobian(partial(unrolled, ctx.trace, ctx.resets, ctx.count), count)
        return *[None] * 6, *differentiable_as(results, operators, (*saved[:count], *gradients))

    @staticmethod
    def _backward(
        ctx: FunctionCtx,
        projected: Tensor,
        weights: Sequence[Tensor],
        rows: Sequence[Tensor],
        gradients: Sequence[Tensor],
    ) -> tuple[Tensor | None, ...]:
        step, resets = ctx.step.split, ctx.resets
        fixed = [*weights, *step.constants(*weights)]
        value_gradients, coming = list(gradients[: step.values]), list(gradients[step.values :])
        cuts, start = _cuts(resets), [torch.zeros_like(part) for part in coming]
        earlier = {}
        for value, part in enumerate(step.shared):
            if part is not None:
                own = value_gradients[value]
                coming[part] = coming[part] + own[-1]
                earlier[part] = own
                value_gradients[value] = _delayed(own)
                value_gradients[value][cuts] = 0

        def reset(t: int, state: list[Tensor]) -> None:
            for index, part in enumerate(state):
                start[index] += _pick(resets[t], part, torch.zeros_like(part))
                part.copy_(_pick(resets[t], torch.zeros_like(part), part))
                if index in earlier and t > 0:
                    part.add_(earlier[index][t - 1])

        given = [projected, *rows, *value_gradients]
        results, before, errors = ctx.step.back.run(fixed, given, coming, cuts, reset, whole=is_recording())
        if is_recording():
            own = ctx.value is not None and step.shared[ctx.value] is None
            outputs = value_gradients[ctx.value] if own else None
            delta = results[0] if ctx.lengths is None else results[0][..., :-1]
            record(ctx.number, delta, errors[0][1:], outputs, ctx.lengths)
        return (
            results[0],
            *_weight_gradients(ctx.step, weights, results[1:]),
            *before,
            *(start if ctx.start else []),
        )


def _delayed(rows: Float[Tensor, "T *B"]) -> Float[Tensor, "T *B"]:
    """Each step's row at the next step, and 0 at the first."""
    found = empty(rows, *rows.shape)
    found[0], found[1:] = 0, rows[:-1]
    return found


def _weight_gradients(step: Loops, weights: Sequence[Tensor], factors: list[Tensor]) -> list[Tensor]:
    """One product over all steps for each product of the step, and the sums over all steps."""
    count, terms = step.split.products, step.back.stages.results[1:]
    pairs = zip(factors[:count], factors[count : 2 * count], strict=True)
    products = [outer_products(left.flatten(0, 1), right.flatten(0, 1)) for left, right in pairs]
    # A sum over the lanes is one over all steps by now; any other term is still one a step.
    sums = [
        term if kind == "late" and index in step.back.stages.sums else term.sum(0)
        for (kind, index), term in list(zip(terms, factors, strict=True))[2 * count :]
    ]
    gradients = iter(step.split.finish(*products, *sums))
    return [next(gradients) if w.is_floating_point() or w.is_complex() else None for w in weights]
