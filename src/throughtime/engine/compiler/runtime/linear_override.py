"""Linear layers by the compiler's own matrix products: the input product W_x x_t + b and the readout of all steps."""

import torch
from jaxtyping import Float
from torch import Tensor

from throughtime.cell.base import Cell
from throughtime.engine.compiler.runtime.gemm import outer_products, row_products
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.linear_override import LinearOverride, LinearProducts

SMALLEST = 1 << 22  # multiplications; below that a call costs more than it saves


class CompiledProducts(LinearProducts):
    """The products of `gemm`; without a C compiler, torch's own are taken.

    Args:
        bf16: whether they are computed in bfloat16, with sums in single precision, where the processor can.
    """

    dtypes = frozenset({torch.float32, torch.float64})
    failures = (CompilerError,)

    def __init__(self, bf16: bool = False) -> None:
        self.bf16, self.smallest = bf16, SMALLEST

    def forward(
        self, rows: Float[Tensor, "R I"], weight: Float[Tensor, "G I"], bias: Float[Tensor, " G"] | None
    ) -> Float[Tensor, "R G"]:
        return row_products(rows, weight.t(), bias, self.bf16)

    def input_gradient(
        self, grad_out: Float[Tensor, "R G"], weight: Float[Tensor, "G I"]
    ) -> Float[Tensor, "R I"]:
        return row_products(grad_out, weight, None, self.bf16)

    def weight_gradient(
        self, grad_out: Float[Tensor, "R G"], rows: Float[Tensor, "R I"], bias: bool
    ) -> tuple[Float[Tensor, "G I"], Float[Tensor, " G"] | None]:
        return outer_products(grad_out, rows, bias, self.bf16)


def override_linear(bf16: bool = False) -> LinearOverride:
    """Compute linear layers inside the block by the compiler's products."""
    return LinearOverride(CompiledProducts(bf16))


def project(cell: Cell, inputs: Float[Tensor, "T B I"], bf16: bool = False) -> Float[Tensor, "T B G"]:
    """`cell.project`, its linear layers computed by the compiler's products."""
    with override_linear(bf16):
        return cell.project(inputs)
