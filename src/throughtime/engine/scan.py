"""`engine=scan`: linear recurrences by a parallel scan over time.

The steps h_t = a_t ∘ h_{t-1} + b_t of t = 1, 2 after each other are one step with

    (a_1, b_1) • (a_2, b_2) = (a_2 ∘ a_1, a_2 ∘ b_1 + b_2)

and • is associative, so the steps may be joined in pairs, the pairs in pairs, and so on: T steps have a depth of
2 log₂ T (Blelloch 1990, Prefix sums and their applications). Nothing is divided by a product of a's, so that
products that vanish do no harm. The gradient is the same recurrence, from the last step to the first:

    δ_t = ∂ℓ/∂h_t + ā_{t+1} ∘ δ_{t+1},    ∂ℓ/∂b_t = δ_t,    ∂ℓ/∂a_t = δ_t ∘ h̄_{t-1},    ∂ℓ/∂h_0 = ā_1 ∘ δ_1

(Martin & Cundy 2018, ICLR, arXiv 1709.04057.)
"""

import torch
from jaxtyping import Bool, Float, Inexact, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.cell.base import Cell, State
from throughtime.cell.linear_recurrence import LinearRecurrence
from throughtime.engine.base import Engine, unsupported
from throughtime.tree import length_mask


class Scan(Engine):
    """Run a cell that is a `LinearRecurrence` by a parallel scan over all steps, on every device.

    A reset is a step with a = 0. In half precision the scan itself is computed in single precision.
    """

    def unsupported_reason(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        lengths: Int[Tensor, " B"] | None,
        resets: Bool[Tensor, "T B"] | None,
    ) -> str | None:
        if self.delta_clip is not None:
            return "no gradient goes from step to step where engine.delta_clip could clip it"
        if isinstance(cell, LinearRecurrence):
            return None
        return "its state is not declared to be a linear recurrence, as that of mingru, minlstm, rglru and lru is"

    def _run(
        self,
        cell: Cell,
        inputs: Float[Tensor, "T B I"],
        state: State,
        lengths: Int[Tensor, " B"] | None = None,
        resets: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B O"], State]:
        """Run the scan.

        Raises:
            UserError: the cell is no `LinearRecurrence`.
        """
        reason = self.unsupported_reason(cell, inputs, lengths, resets)
        if reason is not None:
            raise unsupported("scan", cell, reason)
        steps, lanes = inputs.shape[:2]
        running = None
        if lengths is not None:
            running = length_mask(lengths, steps)[..., None]
            # Padding may hold anything; a NaN times a gradient of 0 would still reach the weights.
            inputs = torch.where(running, inputs, 0)
        projected = cell.project(inputs)
        a, b = (_to_numbers(cell, part) for part in cell.coefficients(projected))
        before = _to_numbers(cell, state[0])
        if resets is not None:
            start, anew = _to_numbers(cell, cell.initial_state(lanes)[0]), resets[..., None]
            a, b = torch.where(anew, 0, a), torch.where(anew, a * start + b, b)

        hidden = _to_features(cell, linear_scan(a, b, before)).to(state[0].dtype)
        outputs = cell.outputs(hidden, projected)
        if lengths is None:
            return outputs, type(state)(hidden[-1])
        last = hidden[(lengths - 1).clamp(min=0), torch.arange(lanes, device=inputs.device)]
        after = torch.where(lengths[:, None] > 0, last, state[0])
        return torch.where(running, outputs, 0), type(state)(after)


def _to_numbers(cell: LinearRecurrence, features: Float[Tensor, "*T B F"]) -> Inexact[Tensor, "*T B N"]:
    """The features as real or complex numbers, in at least single precision, which sums of many steps need."""
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    return torch.complex(*features.chunk(2, -1)) if cell.complex_valued else features


def _to_features(cell: LinearRecurrence, numbers: Inexact[Tensor, "*T B N"]) -> Float[Tensor, "*T B F"]:
    """The inverse of `_to_numbers`."""
    return torch.cat((numbers.real, numbers.imag), -1) if cell.complex_valued else numbers


def linear_scan(
    a: Inexact[Tensor, "T B N"], b: Inexact[Tensor, "T B N"], before: Inexact[Tensor, "B N"]
) -> Inexact[Tensor, "T B N"]:
    """All h_t = a_t ∘ h_{t-1} + b_t from h_0 = `before`, differentiable as often as wanted."""
    return _LinearScan.apply(a, b, before)


class _LinearScan(torch.autograd.Function):
    """(a, b, h_0) -> h. Only a and h are kept for the gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, a: Tensor, b: Tensor, before: Tensor) -> Tensor:
        hidden = _prefix_scan(a, torch.cat((a[:1] * before + b[:1], b[1:])))
        ctx.save_for_backward(a, before, hidden)
        return hidden

    @staticmethod
    def backward(ctx: FunctionCtx, grad_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        a, before, hidden = ctx.saved_tensors
        next_a = torch.cat((a[1:], torch.zeros_like(a[:1]))).conj()
        delta = linear_scan(next_a.flip(0), grad_out.flip(0), torch.zeros_like(before)).flip(0)
        previous = torch.cat((before[None], hidden[:-1]))
        return delta * previous.conj(), delta, a[0].conj() * delta[0]


def _prefix_scan(a: Tensor, b: Tensor) -> Tensor:
    """The prefixes (a_1, b_1) • … • (a_t, b_t) applied to h_0 = 0: even t from pairs, odd t by one step more."""
    if len(a) == 1:
        return b
    paired = len(a) // 2 * 2
    pairs = _prefix_scan(a[1::2] * a[0:paired:2], torch.addcmul(b[1::2], a[1::2], b[0:paired:2]))
    hidden = torch.empty_like(b)
    hidden[0], hidden[1::2] = b[0], pairs
    hidden[2::2] = torch.addcmul(b[2::2], a[2::2], pairs[: len(b[2::2])])
    return hidden
