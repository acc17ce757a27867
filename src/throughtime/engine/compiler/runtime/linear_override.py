"""The input product W_x x_t + b and the readout of all steps, done by the compiler's own product."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from throughtime.cell.base import Cell
from throughtime.engine.compiler.runtime.gemm import outer_products, row_products
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.second_derivative import Results, differentiable_as, linear_gradients

SMALLEST = 1 << 18  # multiplications; below that a call costs more than it saves


def project(cell: Cell, inputs: Float[Tensor, "T B I"], bf16: bool = False) -> Float[Tensor, "T B G"]:
    """`cell.project`, in which `functional.linear` (and so `nn.Linear`) is done by `product`."""
    with OwnProducts(bf16):
        return cell.project(inputs)


class OwnProducts(TorchFunctionMode):
    """Takes over the products of all rows with a weight that are worth it, in code and in graphs of operators.

    Args:
        bf16: whether they are done in bfloat16 (`product.row_products`).
    """

    def __init__(self, bf16: bool = False) -> None:
        super().__init__()
        self.bf16 = bf16

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple = (), options: dict[str, Any] | None = None
    ) -> Any:
        options = options or {}
        if function in FACTORS:
            factors = FACTORS[function](*arguments, **options)
            if factors is not None and _fits(*factors):
                try:
                    return linear(*factors, self.bf16)
                except CompilerError:
                    pass  # The engine will say so when it comes to its loop.
        return function(*arguments, **options)


Factors = tuple[Tensor, Tensor, Tensor | None]
"""(X, W, b) of X Wᵀ + b."""


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Factors:
    return input, weight, bias


def _product(left: Tensor, right: Tensor) -> Factors:
    return left, right.t(), None


def _product_and_sum(added: Tensor, left: Tensor, right: Tensor, **scales: float) -> Factors | None:
    return (left, right.t(), added) if added.dim() == 1 and not scales else None


FACTORS = {
    functional.linear: _linear,
    torch.ops.aten.mm.default: _product,
    torch.ops.aten.addmm.default: _product_and_sum,
}


def _fits(input: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    tensors = [input, weight] if bias is None else [input, weight, bias]
    precisions = {tensor.dtype for tensor in tensors}
    return (
        len(precisions) == 1
        and precisions <= {torch.float32, torch.float64}
        and all(tensor.device.type == "cpu" for tensor in tensors)
        and all(tensor.layout == torch.strided for tensor in tensors)
        and weight.dim() == 2
        # What else there is, torch broadcasts or refuses.
        and input.dim() > 0
        and input.shape[-1] == weight.shape[1]
        and (bias is None or bias.shape == weight.shape[:1])
        and input.numel() * len(weight) >= SMALLEST
        and not torch.is_autocast_enabled("cpu")
    )


def linear(
    input: Float[Tensor, "*T I"],
    weight: Float[Tensor, "G I"],
    bias: Float[Tensor, " G"] | None = None,
    bf16: bool = False,
) -> Float[Tensor, "*T G"]:
    """W x + b for every row x.

    Raises:
        CompilerError: there is no C compiler, or it fails.
    """
    return _Product.apply(input, weight, bias, bf16)


class _Product(torch.autograd.Function):
    """(X, W, b) -> X Wᵀ + b, with ∂ℓ/∂X = Δ W, ∂ℓ/∂W = Δᵀ X and ∂ℓ/∂b = Δᵀ 1."""

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, bias: Tensor | None, bf16: bool) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.bf16 = bf16
        products = row_products(inputs.flatten(0, -2), weight.t(), bias, bf16)
        return products.view(*inputs.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: FunctionCtx, errors: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        with torch.no_grad():
            results = _Product._backward(ctx, inputs, weight, errors.flatten(0, -2))
        return *differentiable_as(results, linear_gradients, (inputs, weight, errors)), None

    @staticmethod
    def _backward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, errors: Tensor) -> Results:
        wanted = ctx.needs_input_grad
        back = row_products(errors, weight, bf16=ctx.bf16).view(inputs.shape) if wanted[0] else None
        if not wanted[1]:
            return back, None, errors.sum(0) if wanted[2] else None
        return back, *outer_products(errors, inputs.flatten(0, -2), wanted[2], ctx.bf16)
