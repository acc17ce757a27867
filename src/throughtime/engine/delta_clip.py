"""Clipping of the gradient inside backpropagation through time: of what goes back from each step to the one before.

With s_t the state after step t, ℓ the loss and J_t = ∂s_t/∂s_{t-1}, one lane's gradient follows

    ∂ℓ/∂s_{t-1} = clip(J_tᵀ ∂ℓ/∂s_t) + the term of the output of step t - 1,        t = T … 1

where clip bounds the norm of each part of the state (h, and the c of an LSTM), or each of its numbers. Without it a
gradient that grows from step to step overflows before the gradient of the weights is there to be clipped. (Graves 2013,
arXiv 1308.0850, section 2.1, clips by value at each step; the norm is that of Pascanu, Mikolov & Bengio 2013, ICML.)
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Inexact
from torch import Tensor
from torch.autograd.function import FunctionCtx

from throughtime.errors import check_choice, check_positive

ALGORITHMS = ("norm", "value")


class DeltaClip(NamedTuple):
    """A bound of the gradient that goes back through one step.

    Attributes:
        bound: the largest norm of a lane, or the largest absolute value of a number.
        algorithm: "norm" or "value".
    """

    bound: float
    algorithm: str


def delta_clip_of(bound: float | None, algorithm: str) -> DeltaClip | None:
    """The clipping with this bound; None where it is None or infinite, since nothing is clipped then.

    Raises:
        UserError: the bound is not positive, or the algorithm is not known.
    """
    check_choice(ALGORITHMS, delta_clip_algorithm=algorithm)
    if bound is None or bound == math.inf:
        return None
    check_positive(delta_clip=bound)
    return DeltaClip(float(bound), algorithm)


def clip_delta(gradient: Inexact[Tensor, "B *F"], clip: DeltaClip) -> Inexact[Tensor, "B *F"]:
    """The clipped gradient of one part of the state, each lane by itself; a complex number has two numbers to clip."""
    if gradient.is_complex():
        return torch.view_as_complex(clip_delta(torch.view_as_real(gradient), clip))
    if clip.algorithm == "value":
        return gradient.clamp(-clip.bound, clip.bound)
    axes = list(range(1, gradient.dim()))
    norm = (gradient * gradient).sum(axes, keepdim=True).sqrt()
    return gradient * torch.where(norm > clip.bound, clip.bound / norm, 1.0)


def clip_gradient(part: Inexact[Tensor, "B *F"], clip: DeltaClip) -> Inexact[Tensor, "B *F"]:
    """The same part of the state; the gradient that goes back through it is clipped."""
    return _ClipGradient.apply(part, clip)


class _ClipGradient(torch.autograd.Function):
    """The identity, whose gradient is `clip_delta`."""

    @staticmethod
    def forward(ctx: FunctionCtx, part: Tensor, clip: DeltaClip) -> Tensor:
        ctx.clip = clip
        return part.view_as(part)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        return clip_delta(gradient, ctx.clip), None
