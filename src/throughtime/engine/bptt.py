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

from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.engine.around import run_around
from throughtime.engine.base import Engine
from throughtime.engine.derivative import differentiate
from throughtime.engine.once import differentiable_once
from throughtime.engine.plan import reason_against
from throughtime.engine.split import Split, split
from throughtime.engine.trace import Trace, UntraceableError
from throughtime.errors import UserError


class BackpropagationThroughTime(Engine):
    """Runs any cell whose step is a fixed graph of torch's operators, on every device and in every precision.

    The gradient can be taken once; its own derivative takes `engine=reference`.
    """

    def refusal(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        return reason_against(cell, inputs)

    def run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """As `Engine.run`.

        Raises:
            UserError: the cell's step is no fixed graph of operators.
        """
        try:
            return run_around(loop, cell, inputs, state, lengths, resets)
        except UntraceableError as error:
            kind = type(cell).__name__
            raise UserError(
                f"engine=bptt cannot run this {kind}: {error}; choose engine=reference"
            ) from error


@lru_cache(maxsize=64)
def _split(trace: Trace) -> Split:
    return split(differentiate(trace), trace.lanes)


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
    with torch.inference_mode(False):
        step = _split(trace)
    masks = _Masks(len(projected), lengths, resets)
    return list(_Recurrence.apply(step, masks, len(weights), projected, *weights, *before, *start))


class _Masks:
    """Where lanes are reset, and where they are at rest because their length is over."""

    def __init__(
        self, steps: int, lengths: Int[Tensor, " B"] | None, resets: Bool[Tensor, "T B"] | None
    ) -> None:
        self.resets: list[Tensor | None] = [None] * steps
        self.rests: list[Tensor | None] = [None] * steps
        if resets is not None:
            some = resets.any(1).tolist()
            self.resets = [row if there else None for row, there in zip(resets, some, strict=True)]
        if lengths is not None:
            rests = torch.arange(steps, device=lengths.device)[:, None] >= lengths
            some = rests.any(1).tolist()
            self.rests = [row if there else None for row, there in zip(rests, some, strict=True)]


def _pick(mask: Bool[Tensor, " B"] | None, chosen: list[Tensor], others: list[Tensor]) -> list[Tensor]:
    """Per lane, what is chosen where the mask holds and the other elsewhere."""
    if mask is None:
        return others
    return [
        torch.where(mask.view(-1, *[1] * (a.dim() - 1)), a, b) for a, b in zip(chosen, others, strict=True)
    ]


class _Recurrence(torch.autograd.Function):
    """(projected, weights, state before, state of a reset) -> (values of all steps, state after)."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, step: Split, masks: _Masks, count: int, projected: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        weights, before = tensors[:count], list(tensors[count : count + step.parts])
        start = list(tensors[count + step.parts :])
        states, values, kept = [], [], []
        for x, reset, rest in zip(projected.unbind(), masks.resets, masks.rests, strict=True):
            before = _pick(reset, start, before)
            results = step.forward(*weights, x, *before)
            values.append(results[: step.values])
            kept.append(results[step.values + step.parts :])
            states.append(before)
            before = _pick(rest, before, list(results[step.values : step.values + step.parts]))
        ctx.step, ctx.masks, ctx.count, ctx.start = step, masks, count, len(start)
        flat = [tensor for row in zip(states, kept, strict=True) for part in row for tensor in part]
        ctx.save_for_backward(projected, *weights, *flat)
        return *map(torch.stack, zip(*values, strict=True)), *(part.clone() for part in before)

    @staticmethod
    @differentiable_once
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        step, masks, count = ctx.step, ctx.masks, ctx.count
        projected, *saved = ctx.saved_tensors
        weights, saved = saved[:count], saved[count:]
        constants = step.constants(*weights)
        value_gradients = list(zip(*(g.unbind() for g in gradients[: step.values]), strict=True))
        coming = list(gradients[step.values :])
        start = [torch.zeros_like(g) for g in coming[: ctx.start]]
        zeros = [torch.zeros_like(g) for g in coming]
        size = len(saved) // len(projected)
        found = []
        for t in reversed(range(len(projected))):
            before, kept = (
                saved[t * size : t * size + step.parts],
                saved[t * size + step.parts : (t + 1) * size],
            )
            rest, reset = masks.rests[t], masks.resets[t]
            given = (*before, *constants, *kept, *value_gradients[t], *_pick(rest, zeros, coming))
            x_gradient, *results = step.backward(*weights, projected[t], *given)
            before_gradients, factors = results[: step.parts], results[step.parts :]
            found.append((x_gradient, *factors))
            coming = _pick(
                rest, [a + b for a, b in zip(coming, before_gradients, strict=True)], before_gradients
            )
            if reset is not None:
                start = [a + b for a, b in zip(start, _pick(reset, coming, zeros), strict=True)]
                coming = _pick(reset, zeros, coming)
        found.reverse()
        x_gradients, *factors = zip(*found, strict=True)
        return (
            *(None, None, None, torch.stack(x_gradients)),
            *_weight_gradients(step, weights, factors),
            *coming,
            *start,
        )


def _weight_gradients(step: Split, weights: list[Tensor], factors: list[tuple[Tensor, ...]]) -> list[Tensor]:
    """One product over all steps for each product of the step, one sum over all steps for the rest."""
    lefts, rights = factors[: step.products], factors[step.products : 2 * step.products]
    products = [torch.cat(a).t() @ torch.cat(b) for a, b in zip(lefts, rights, strict=True)]
    sums = [torch.stack(terms).sum(0) for terms in factors[2 * step.products :]]
    gradients = iter(step.finish(*products, *sums))
    return [next(gradients) if w.is_floating_point() or w.is_complex() else None for w in weights]
