"""Linear layers by other matrix products than torch's, with gradients: one autograd function for all such products.

With the rows X [R, I], the weight W [G, I], the bias b [G] and Δ = ∂ℓ/∂Y:

    Y = X Wᵀ + b,      ∂ℓ/∂X = Δ W,      ∂ℓ/∂W = Δᵀ X,      ∂ℓ/∂b = Δᵀ 1
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from throughtime.engine.second_derivative import Gradients, with_second_derivative


class LinearProducts(ABC):
    """The matrix products of a linear layer on a CPU, forward and backward.

    Attributes:
        dtypes: the precisions that they take.
        smallest: the multiplications R·I·G of a product; with fewer, a call costs more than it saves.
        failures: exceptions of `forward` after which torch's own product is taken.
    """

    dtypes: ClassVar[frozenset[torch.dtype]]
    smallest: int
    failures: ClassVar[tuple[type[Exception], ...]] = ()

    def available(self) -> bool:
        """Whether the library behind them is there and enabled."""
        return True

    @abstractmethod
    def forward(
        self, rows: Float[Tensor, "R I"], weight: Float[Tensor, "G I"], bias: Float[Tensor, " G"] | None
    ) -> Float[Tensor, "R G"]:
        """X Wᵀ + b."""

    @abstractmethod
    def input_gradient(
        self, grad_out: Float[Tensor, "R G"], weight: Float[Tensor, "G I"]
    ) -> Float[Tensor, "R I"]:
        """Δ W."""

    @abstractmethod
    def weight_gradient(
        self, grad_out: Float[Tensor, "R G"], rows: Float[Tensor, "R I"], bias: bool
    ) -> tuple[Float[Tensor, "G I"], Float[Tensor, " G"] | None]:
        """Δᵀ X, and if the bias's gradient is wanted too, Δᵀ 1."""

    def supports(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether a linear layer of these tensors can be computed so and gains by it."""
        tensors = [inputs, weight] if bias is None else [inputs, weight, bias]
        precisions = {tensor.dtype for tensor in tensors}
        return (
            len(precisions) == 1
            and precisions <= self.dtypes
            and all(tensor.device.type == "cpu" for tensor in tensors)
            and all(tensor.layout == torch.strided for tensor in tensors)
            and weight.dim() == 2
            # Other sizes, torch broadcasts or refuses.
            and inputs.dim() > 0
            and inputs.shape[-1] == weight.shape[1]
            and (bias is None or bias.shape == weight.shape[:1])
            and inputs.numel() * len(weight) >= self.smallest
            and not torch.is_autocast_enabled("cpu")
            and self.available()
        )


class LinearOverride(TorchFunctionMode):
    """Compute the linear layers inside the block by the products given, if these support them.

    Taken over are `functional.linear` (and so `nn.Linear`) in code, and `mm` and `addmm` in graphs of ATen operators.
    """

    def __init__(self, products: LinearProducts) -> None:
        super().__init__()
        self.products = products

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple = (), options: dict[str, Any] | None = None
    ) -> Any:
        options = options or {}
        if function in _OPERANDS:
            operands = _OPERANDS[function](*arguments, **options)
            if operands is not None and self.products.supports(*operands):
                try:
                    return linear(self.products, *operands)
                except self.products.failures:
                    pass
        return function(*arguments, **options)


Operands = tuple[Tensor, Tensor, Tensor | None]
"""(X, W, b) of X Wᵀ + b."""


def _of_linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Operands:
    return input, weight, bias


def _of_mm(left: Tensor, right: Tensor) -> Operands:
    return left, right.t(), None


def _of_addmm(added: Tensor, left: Tensor, right: Tensor, **scales: int | float) -> Operands | None:
    return (left, right.t(), added) if added.dim() == 1 and not scales else None


_OPERANDS = {
    functional.linear: _of_linear,
    torch.ops.aten.mm.default: _of_mm,
    torch.ops.aten.addmm.default: _of_addmm,
}


def linear(
    products: LinearProducts,
    inputs: Float[Tensor, "*T I"],
    weight: Float[Tensor, "G I"],
    bias: Float[Tensor, " G"] | None = None,
) -> Float[Tensor, "*T G"]:
    """W x + b for every row x, as `functional.linear`, by the products given."""
    return _Linear.apply(products, inputs, weight, bias)


class _Linear(torch.autograd.Function):
    """(X, W, b) -> X Wᵀ + b, by given products."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, products: LinearProducts, inputs: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        ctx.products = products
        ctx.save_for_backward(inputs, weight)
        outputs = products.forward(_as_rows(inputs), weight, bias)
        return outputs.view(*inputs.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: FunctionCtx, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        with torch.no_grad():
            gradients = _Linear._backward(ctx, inputs, weight, _as_rows(grad_out))
        return None, *with_second_derivative(gradients, _gradients, (inputs, weight, grad_out))

    @staticmethod
    def _backward(ctx: FunctionCtx, inputs: Tensor, weight: Tensor, grad_out: Tensor) -> Gradients:
        _, wants_inputs, wants_weight, wants_bias = ctx.needs_input_grad
        grad_in = ctx.products.input_gradient(grad_out, weight).view(inputs.shape) if wants_inputs else None
        if not wants_weight:
            return grad_in, None, grad_out.sum(0) if wants_bias else None
        return grad_in, *ctx.products.weight_gradient(grad_out, _as_rows(inputs), wants_bias)


def _gradients(
    inputs: Float[Tensor, "*T I"], weight: Float[Tensor, "G I"], grad_out: Float[Tensor, "*T G"]
) -> tuple[Float[Tensor, "*T I"], Float[Tensor, "G I"], Float[Tensor, " G"]]:
    """The gradients of X Wᵀ + b in torch's operators: (X, W, Δ) -> Δ W, Δᵀ X and Δᵀ 1."""
    flat = _as_rows(grad_out)
    return grad_out @ weight, flat.t() @ _as_rows(inputs), flat.sum(0)


def _as_rows(tensor: Float[Tensor, "*T N"]) -> Float[Tensor, "R N"]:
    return tensor[None] if tensor.dim() == 1 else tensor.flatten(0, -2)
