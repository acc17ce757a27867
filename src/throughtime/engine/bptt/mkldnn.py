"""Products of matrices that come back at every step, by whichever of torch's libraries is the faster one.

oneDNN takes a weight that was put in order once; on processors with wide vectors that is worth a factor of two over
BLAS, which puts it in order at every call.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from throughtime.engine.buffer_pool import memory
from throughtime.engine.second_derivative import differentiable_as, linear_gradients

SMALLEST = 1 << 20  # multiplications; below that a call of oneDNN costs more than it saves

Times = Callable[[Tensor, Tensor], Tensor]
"""(left [B, N], result [B, M]) -> result = left W"""
PlusTimes = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(x [B, M], left [B, N], result [B, M]) -> result = x + left W"""


def _served(multiplications: int, *tensors: Tensor) -> bool:
    """Whether oneDNN is there and worth it."""
    return (
        multiplications >= SMALLEST
        and all(t.device.type == "cpu" and t.dtype == torch.float32 for t in tensors)
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def _product(left: Tensor, weight: Tensor) -> Tensor:
    """left weightᵀ"""
    return torch.ops.mkldnn._linear_pointwise(left, weight, None, "none", [], "")


def times(weight: Float[Tensor, "N M"], lanes: int) -> tuple[Times, PlusTimes]:
    """The product with a weight, alone and added to something, for rows of so many lanes."""
    if not _served(lanes * weight.numel(), weight):
        return (
            lambda left, out: torch.mm(left, weight, out=out),
            lambda x, left, out: torch.addmm(x, left, weight, out=out),
        )
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.t().contiguous(), lanes)
    return (
        lambda left, out: out.copy_(_product(left, packed)),
        lambda x, left, out: torch.add(x, _product(left, packed), out=out),
    )


def outer_products(left: Float[Tensor, "R N"], right: Float[Tensor, "R M"]) -> Float[Tensor, "N M"]:
    """leftᵀ right, the sum over all rows of their outer products."""
    if _served(left.numel() * right.shape[1] // 4, left, right):
        return _product(_transposed(left), _transposed(right))
    return left.t() @ right


def _transposed(matrix: Float[Tensor, "N M"]) -> Float[Tensor, "M N"]:
    return memory.empty(*matrix.shape[::-1], dtype=matrix.dtype).copy_(matrix.t())


def linear(
    input: Float[Tensor, "*T I"], weight: Float[Tensor, "G I"], bias: Float[Tensor, " G"] | None = None
) -> Float[Tensor, "*T G"]:
    """W x + b for every row x, as `functional.linear`."""
    rows = input.numel() // max(input.shape[-1], 1)
    if not _served(rows * weight.numel(), input, weight) or torch.is_autocast_enabled(input.device.type):
        return functional.linear(input, weight, bias)
    return _Linear.apply(input.flatten(0, -2), weight, bias).unflatten(0, input.shape[:-1])


class _Linear(torch.autograd.Function):
    """(X, W, b) -> X Wᵀ + b, with ∂ℓ/∂X = Δ W, ∂ℓ/∂W = Δᵀ X and ∂ℓ/∂b = Δᵀ 1."""

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return torch.ops.mkldnn._linear_pointwise(rows, weight.contiguous(), bias, "none", [], "")

    @staticmethod
    def backward(ctx: FunctionCtx, errors: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        with torch.no_grad():
            results = (
                _product(errors, weight.t().contiguous()) if wanted[0] else None,
                outer_products(errors, rows) if wanted[1] else None,
                errors.sum(0) if wanted[2] else None,
            )
        return differentiable_as(results, linear_gradients, (rows, weight, errors))


class Dense(TorchFunctionMode):
    """Has every `functional.linear` (and so `nn.Linear`) done by `linear`."""

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple = (), options: dict[str, Any] | None = None
    ) -> Any:
        options = options or {}
        if function is functional.linear and _agree(*arguments, **options):
            function = linear
        return function(*arguments, **options)


def _agree(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> bool:
    """Whether the sizes are those of a product; what else there is, torch broadcasts or refuses."""
    return (
        weight.dim() == 2
        and input.dim() > 0
        and input.shape[-1] == weight.shape[1]
        and (bias is None or (bias.shape == weight.shape[:1] and bias.dtype == weight.dtype))
    )
